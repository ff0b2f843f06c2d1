"""Lloyd's iteration against the formula and scikit-learn's."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from tarragon.algorithms.lloyd import lloyd, moved, nearest, seeds, sums


def rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@pytest.mark.parametrize(("n", "K"), [(1, 1), (500, 7), (3_000, 400)])
def test_nearest_is_brute_force(n: int, K: int) -> None:
    X, centres = rows(n, 6), rows(K, 6, 1)
    label, gap = nearest(X, centres)
    far = cdist(X.astype(float), centres.astype(float), "sqeuclidean")
    np.testing.assert_array_equal(label, far.argmin(axis=1))
    np.testing.assert_allclose(gap, far.min(axis=1), rtol=1e-4, atol=1e-5)


def test_equally_near_centres_are_told_apart_by_their_order() -> None:
    assert nearest(rows(5, 2), np.zeros((3, 2), np.float32))[0].tolist() == [0] * 5


def test_sums_are_of_each_centres_points() -> None:
    X, weight = rows(200, 3), np.random.default_rng(2).random(200)
    label = np.random.default_rng(3).integers(0, 4, 200)
    total, count = sums(X, weight, label, 5)
    for k in range(5):
        np.testing.assert_allclose(total[k], weight[label == k] @ X[label == k], atol=1e-4)
        assert count[k] == pytest.approx(weight[label == k].sum())
    centres = moved(np.full((5, 3), 9.0), total, count)
    assert centres[4].tolist() == [9.0] * 3
    np.testing.assert_allclose(centres[0], np.average(X[label == 0], axis=0, weights=weight[label == 0]), rtol=1e-4)


def test_it_ends_where_scikit_learns_does() -> None:
    X, weight = rows(400, 4), np.random.default_rng(5).random(400) + 0.1
    start = X[:6]
    centres, mean = lloyd(X, weight, start, 300, 0.0)
    peer = KMeans(6, init=start, n_init=1, tol=0.0, algorithm="lloyd").fit(X, sample_weight=weight)
    np.testing.assert_allclose(centres, peer.cluster_centers_, atol=1e-4)
    assert mean == pytest.approx(peer.inertia_ / weight.sum(), rel=1e-4)


def test_careful_seeds_are_far_from_each_other() -> None:
    rng = np.random.default_rng(0)
    centres = 100.0 * np.eye(8, dtype=np.float32)
    X = np.concatenate([c + rows(50, 8, k) for k, c in enumerate(centres)])
    found = seeds(X, np.ones(400), 8, "kmeans++", rng)
    assert sorted(nearest(found, centres)[0].tolist()) == list(range(8))


@pytest.mark.parametrize("method", ["random", "kmeans++"])
def test_seeds_have_weight(method: str) -> None:
    X, weight = rows(20, 2), np.zeros(20)
    weight[:5] = 1.0
    found = seeds(X, weight, 5, method, np.random.default_rng(1))
    assert {tuple(row) for row in found} == {tuple(row) for row in X[:5]}


def test_more_seeds_than_different_points() -> None:
    X = np.ones((6, 2), np.float32)
    for method in ("random", "kmeans++"):
        assert seeds(X, np.ones(6), 4, method, np.random.default_rng(0)).tolist() == [[1.0, 1.0]] * 4
