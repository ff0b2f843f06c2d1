"""Influence values against their definition, intervals and paired gaps against the bootstrap and published formulas."""

import numpy as np
import pytest
from scipy import stats

from tarragon.metrics import METRICS, for_task, influence, interval, metric, paired, wilson
from tarragon.metrics.compare import standard_error

SMOOTH = [m for m in METRICS if m.needs != "label" or m.rowwise is not None]


def _rows(task, n=400, seed=0):
    rng = np.random.default_rng(seed)
    if task == "regression":
        y = rng.gamma(3.0, 2.0, n)
        return y, y + rng.normal(size=n), y + 1.5 * rng.normal(size=n)
    k = 2 if task == "binary" else 3
    y = rng.integers(0, k, n).astype(float)

    def soft(noise):
        raw = noise * rng.normal(size=(n, k)) + 1.2 * np.eye(k)[y.astype(int)]
        return np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)

    return y, soft(1.0), soft(1.6)


@pytest.mark.parametrize(
    "name", [m.name for m in SMOOTH if m.name not in {"median_absolute_error", "calibration_error"}]
)
def test_influence_is_the_derivative_in_a_rows_weight(name):
    m = metric(name)
    y, p, _ = _rows("multiclass" if "multiclass" in m.tasks else m.tasks[0], n=60)
    w = np.random.default_rng(3).random(60) + 0.5
    value, part = influence(m, y, p, w)
    assert np.isclose(value, m.score(y, p, w))
    assert abs((w * part).sum()) < 1e-8 * max(1.0, np.abs(part).max())
    for i in (0, 17, 59):
        step = 1e-6 * w.sum()
        more = w.copy()
        more[i] += step
        moved = (m.score(y, p, more) - value) / step * w.sum()
        assert np.isclose(moved, part[i], rtol=2e-3, atol=1e-4 * np.abs(part).max())


def test_auc_variance_is_delongs():
    y, p, _ = _rows("binary", n=120)
    score, pos = p[:, 1], y == 1
    wins = (score[pos][:, None] > score[~pos]) + 0.5 * (score[pos][:, None] == score[~pos])
    v10, v01 = wins.mean(axis=1), wins.mean(axis=0)
    delong = np.sqrt(v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01))
    assert np.isclose(standard_error(influence(metric("auc"), y, p)[1]), delong, rtol=0.02)


@pytest.mark.parametrize("name", [m.name for m in METRICS])
def test_interval_agrees_with_the_bootstrap(name):
    m = metric(name)
    y, p, _ = _rows(m.tasks[0])
    value, low, high = interval(m, y, p)
    rng = np.random.default_rng(0)
    draws = [m.score(y[i], p[i]) for i in (rng.integers(0, len(y), len(y)) for _ in range(300))]
    assert low < value < high
    ratio = (high - low) / (3.92 * np.std(draws))
    assert 0.8 < ratio < (1.6 if name == "calibration_error" else 1.3), ratio  # its kinks make the bootstrap narrow


@pytest.mark.parametrize("name", [m.name for m in METRICS])
def test_paired_agrees_with_the_paired_bootstrap(name):
    m = metric(name)
    y, a, b = _rows(m.tasks[0])
    gap, low, high = paired(m, y, a, b)
    assert np.isclose(gap, m.utility(m.score(y, a)) - m.utility(m.score(y, b)))
    rng = np.random.default_rng(0)
    picks = [rng.integers(0, len(y), len(y)) for _ in range(300)]
    draws = [m.utility(m.score(y[i], a[i])) - m.utility(m.score(y[i], b[i])) for i in picks]
    if name != "calibration_error":  # not smooth where a bin's gap is near zero
        assert 0.75 < (high - low) / (3.92 * np.std(draws)) < 1.3


def test_paired_means_equal_the_paired_t_test():
    y, a, b = _rows("regression")
    gap, low, high = paired(metric("mae"), y, a, b)
    theirs = stats.ttest_rel(np.abs(y - b), np.abs(y - a)).confidence_interval(0.95)
    assert np.isclose(gap, (np.abs(y - b) - np.abs(y - a)).mean())
    assert np.allclose((low, high), theirs)


@pytest.mark.parametrize("name", ["auc", "f1", "log_loss"])
def test_a_model_against_itself_ties_and_swapping_mirrors(name):
    y, a, b = _rows("binary")
    assert paired(metric(name), y, a, a) == (0.0, 0.0, 0.0)
    gap, low, high = paired(metric(name), y, a, b, seed=1)
    assert np.allclose(paired(metric(name), y, b, a, seed=1), (-gap, -high, -low), atol=0.01)


def test_paired_intervals_cover_the_true_gap():
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = (rng.random(150) < 0.4).astype(float)
        z = rng.normal(size=150) + y
        a, b = z + 0.5 * rng.normal(size=150), z + 0.5 * rng.normal(size=150)  # equally good
        one, other = (np.c_[1 - s, s] for s in (stats.norm.cdf(a), stats.norm.cdf(b)))
        _, low, high = paired(metric("auc"), y, one, other)
        covered += low <= 0 <= high
    assert 183 <= covered <= 200  # 95 % of 200, three standard deviations


def test_unjudged_rows_are_left_out_of_both():
    y, a, b = _rows("binary")
    hole = a.copy()
    hole[:50] = np.nan
    assert paired(metric("auc"), y, hole, b) == paired(metric("auc"), y[50:], a[50:], b[50:])
    assert interval(metric("auc"), y, hole) == interval(metric("auc"), y[50:], a[50:])


def test_nothing_to_compare_says_nothing():
    gap, low, high = paired(metric("auc"), np.ones(9), np.ones((9, 2)) / 2, np.ones((9, 2)) / 2)
    assert np.isnan(gap)
    assert (low, high) == (-np.inf, np.inf)


def test_perfect_scores_keep_some_doubt():
    y = np.array([0.0, 1] * 20)
    p = np.c_[1 - y, y] * 0.98 + 0.01
    for m in for_task("binary"):
        if m.greater_is_better:
            value, low, high = interval(m, y, p)
            assert value == high == 1.0
            assert 0.5 < low < 1.0


def test_wilson_equals_the_published_example():
    low, high = wilson(15, 148)  # Newcombe 1998, Statistics in Medicine 17, table I: 0.0624 to 0.1605
    assert (round(low, 4), round(high, 4)) == (0.0624, 0.1605)
    assert wilson(0, 20)[0] == 0.0
    assert 0.13 < wilson(0, 20)[1] < 0.17


def test_weights_that_count_rows_widen_like_fewer_rows():
    y, p, _ = _rows("binary")
    heavy = np.where(np.arange(len(y)) % 10 == 0, 10.0, 0.1)
    for name in ("auc", "accuracy", "f1", "log_loss"):
        plain, weighted = interval(metric(name), y, p), interval(metric(name), y, p, heavy)
        assert weighted[2] - weighted[1] > 1.5 * (plain[2] - plain[1])
