from dataclasses import replace

import numpy as np
import pytest

from tarragon.analyze.baselines import all_baselines, cut_column, dummy, one_rule, rule_answers
from tarragon.analyze.scores import Wording
from tarragon.analyze.subject import evidence
from tarragon.metrics import metric


def _all(subject, **changes):
    subject = replace(subject, **changes)
    words = Wording("target", subject.table.classes)
    made = all_baselines(subject, metric(subject.board.metric), evidence(subject), words, go_on=lambda: True)
    return {b.name: b for b in made}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_dummy_one_rule_and_linear_stand_below_one_another(task, request):
    found = _all(request.getfixturevalue(task))
    assert set(found) == {"dummy", "one-rule", "linear"}
    assert found["dummy"].gain_low > 0
    assert found["dummy"].gain > found["one-rule"].gain > 0
    assert "income" in found["one-rule"].rule  # the strongest column by construction


def test_the_dummy_never_sees_the_row_it_answers(regression):
    proof = evidence(regression)
    _, p = dummy(metric("rmse"), proof, 0, Wording("target"))
    for k in range(3):
        inside = proof.fold == k
        assert np.allclose(p[inside], proof.y[~inside].mean())
    _, p = dummy(metric("mae"), proof, 0, Wording("target"))
    assert np.isclose(p[proof.fold == 0][0], np.median(proof.y[proof.fold != 0]))


def test_a_dummy_ranks_nothing(binary):
    assert abs(_all(binary)["dummy"].score.value - 0.5) < 0.06


def test_rule_answers_are_the_smoothed_means_of_the_other_folds(regression):
    proof = evidence(regression)
    code = cut_column(regression.table, regression.table.columns[3], proof.rows).code
    p = rule_answers(code, proof, 0)
    teach = (proof.fold != 1) & (code == 2)
    prior = proof.y[proof.fold != 1].mean()
    expected = (proof.y[teach].sum() + prior) / (teach.sum() + 1)
    assert np.allclose(p[(proof.fold == 1) & (code == 2)], expected)


def test_numbers_are_cut_at_quantiles_and_missing_is_a_bin_of_its_own(binary):
    import polars as pl

    frame = binary.table.frame.with_columns(
        pl.when(pl.int_range(pl.len()) < 30).then(None).otherwise(pl.col("income")).alias("income")
    )
    table = replace(binary.table, frame=frame)
    cut = cut_column(table, table.columns[0], np.arange(600))
    counts = np.bincount(cut.code)
    assert cut.names[-1] == "missing"
    assert counts[-1] == 30
    assert np.all(np.abs(counts[:-1] - 95) <= 1)


def test_rules_read_as_sentences(binary, multiclass, regression):
    for subject, start in (
        (binary, ("Say yes when", "Rank by")),
        (multiclass, ("Say ",)),
        (regression, ("Say the mean",)),
    ):
        rule, p = one_rule(
            subject, metric(subject.board.metric), evidence(subject), Wording("target", subject.table.classes)
        )
        assert rule.startswith(start)
        assert p.shape == subject.oof.shape


def test_the_previous_version_is_asked(binary):
    found = _all(binary, previous=binary.predictor)
    assert abs(found["previous"].gain) < 0.1
    assert "did not learn from" in found["previous"].rule


def test_rows_the_previous_version_learned_from_do_not_count(binary):
    class Forgetful:
        def respond(self, frame, fold=None):
            answer = np.array(binary.predictor.respond(frame, fold))
            answer[len(answer) // 2 :] = np.nan
            return answer

        def size_parts(self):
            return {}

    class Knows(Forgetful):
        def respond(self, frame, fold=None):
            return np.full_like(binary.predictor.respond(frame, fold), np.nan)

    assert (
        _all(binary, previous=Forgetful())["previous"].score.n
        < _all(binary, previous=binary.predictor)["previous"].score.n
    )
    assert "previous" not in _all(binary, previous=Knows())


def test_without_time_only_the_dummy_and_what_is_there_already(binary):
    words = Wording("target", binary.table.classes)
    made = all_baselines(binary, metric("auc"), evidence(binary), words, go_on=lambda: False)
    assert [b.name for b in made] == ["dummy", "linear"]
