"""The best scores are those that sorting finds, however they are cut into blocks."""

import numpy as np
import pytest

from tarragon.algorithms.neighbour_kernel import keep


@pytest.mark.parametrize(("n", "k", "size"), [(50, 50, 7), (200, 5, 64), (200, 1, 200)])
def test_the_best_are_kept(n: int, k: int, size: int) -> None:
    scores = np.random.default_rng(0).normal(size=(9, n)).astype(np.float32)
    best, who = np.full((9, k), -np.inf, np.float32), np.zeros((9, k), np.int64)
    for first in range(0, n, size):
        keep(np.ascontiguousarray(scores[:, first : first + size]), first, best, who)
    np.testing.assert_array_equal(who, np.argsort(-scores, axis=1)[:, :k])
    np.testing.assert_array_equal(best, np.take_along_axis(scores, who, axis=1))
