from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tarragon.analyze.fit import judge_fit
from tarragon.metrics import metric


def _trial(binary, train, valid, history=()):
    return replace(binary.trials[0], train_scores=train, scores=valid, history=history)


@pytest.mark.parametrize(
    ("train", "valid", "verdict"),
    [
        ((0.93, 0.94, 0.93), (0.91, 0.92, 0.91), "balanced"),
        ((0.99, 0.99, 1.0), (0.70, 0.71, 0.69), "overfit"),
        ((0.53, 0.52, 0.54), (0.52, 0.52, 0.53), "underfit"),
    ],
)
def test_verdicts(binary, train, valid, verdict):
    fit = judge_fit(metric("auc"), [(_trial(binary, train, valid), 1.0)], 0.5)
    assert fit.verdict == verdict
    assert f"{np.mean(train):.4g}" in fit.sentence


def test_losses_count_the_other_way_round(binary):
    fit = judge_fit(metric("rmse"), [(_trial(binary, (1.0, 1.1), (5.0, 5.2)), 1.0)], 10.0)
    assert fit.gap == pytest.approx(4.05)
    assert fit.verdict == "overfit"


def test_the_gap_has_its_t_interval(binary):
    train, valid = np.array([0.9, 0.95, 0.92]), np.array([0.85, 0.91, 0.84])
    fit = judge_fit(metric("auc"), [(_trial(binary, tuple(train), tuple(valid)), 1.0)], 0.5)
    low, high = stats.t.interval(0.95, 2, (train - valid).mean(), stats.sem(train - valid))
    assert (fit.gap_low, fit.gap_high) == pytest.approx((low, high))


def test_members_are_weighed(binary):
    one, other = _trial(binary, (0.9,), (0.8,)), _trial(binary, (0.7,), (0.6,))
    fit = judge_fit(metric("auc"), [(one, 3.0), (other, 1.0)], 0.5)
    assert fit.valid == pytest.approx(0.75)


def test_a_loss_that_rises_at_the_end_is_named(binary):
    rounds = tuple((float(i), 1.0 - 0.1 * i if i < 6 else 0.5 + 0.1 * (i - 6)) for i in range(12))
    fit = judge_fit(metric("auc"), [(_trial(binary, (0.9, 0.9), (0.88, 0.88), rounds), 1.0)], 0.5)
    assert "rises again" in fit.sentence
    assert fit.history[0].y == tuple(b for _, b in rounds)
