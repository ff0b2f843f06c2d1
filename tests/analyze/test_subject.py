from dataclasses import replace

import numpy as np

from tarragon.analyze.subject import answers, evidence


def test_evidence_holds_the_judged_rows_with_their_fold(binary):
    oof = binary.oof.copy()
    oof[:7] = np.nan
    proof = evidence(replace(binary, oof=oof))
    assert proof.rows.tolist() == list(range(7, 600))
    for k, fold in enumerate(binary.split.folds):
        assert set(proof.rows[proof.fold == k]) == set(fold.valid) - set(range(7))
    assert np.array_equal(proof.y, binary.table.y[7:])


def test_holdout_rows_are_no_evidence(with_holdout):
    assert evidence(with_holdout).rows.max() == 599


def test_a_sample_is_in_table_order_and_repeatable(binary):
    proof = evidence(binary)
    few = proof.sample(50, 3)
    assert len(few.y) == 50
    assert np.all(np.diff(few.rows) > 0)
    assert np.array_equal(few.rows, proof.sample(50, 3).rows)
    assert proof.sample(10_000, 0) is proof


def test_answers_use_the_models_threshold(binary):
    p = np.array([[0.7, 0.3]])
    assert answers(binary, p).tolist() == [0]
    assert answers(replace(binary, threshold=0.2), p).tolist() == [1]
