"""A document's mixture of known topics: the most likely one, or a distribution around it.

Idea:   each word of a document is given to topics in proportion to how much of the document they hold and how likely
        they make the word; what they are given is how much they hold; again, until nothing moves. Without a prior that
        climbs the likelihood over the mixture (each step is its gradient, scaled by the mixture); with one and
        exponentiated expected logarithms it is the variational distribution of latent Dirichlet allocation.
Source: Dempster, Laird & Rubin (1977), JRSS B 39, section 4.3; Blei, Ng & Jordan (2003), JMLR 3, equations 6 to 9.
Cost:   non-zeros × K per step. The loops over words are compiled by numba.

Notation: D documents, V words, K topics, C (D, V) counts, β (K, V) word probabilities.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST = 1e-12  # probability of a word under a topic that never saw it: unseen words must not empty a document


@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """Mixtures, (D, K), rows sum to 1; counts given to each topic by word, (V, K); log-likelihood, (D,)."""

    theta: Floats
    given: Floats
    likelihood: Floats


def mixtures(
    C: "sp.csr_matrix", beta: Floats, *, prior: Floats | None = None, steps: int = 200, tol: float = 1e-6
) -> Mixed:
    """Find the mixture of each document.

    Parameters
    ----------
    C : csr_matrix of shape (D, V)
        Counts, none negative. An empty document is given equal parts, or the prior's.
    beta : ndarray of shape (K, V)
    prior : ndarray of shape (K,), optional
        Dirichlet weights; with them the variational distribution is found and its mean answered, without them the most
        likely mixture.
    steps : int
        At most.
    tol : float
        Ends when the mixture moves by less on average over topics.

    Returns
    -------
    Mixed
        The log-likelihood is that of the words under the answered mixture.
    """
    from tarragon.algorithms.topic_kernels import Documents, Found, Until, mix

    X = sp.csr_matrix(C, dtype=np.float64)
    words = np.ascontiguousarray(np.maximum(beta, LEAST).T)
    found = Found(np.empty((X.shape[0], len(beta))), np.zeros_like(words), np.empty(X.shape[0]))
    weights = np.zeros(len(beta)) if prior is None else np.asarray(prior, np.float64)
    documents = Documents(X.indptr.astype(np.int64), X.indices.astype(np.int64), X.data)
    mix(documents, words, weights, Until(prior is not None, steps, tol), found)
    return Mixed(*found)
