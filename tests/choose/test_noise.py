"""Wrong labels against hard problems, where the truth is known by construction."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from tarragon.choose.noise import ceiling, contradictions, density, hard_curve, label_noise, swapped_values
from tarragon.choose.sheet import sheet


def binary(rng, n, slope, flipped=0.0):
    z = rng.normal(size=n)
    y = (rng.random(n) < expit(slope * z)).astype(float)
    hit = rng.random(n) < flipped
    y[hit] = 1 - y[hit]
    p = flipped + (1 - 2 * flipped) * expit(slope * z)
    return y, np.column_stack([1 - p, p])


def test_ceiling_recovers_the_share(rng):
    s = rng.normal(size=20_000)
    right = (rng.random(20_000) < 0.7 * expit(1.0 + 2.0 * s)).astype(float)
    share, ratio = ceiling(s, right)
    assert share == pytest.approx(0.3, abs=0.03)
    assert ratio > 50


@pytest.mark.parametrize("slope", [0.8, 1.5, 4.0])
def test_hard_problems_are_not_noise(rng, slope):
    y, p = binary(rng, 3_000, slope)
    assert not contradictions(y, p).found


@pytest.mark.parametrize("share", [0.2, 0.3])
def test_flipped_labels_are(rng, share):
    y, p = binary(rng, 3_000, 8.0, share)
    got = contradictions(y, p)
    assert got.found
    assert got.share == pytest.approx(share, abs=0.06)


def test_hard_curve_of_normal_scores(rng):
    """Against a simulation: surest first, the mean of the curve is the accuracy."""
    d = np.sqrt(2) * stats.norm.ppf(0.8)
    y = rng.random(200_000) < 0.3
    x = rng.normal(size=200_000) + d * y
    p = expit(np.log(0.3 / 0.7) + d * (x - d / 2))
    sure = np.sort(np.maximum(p, 1 - p))[::-1]
    np.testing.assert_allclose(hard_curve(0.8, 0.3, 1_000), sure.reshape(1_000, 200).mean(axis=1), atol=0.02)


def test_swapped_values_recovers_the_share(rng):
    answer = rng.normal(size=3_000) * 3
    y = answer + rng.normal(size=3_000) * 0.5
    hit = np.flatnonzero(rng.random(3_000) < 0.25)
    mixed = y.copy()
    mixed[hit] = y[rng.permutation(hit)]
    share, ratio, core = swapped_values(mixed, answer)
    assert share == pytest.approx(0.25, abs=0.04)
    assert ratio > 100
    assert core > 0.9
    assert swapped_values(y, answer)[0] < 0.03


def test_heavy_tails_are_not_swaps(rng):
    answer = rng.normal(size=3_000) * 3
    assert swapped_values(answer + stats.t.rvs(3, size=3_000, random_state=1), answer)[0] < 0.08


def test_density_is_a_density(rng):
    y = rng.normal(size=20_000)
    inside = np.abs(y) < 1
    np.testing.assert_allclose(density(y)[inside], stats.norm.pdf(y[inside]), rtol=0.1)


@pytest.mark.parametrize("flipped", [False, True])
def test_table_to_estimate(table_of, rng, flipped):
    X = rng.normal(size=(1_200, 4))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    if flipped:
        y = np.where(rng.random(1_200) < 0.25, 1 - y, y)
    made = sheet(table_of({**{f"x{j}": X[:, j] for j in range(4)}, "y": y}), np.arange(1_200))
    nothing = np.full((1_200, 2), np.nan)
    assert label_noise(made, nothing, 0, lambda: 10.0).found is flipped
