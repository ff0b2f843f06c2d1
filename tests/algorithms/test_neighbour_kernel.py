"""The best scores are those that sorting finds, however they are cut into blocks."""

import numpy as np
import pytest

from tarragon.algorithms.neighbour_kernel import keep, measure


@pytest.mark.parametrize(("n", "k", "size"), [(50, 50, 7), (200, 5, 64), (200, 1, 200)])
def test_the_best_are_kept(n: int, k: int, size: int) -> None:
    scores = np.random.default_rng(0).normal(size=(9, n)).astype(np.float32)
    best, who = np.full((9, k), -np.inf, np.float32), np.zeros((9, k), np.int64)
    for first in range(0, n, size):
        keep(np.ascontiguousarray(scores[:, first : first + size]), first, best, who)
    np.testing.assert_array_equal(who, np.argsort(-scores, axis=1)[:, :k])
    np.testing.assert_array_equal(best, np.take_along_axis(scores, who, axis=1))


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize("columns", [1, 3, 784])
def test_candidates_are_measured_in_double_precision(columns: int, inner: bool) -> None:
    rng = np.random.default_rng(1)
    rows = (rng.normal(size=(40, columns)) + 1e3).astype(np.float32)  # single precision would lose five digits here
    X = (rng.normal(size=(6, columns)) + 1e3).astype(np.float32)
    near = rng.integers(0, 40, (6, 4))
    gap = np.empty((6, 4))
    measure(rows, X, near, inner, gap)
    there, asked = rows[near].astype(np.float64), X[:, None].astype(np.float64)
    exact = (there * asked).sum(axis=2) if inner else ((there - asked) ** 2).sum(axis=2)
    np.testing.assert_allclose(gap, exact, rtol=1e-12)
