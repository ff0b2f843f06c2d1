"""The interval is simulated against: does it hold a fresh sample's score as often as it says?"""

import numpy as np
import pytest
from scipy import stats

from tarragon.analyze.predictive import DRAWS, Judged, fresh_means, largest_loss, predictive, tail_posterior
from tarragon.metrics import metric

TIMES = 120


def _classes(rng, n, sharp):
    x = rng.normal(size=n)
    p = stats.logistic.cdf(sharp * x)
    y = (rng.random(n) < p).astype(float)
    return y, np.c_[1 - p, p]


def _values(rng, n, tail):
    x = rng.normal(size=n)
    return 3 * x + rng.standard_t(tail, size=n), 3 * x


@pytest.mark.parametrize(
    ("name", "make", "n"),
    [
        ("auc", lambda r, n: _classes(r, n, 1.5), 300),
        ("log_loss", lambda r, n: _classes(r, n, 1.5), 300),
        ("log_loss", lambda r, n: _classes(r, n, 20.0), 120),
        ("accuracy", lambda r, n: _classes(r, n, 3.0), 200),
        ("f1", lambda r, n: _classes(r, n, 2.0), 200),
        ("rmse", lambda r, n: _values(r, n, 30), 200),
        ("rmse", lambda r, n: _values(r, n, 2.5), 600),
        ("mae", lambda r, n: _values(r, n, 3), 200),
        ("r2", lambda r, n: _values(r, n, 8), 300),
    ],
)
def test_covers_the_score_of_a_fresh_sample(name, make, n):
    m, held = metric(name), 0
    for seed in range(TIMES):
        rng = np.random.default_rng(seed)
        y, p = make(rng, n + n // 3)
        low, high = predictive(m, Judged(y[:n], p[:n]), n // 3, seed=seed)
        held += low <= m.score(y[n:], p[n:]) <= high
    # 95 % asked; the binomial's three standard deviations below 93 % are 103 of 120
    assert held >= 103, held / TIMES


def test_is_no_wider_than_it_must_be_for_tame_errors():
    rng = np.random.default_rng(0)
    y, p = _values(rng, 3_000, 50)
    low, high = predictive(metric("rmse"), Judged(y, p), 1_000)
    exact = np.sqrt(stats.chi2.ppf([0.025, 0.975], 1_000 / (1 + 1 / 3)) / (1_000 / (1 + 1 / 3)) * np.mean((y - p) ** 2))
    assert (high - low) < 1.3 * (exact[1] - exact[0])


def test_a_confidence_interval_would_be_too_narrow_so_ours_is_wider():
    from tarragon.metrics import interval

    y, p = _classes(np.random.default_rng(0), 900, 1.5)
    _, low, high = interval(metric("auc"), y, p)
    ours = predictive(metric("auc"), Judged(y, p), 300)
    assert 1.8 < (ours[1] - ours[0]) / (high - low) < 2.2  # √(1 + n/m) = 2


def test_tail_posterior_finds_the_shape():
    rng = np.random.default_rng(0)
    for true in (0.05, 0.5, 1.2):
        over = stats.genpareto.rvs(true, size=1_500, random_state=1)
        shape, scale = tail_posterior(over, rng)
        assert abs(np.mean(shape) - true) < 0.12
        assert abs(np.median(scale) - 1.0) < 0.2


def test_fresh_means_centre_on_the_mean_of_tame_losses():
    rng = np.random.default_rng(0)
    losses = rng.gamma(2.0, 1.0, 4_000)
    means = fresh_means(losses, 1_000, rng)
    assert len(means) == DRAWS
    assert abs(means.mean() - losses.mean()) < 0.02
    expected = losses.std() * np.sqrt(1 / 4_000 + 1 / 1_000)
    assert 0.9 < means.std() / expected < 1.15


def test_no_row_loses_more_than_the_model_can_lose():
    p = np.array([[0.999, 0.001], [0.4, 0.6]])
    assert np.isclose(largest_loss(metric("log_loss"), p), -np.log(0.001))
    assert largest_loss(metric("rmse"), p[:, 0]) == np.inf


def test_weights_and_holes():
    y, p = _classes(np.random.default_rng(0), 400, 1.5)
    hole = p.copy()
    hole[:100] = np.nan
    m = metric("auc")
    assert predictive(m, Judged(y, hole), 100) == predictive(m, Judged(y[100:], p[100:]), 100)
    heavy = np.where(np.arange(400) % 20 == 0, 20.0, 0.05)
    for name in ("log_loss", "auc", "f1"):
        plain, weighted = (predictive(metric(name), Judged(y, p, w), 133) for w in (None, heavy))
        assert weighted[1] - weighted[0] > 1.5 * (plain[1] - plain[0])


def test_undefined_stays_undefined():
    assert np.isnan(predictive(metric("auc"), Judged(np.ones(9), np.full((9, 2), 0.5)), 3)).all()
