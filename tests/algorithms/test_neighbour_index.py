"""Exact indexes are brute force, wherever the rows lie; lists and codes come near it."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tarragon.algorithms.faiss_file import Shape, restored
from tarragon.algorithms.neighbour_index import Neighbourhood, built


def rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@pytest.mark.parametrize("offset", [0.0, 1_000.0])
@pytest.mark.parametrize(("n", "d"), [(50, 3), (3_000, 4), (3_000, 25)])
def test_flat_is_brute_force(n: int, d: int, offset: float) -> None:
    X, asked = rows(n, d) + np.float32(offset), rows(200, d, 1) + np.float32(offset)
    made = built(X, Shape("faiss.Flat", d, n, inner=False))
    gap, near = made.search(asked, 7)
    far = cdist(asked.astype(float), X.astype(float), "sqeuclidean")
    np.testing.assert_allclose(gap, np.sort(far, axis=1)[:, :7], rtol=1e-9)
    np.testing.assert_array_equal(near, np.argsort(far, axis=1)[:, :7])


@pytest.mark.parametrize("cosine", [True, False])
def test_inner_products_are_brute_force(cosine: bool) -> None:
    X, asked = rows(500, 6), rows(40, 6, 1)
    made = built(X, Shape("faiss.Flat", 6, 500, inner=True), cosine=cosine)
    gap, near = made.search(asked, 5)
    far = (
        cdist(asked.astype(float), X.astype(float), "cosine") if cosine else -(asked.astype(float) @ X.T.astype(float))
    )
    np.testing.assert_allclose(gap, np.sort(far, axis=1)[:, :5], atol=1e-6)
    np.testing.assert_array_equal(near, np.argsort(far, axis=1)[:, :5])


def test_all_rows_can_be_asked_for_and_rows_without_length_have_a_place() -> None:
    X = np.concatenate([rows(9, 3), np.zeros((1, 3), np.float32)])
    made = built(X, Shape("faiss.Flat", 3, 10, inner=True), cosine=True)
    gap, near = made.search(X, 10)
    assert sorted(near[0].tolist()) == list(range(10))
    assert np.isfinite(gap).all()
    assert gap[9].tolist() == [1.0] * 10


@pytest.mark.parametrize("kind", ["faiss.IVFFlat", "faiss.IVFPQ"])
def test_all_lists_find_what_some_miss(kind) -> None:
    X, asked = rows(3_000, 8), rows(100, 8, 1)
    exact = np.argsort(cdist(asked, X), axis=1)[:, :10]

    def recall(probes: int) -> float:
        made = built(X, Shape(kind, 8, 3_000, inner=False, lists=50, probes=probes, parts=8))
        near = made.search(asked, 10)[1]
        return float(np.mean([len(set(a) & set(b)) for a, b in zip(near.tolist(), exact.tolist(), strict=True)]) / 10)

    assert recall(1) < recall(10) <= recall(50)
    assert recall(50) == 1.0 if kind == "faiss.IVFFlat" else recall(50) > 0.6


def test_a_query_whose_lists_hold_too_few_rows_searches_them_all() -> None:
    X = rows(40, 2)
    made = built(X, Shape("faiss.IVFFlat", 2, 40, inner=False, lists=20, probes=1))
    gap, near = made.search(rows(30, 2, 1), 30)
    assert (near >= 0).all()
    assert (np.diff(gap, axis=1) >= 0).all()


@pytest.mark.parametrize("n", [1, 3, 20])
def test_few_rows_make_codes_of_few_bits(n: int) -> None:
    made = built(rows(n, 5), Shape("faiss.IVFPQ", 5, n, inner=False, lists=1, probes=1, parts=3))
    assert made.shape.d == 6
    assert made.search(rows(4, 5, 1), n)[1].shape == (4, n)


def test_content_is_restored() -> None:
    made = built(rows(100, 4), Shape("faiss.IVFFlat", 4, 100, inner=False, lists=10, probes=3))
    again = Neighbourhood(*restored(made.content()))
    assert again.shape == made.shape
    np.testing.assert_array_equal(again.search(rows(9, 4), 4)[1], made.search(rows(9, 4), 4)[1])
    assert made.content() == built(rows(100, 4), made.shape).content()
