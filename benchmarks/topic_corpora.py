"""Corpora whose topics are known, for the methods that look for them."""

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import LatentDirichletAllocation

CASES = {"10 topics, 500 words": (10, 500, 2000, 80, 0.1), "20 topics, 1000 words": (20, 1000, 3000, 100, 0.05)}


def corpus(case: str, seed: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """Draw documents from latent Dirichlet allocation itself: counts, (D, V), and the topics, (K, V)."""
    topics, words, documents, length, mixing = CASES[case]
    rng = np.random.default_rng(seed)
    beta = rng.dirichlet(np.full(words, 0.1), topics)
    theta = rng.dirichlet(np.full(topics, mixing), documents)
    lengths = rng.poisson(length, documents).clip(10)
    counts = [rng.multinomial(n, h @ beta) for n, h in zip(lengths, theta, strict=True)]
    return sp.csr_matrix(np.stack(counts).astype(np.float32)), beta


def distance(found: np.ndarray, true: np.ndarray) -> float:
    """Mean total variation between matched topics: 0 is recovered, 1 is nothing in common."""
    apart = 0.5 * np.abs(found[:, None] - true).sum(axis=2)
    rows, columns = linear_sum_assignment(apart)
    return float(apart[rows, columns].mean())


def variational(counts: sp.csr_matrix, topics: int, seed: int) -> np.ndarray:
    """Fit scikit-learn's variational LDA and return its topics, (K, V)."""
    model = LatentDirichletAllocation(topics, random_state=seed, max_iter=10).fit(counts)
    return model.components_ / model.components_.sum(axis=1, keepdims=True)
