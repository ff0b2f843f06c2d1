"""Corners and mixtures of words are found where each topic has a word of its own."""

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.anchor_words import gathered, projection, topics

from .test_lda import corpus, distance


def test_topics_with_words_of_their_own_are_found() -> None:
    counts, beta = corpus(0, 3000)
    found = topics(gathered(counts.astype(float), projection(60, 3, 0)), 3, 0)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert distance(found, beta) < 0.12


def test_sums_of_parts_are_the_sums_of_the_whole() -> None:
    counts = corpus(1, 100)[0].astype(float)
    R = projection(60, 3, 0)
    whole, one, other = (gathered(C, R) for C in (counts, counts[:30], counts[30:]))
    for name, array in whole.items():
        np.testing.assert_allclose(one[name] + other[name], array, rtol=1e-9, atol=1e-12)


def test_words_that_meet_are_counted_in_pairs() -> None:
    counts = np.random.default_rng(0).poisson(1.0, (30, 5)).astype(float) + 1
    n = counts.sum(axis=1)
    pairs = sum((np.outer(c, c) - np.diag(c)) / (m * (m - 1)) for c, m in zip(counts, n, strict=True))
    R = projection(5, 2, 0)
    np.testing.assert_allclose(gathered(sp.csr_matrix(counts), R)["meets"], pairs @ R)


@pytest.mark.parametrize("counts", [np.ones((1, 4)), np.eye(4), np.tile([[3.0, 0, 0, 0]], (5, 1))], ids=str)
def test_a_corpus_that_says_nothing_gives_topics_all_the_same(counts: np.ndarray) -> None:
    found = topics(gathered(sp.csr_matrix(counts), projection(4, 3, 0)), 3, 0)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
