"""How well a topic's first words go together, and how different topics are.

Source: normalised pointwise mutual information: Bouma (2009), GSCL; Lau, Newman & Baldwin (2014), EACL. Embedding
        coherence (WETC) and uniqueness of topics: Ding, Nallapati & Xiang (2018), Coherence-aware neural topic
        modeling, EMNLP, arXiv:1809.02687.
"""

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TOP = 10  # words of a topic that are looked at


def top_words(beta: "NDArray[np.floating]", n: int = TOP) -> NDArray[np.int64]:
    """Return the numbers of each topic's most likely words, (K, V) -> (K, n), most likely first."""
    return np.argsort(-beta, axis=1, kind="stable")[:, :n]


def npmi(tops: NDArray[np.int64], blocks: "Iterable[sp.csr_matrix]") -> Floats:
    """Measure how much more often top words meet in documents than by chance.

    Parameters
    ----------
    tops : ndarray of shape (K, n)
        Word numbers.
    blocks : iterable of csr_matrix of shape (·, V)
        The documents.

    Returns
    -------
    ndarray of shape (K,)
        Mean over pairs, from -1 (never together) to 1 (never apart). Pairs of words that never meet count -1.
    """
    words, place = np.unique(tops, return_inverse=True)
    place = place.reshape(tops.shape)
    both, documents = np.zeros((len(words), len(words))), 0
    for block in blocks:
        there = (block[:, words] > 0).astype(np.float64)
        both += np.asarray((there.T @ there).todense())
        documents += block.shape[0]
    p = both / max(documents, 1)
    alone = np.maximum(np.diag(p), 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(p / (alone[:, None] * alone)) / -np.log(p)
    found = np.where(p <= 0, -1.0, np.where(p >= 1, 1.0, found))
    return np.array([_off_diagonal(found[np.ix_(row, row)]) for row in place])


def wetc(tops: NDArray[np.int64], vectors: Floats) -> Floats:
    """Measure how near top words' vectors are: mean cosine over pairs of words that have one, (K, n), (V, d) -> (K,).

    Words without a vector (zeros) are left out; a topic with fewer than two is 0.
    """
    found = []
    for row in tops:
        V = vectors[row]
        size = np.linalg.norm(V, axis=1)
        unit = V[size > 0] / size[size > 0, None]
        found.append(_off_diagonal(unit @ unit.T) if len(unit) > 1 else 0.0)
    return np.array(found)


def uniqueness(tops: NDArray[np.int64]) -> Floats:
    """Return the mean over a topic's top words of 1 / (topics that have it among theirs), (K, n) -> (K,), 1/K to 1."""
    counts = np.bincount(tops.ravel())
    return np.asarray((1.0 / counts[tops]).mean(axis=1))


def _off_diagonal(A: Floats) -> float:
    n = len(A)
    return float((A.sum() - np.trace(A)) / (n * (n - 1))) if n > 1 else 0.0
