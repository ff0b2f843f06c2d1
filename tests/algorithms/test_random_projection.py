"""Distances and products are nearly kept; equal seeds project alike."""

import numpy as np
import pytest
from scipy.linalg import hadamard as matrix
from scipy.spatial.distance import pdist

from tarragon.algorithms.random_projection import Projection, hadamard

X = np.random.default_rng(0).normal(size=(60, 300)).astype(np.float32)


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_distances_and_products_are_nearly_kept(kind) -> None:
    projected = Projection(kind, 5, 300, 200).apply(X)
    assert projected.shape == (60, 200)
    assert projected.dtype == np.float32
    np.testing.assert_allclose(pdist(projected) / pdist(X), 1.0, atol=0.25)
    assert np.mean(pdist(projected) ** 2 / pdist(X) ** 2) == pytest.approx(1.0, abs=0.03)
    products = [(rows @ rows.T)[np.triu_indices(60, 1)] for rows in (projected, X)]
    assert np.corrcoef(*products)[0, 1] > 0.6


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_lengths_are_kept_on_average_over_seeds(kind) -> None:
    x = np.zeros((1, 20), np.float32)
    x[0, 3] = 2.0
    found = [np.square(Projection(kind, seed, 20, 6).apply(x)).sum() for seed in range(300)]
    assert np.mean(found) == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize("kind", ["sign", "fjlt"])
def test_a_seed_is_all_there_is(kind) -> None:
    one, two, other = (Projection(kind, seed, 300, 50).apply(X) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(Projection(kind, 1, 300, 50).apply(X + X), 2 * one, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("order", [1, 2, 16])
def test_the_transform_is_the_matrix(order: int) -> None:
    rows = X[:7, :order]
    np.testing.assert_allclose(hadamard(rows), rows @ matrix(order), rtol=1e-4, atol=1e-5)
