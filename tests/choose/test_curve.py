"""Learning curves: the law is recovered, and points are out of fold."""

import numpy as np
import pytest

from tarragon.choose.curve import extrapolate, learning_curve, power_law
from tarragon.choose.probe import random_folds
from tarragon.choose.sheet import sheet
from tarragon.metrics import metric


@pytest.mark.parametrize(("a", "b", "c"), [(0.0, 3.0, 0.5), (0.2, 5.0, 0.7), (0.4, 0.0, 1.0)])
def test_power_law_is_recovered(a, b, c):
    m = np.geomspace(100, 2_000, 5)
    loss = a + b * m**-c
    fitted = power_law(m, loss)
    more = np.array([4_000.0, 8_000.0])
    np.testing.assert_allclose(fitted[0] + fitted[1] * more ** -fitted[2], a + b * more**-c, rtol=0.02)


def test_extrapolation_knows_the_direction():
    m, more = np.array([100.0, 200.0, 400.0, 800.0]), np.array([1_600.0, 3_200.0])
    better = extrapolate(m, 1 - 2 * m**-0.5, more, metric("auc"))
    np.testing.assert_allclose(better, 1 - 2 * more**-0.5, rtol=0.01)
    worse = extrapolate(m, 3 * m**-0.5, more, metric("rmse"))
    np.testing.assert_allclose(worse, 3 * more**-0.5, rtol=0.01)
    noisy = extrapolate(m, np.array([0.7, 0.8, 0.8, 0.78]), more, metric("auc"))
    assert (noisy >= 0.78).all()


@pytest.mark.parametrize("probe", ["forest", "ridge"])
def test_curve_of_a_table(table_of, rng, probe):
    X = rng.normal(size=(900, 5))
    y = X @ [1.0, 0.5, 0.2, 0.0, 0.0] + rng.normal(size=900)
    made = sheet(table_of({**{f"x{j}": X[:, j] for j in range(5)}, "y": y}), np.arange(900))
    got = learning_curve(made, random_folds(900, 3, 0), metric("rmse"), (probe, 0, 6_000), lambda: 100.0)
    assert list(got.rows) == sorted(got.rows)
    assert got.score[-1] < got.score[0]
    assert all(low <= s <= high for low, s, high in zip(got.low, got.score, got.high, strict=True))
    assert got.more_rows == (12_000.0, 24_000.0)
    assert max(got.expected) <= got.score[-1]


def test_too_few_rows(table_of, rng):
    made = sheet(table_of({"x": rng.normal(size=30), "y": rng.normal(size=30)}), np.arange(30))
    assert learning_curve(made, random_folds(30, 3, 0), metric("rmse"), ("forest", 0, 20), lambda: 9.0) is None
