from dataclasses import replace

import numpy as np
import pytest

from tarragon.analyze.actions import (
    calibrate,
    clean_labels,
    drop_columns,
    longer_search,
    more_rows,
    next_actions,
    sharpen,
)
from tarragon.analyze.fit import judge_fit
from tarragon.analyze.protocol import Importance
from tarragon.analyze.subject import evidence
from tarragon.choose.protocol import Curve
from tarragon.metrics import metric


def _curve(expected, noise=0.004):
    return Curve((100.0, 400.0), (0.7, 0.8), (0.68, 0.8 - noise), (0.72, 0.8 + noise), (800.0, 1600.0), (expected, 0.9))


def test_more_rows_promise_what_the_curve_extrapolates(binary):
    action = more_rows(replace(binary, curve=_curve(0.85)), metric("auc"))
    assert action.gain == pytest.approx(0.05)
    assert "400 more rows" in action.how
    assert more_rows(replace(binary, curve=_curve(0.801)), metric("auc")) is None
    assert more_rows(binary, metric("auc")) is None


def test_a_longer_search_promises_what_the_last_third_brought(binary):
    scores = (0.70, 0.75, 0.76, 0.76, 0.75, 0.78)
    trials = tuple(replace(binary.trials[0], name=f"t{i}", scores=(s,), fit_s=1.0) for i, s in enumerate(scores))
    assert longer_search(replace(binary, trials=trials), metric("auc")).gain == pytest.approx(0.02)
    flat = tuple(replace(t, scores=(0.7,)) for t in trials)
    assert longer_search(replace(binary, trials=flat), metric("auc")) is None


def test_overconfident_probabilities_are_told_to_be_calibrated(binary):
    rng = np.random.default_rng(0)
    true = rng.random(2_000)
    y = (rng.random(2_000) < true).astype(float)
    honest = np.c_[1 - true, true]
    proof = replace(
        evidence(binary), rows=np.arange(2_000), fold=np.zeros(2_000, dtype=int), y=y, p=sharpen(honest, 3.0)
    )
    action = calibrate(metric("log_loss"), proof)
    m = metric("log_loss")
    assert action.gain == pytest.approx(m.score(y, proof.p) - m.score(y, honest), rel=0.1)
    assert calibrate(metric("log_loss"), replace(proof, p=honest)) is None
    assert calibrate(metric("auc"), proof) is None


def test_columns_that_change_nothing_are_named():
    columns = [
        Importance("a", 0.1, 0.05, 0.15, 0.2),
        Importance("b", 0.0, 0.0, 0.0, 0.0),
        Importance("c", -0.01, -0.02, -0.001, 0.0),
    ]
    action = drop_columns(columns)
    assert action.title == "Leave out 2 columns"
    assert "--drop b --drop c" in action.how
    assert action.gain is None
    assert drop_columns(columns[:1]) is None


def test_doubtful_labels_are_counted(binary):
    assert "1,234" in clean_labels(replace(binary, suspects=1_234)).title
    assert clean_labels(binary) is None


def test_measured_gains_come_first(binary):
    fit = judge_fit(metric("auc"), [(replace(binary.trials[0], train_scores=(1.0,) * 3, scores=(0.6,) * 3), 1.0)], 0.5)
    subject = replace(binary, curve=_curve(0.85), suspects=3)
    found = next_actions(subject, metric("auc"), evidence(subject), (fit, (), (), None))
    assert [a.gain is None for a in found] == [False, True, True]
    assert {a.title for a in found} == {"Collect more rows", "Check 3 doubtful labels", "Hold the model back"}
