"""The search against sorting all distances, the space against the paper's formula."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from tarragon.algorithms.neighbours import RIDGE, Neighbours, candidates, discriminant_spaces

NO_SPACE = np.zeros((0, 0), dtype=np.float32)


@pytest.mark.parametrize("n", [5, 700, 9_000])
def test_nearest_rows_are_those_of_sorting_all_distances(n: int) -> None:
    rng = np.random.default_rng(n)
    X, Q = rng.normal(size=(n, 6)).astype(np.float32), rng.normal(size=(40, 6)).astype(np.float32)
    rows = Neighbours.of(X, NO_SPACE, "L2")
    near, distance = rows.search(rows.place(Q), 5)
    full = np.sqrt(((Q[:, None].astype(float) - X[None].astype(float)) ** 2).sum(axis=2))
    np.testing.assert_array_equal(near, np.argsort(full, axis=1, kind="stable")[:, :5])
    np.testing.assert_allclose(distance, np.sort(full, axis=1)[:, :5], rtol=1e-5)


@pytest.mark.parametrize("distinct", [1, 3, 10_000])
def test_candidates_hold_the_least(distinct: int) -> None:
    far = np.random.default_rng(0).integers(0, distinct, size=(20, 3_000)).astype(np.float32)
    row, column = candidates(far, 9)
    for i in range(20):
        taken = np.sort(far[i, column[row == i]])
        np.testing.assert_array_equal(taken[:9], np.sort(far[i])[:9])
        assert len(np.unique(column[row == i])) == len(taken)


def test_space_is_the_papers_metric() -> None:
    rng = np.random.default_rng(1)
    label = rng.integers(0, 3, 400)
    X = (rng.normal(size=(400, 3)) @ rng.normal(size=(3, 3)) + label[:, None] * [1.0, 0.0, 0.3]).astype(np.float32)
    maps = discriminant_spaces(X, label, np.ones(400))
    Z = X.astype(float) - X.mean(0)
    means = np.stack([Z[label == k].mean(0) for k in range(3)])
    W = (Z - means[label]).T @ (Z - means[label]) / 400
    W += np.eye(3) * RIDGE * np.trace(W) / 3
    B = means[label].T @ means[label] / 400
    inverse = np.linalg.inv(np.real(sqrtm(W)))
    inner = inverse @ B @ inverse
    top = np.linalg.eigvalsh(inner)[-1]
    for found, eps in zip(maps[1:], (0.3, 0.02), strict=True):
        metric = inverse @ (inner / top + eps * np.eye(3)) @ inverse
        np.testing.assert_allclose(found.astype(float) @ found.T, metric, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(maps[0].astype(float) @ maps[0].T, np.linalg.inv(W), rtol=1e-3, atol=1e-4)


def test_few_rows_get_no_space() -> None:
    assert discriminant_spaces(np.ones((10, 5), np.float32), np.arange(10) % 2, np.ones(10)) == []
