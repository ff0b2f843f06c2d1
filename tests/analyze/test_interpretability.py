from dataclasses import replace

import numpy as np

from tarragon.analyze.interpretability import best_of, price_of_glass
from tarragon.analyze.scores import Wording
from tarragon.analyze.subject import evidence
from tarragon.metrics import metric, paired


def test_the_price_is_the_paired_gap_to_the_glass_box(binary):
    proof, m = evidence(binary), metric("auc")
    found = price_of_glass(binary, m, proof, Wording("target", binary.table.classes))
    gap = paired(m, proof.y, proof.p, binary.trials[0].oof)
    assert (found.price, found.price_low, found.price_high) == gap
    assert found.trial == "linear-1"


def test_no_glass_box_no_price(binary):
    black = tuple(replace(t, glass_box=False) for t in binary.trials)
    words = Wording("target", binary.table.classes)
    assert price_of_glass(replace(binary, trials=black), metric("auc"), evidence(binary), words) is None


def test_a_glass_box_that_won_costs_nothing(binary):
    subject = replace(binary, winner=(("linear-1", 1.0),), oof=binary.trials[0].oof)
    found = price_of_glass(subject, metric("auc"), evidence(subject), Wording("target", subject.table.classes))
    assert found.price == 0.0
    assert "costs nothing" in found.sentence


def test_only_complete_trials_with_a_defined_score_can_be_best(binary):
    half = replace(binary.trials[0], complete=False)
    empty = replace(binary.trials[1], name="hole", oof=np.full_like(binary.oof, np.nan))
    proof = evidence(binary)
    assert best_of(metric("log_loss"), [half, empty, binary.trials[1]], proof).name == "tree-1"
