"""Coherence and uniqueness are their definitions."""

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.coherence import npmi, top_words, uniqueness, wetc


def test_top_words_come_most_likely_first() -> None:
    assert top_words(np.array([[0.1, 0.5, 0.4], [0.3, 0.3, 0.4]]), 2).tolist() == [[1, 2], [2, 0]]


def test_npmi_is_boumas() -> None:
    documents = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 2]])
    both, one, other = 2 / 4, 3 / 4, 2 / 4
    expected = np.log(both / (one * other)) / -np.log(both)
    blocks = [sp.csr_matrix(documents[:1]), sp.csr_matrix(documents[1:])]
    found = npmi(np.array([[0, 1], [1, 2]]), blocks)
    np.testing.assert_allclose(found, [expected, -1.0])


def test_words_that_are_never_apart_are_one() -> None:
    assert npmi(np.array([[0, 1]]), [sp.csr_matrix(np.array([[1, 2], [0, 0]]))]) == pytest.approx(1)


def test_wetc_is_the_mean_cosine_of_words_with_vectors() -> None:
    vectors = np.array([[1.0, 0], [1, 1], [0, 2], [0, 0]])
    found = wetc(np.array([[0, 1, 2], [0, 3, 1], [3, 3, 0]]), vectors)
    np.testing.assert_allclose(found, [(2**-0.5 + 2**-0.5 + 0) / 3, 2**-0.5, 0.0])


def test_uniqueness_counts_topics_that_share_a_word() -> None:
    np.testing.assert_allclose(uniqueness(np.array([[0, 1], [0, 2]])), [0.75, 0.75])
