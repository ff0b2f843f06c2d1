"""Agreement with people is SciPy's rank correlation of cosines."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from tarragon.algorithms.vocabulary import Vocabulary
from tarragon.algorithms.word_training import Course
from tarragon.algorithms.word_vectors import WordVectors

WORDS = tuple(b"w%d" % i for i in range(10))


def made() -> WordVectors:
    inputs = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    vocabulary = Vocabulary(WORDS, np.ones(10, np.int64), 10, 10)
    return WordVectors.made(vocabulary, inputs, Course("skipgram", 1, 4, 0.1))


def test_agreement_is_spearmans() -> None:
    vectors = made()
    rng = np.random.default_rng(1)
    pairs = [(f"w{a}", f"w{b}", float(rng.integers(10))) for a, b in rng.integers(0, 10, (30, 2))]
    found = vectors.agreement([*pairs, ("w1", "unknown", 3.0)])
    unit = vectors.all() / np.linalg.norm(vectors.all(), axis=1, keepdims=True)
    cosine = [float(unit[int(a[1:])] @ unit[int(b[1:])]) for a, b, _ in pairs]
    assert found["spearmans_rho"] == pytest.approx(spearmanr(cosine, [score for _, _, score in pairs])[0], abs=1e-6)
    assert (found["not_found"], found["total_pairs"]) == (1, 31)


def test_without_known_pairs_there_is_no_agreement() -> None:
    assert made().agreement([("x", "y", 1.0)]) == {"not_found": 1, "spearmans_rho": 0.0, "total_pairs": 1}
    assert made().agreement([]) == {"not_found": 0, "spearmans_rho": 0.0, "total_pairs": 0}


def test_a_word_is_the_mean_of_its_rows() -> None:
    vectors = made()
    np.testing.assert_array_equal(vectors.of([b"w3", b"unknown", b""]), [vectors.inputs[3], np.zeros(4), np.zeros(4)])
