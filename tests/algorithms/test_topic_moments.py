"""The moments are their definitions, and an orthogonal tensor falls apart into what it was made of."""

from itertools import permutations

import numpy as np
import scipy.sparse as sp

from tarragon.algorithms.topic_moments import decomposed, moments


def by_definition(documents: list[list[int]], words: int, alpha0: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Moments by going through every ordered pair and triple of words."""
    one, two, three = np.zeros(words), np.zeros((words,) * 2), np.zeros((words,) * 3)
    for document in documents:
        pairs, triples = list(permutations(document, 2)), list(permutations(document, 3))
        for a in document:
            one[a] += 1 / len(document) / len(documents)
        for a, b in pairs:
            two[a, b] += 1 / len(pairs) / len(documents)
        for a, b, c in triples:
            three[a, b, c] += 1 / len(triples) / len(documents)
    mixed = np.einsum("ab,c->abc", two, one) + np.einsum("ac,b->abc", two, one) + np.einsum("bc,a->abc", two, one)
    third = three - alpha0 / (alpha0 + 2) * mixed
    third += 2 * alpha0**2 / ((alpha0 + 2) * (alpha0 + 1)) * np.einsum("a,b,c->abc", one, one, one)
    return one, two - alpha0 / (alpha0 + 1) * np.outer(one, one), third


def test_moments_are_their_definitions() -> None:
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 6, size=rng.integers(3, 8)).tolist() for _ in range(40)]
    counts = sp.csr_matrix(np.stack([np.bincount(d, minlength=6) for d in documents]).astype(float))
    one, two, three = by_definition(documents, 6, 0.7)
    found = moments(counts, 3, 0.7, seed=0)
    np.testing.assert_allclose(found.mean, one, atol=1e-12)
    k = len(found.third)
    values = np.sort(np.linalg.eigvalsh(two))[::-1][:k]
    np.testing.assert_allclose(found.back.T @ found.back, np.diag(values), atol=1e-8)
    W = found.back / values
    np.testing.assert_allclose(W.T @ two @ W, np.eye(k), atol=1e-7)
    np.testing.assert_allclose(found.third, np.einsum("abc,ai,bj,ck->ijk", three, W, W, W), atol=1e-6)


def test_lanczos_and_the_full_problem_agree() -> None:
    rng = np.random.default_rng(1)
    counts = sp.csr_matrix(rng.poisson(1.0, (80, 12)).astype(float) + 1)
    some, all_ = (moments(counts, k, 1.0, seed=0) for k in (2, 12))
    np.testing.assert_allclose(some.back, all_.back[:, :2], atol=1e-6)


def test_an_orthogonal_tensor_falls_apart() -> None:
    rng = np.random.default_rng(2)
    basis, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    weights = np.array([3.0, 2.0, 1.5, 1.0, 0.5])
    tensor = np.einsum("r,ir,jr,kr->ijk", weights, basis, basis, basis)
    scale, A = decomposed(tensor, 10, 1000, 1e-10, 0, lambda: False)
    order = np.argsort(-scale)
    np.testing.assert_allclose(scale[order], weights, rtol=1e-4)
    np.testing.assert_allclose(A[:, order].T @ basis, np.eye(5), atol=1e-3)


def test_it_ends_after_the_first_start_when_asked() -> None:
    asked = []
    decomposed(np.random.default_rng(0).normal(size=(3, 3, 3)), 10, 5, 1e-10, 0, lambda: not asked.append(1))
    assert len(asked) == 1
