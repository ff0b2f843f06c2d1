"""Mixtures are where independent optimisers end."""

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import digamma

from tarragon.algorithms.topic_mixture import mixtures

RNG = np.random.default_rng(0)
BETA = RNG.dirichlet(np.full(12, 0.3), 3)
COUNTS = RNG.poisson(1.5, (6, 12)).astype(float)


def test_the_most_likely_mixture_is_the_optimisers() -> None:
    found = mixtures(sp.csr_matrix(COUNTS), BETA, steps=5000, tol=1e-12)
    for counts, theta, likelihood in zip(COUNTS, found.theta, found.likelihood, strict=True):

        def loss(z: np.ndarray, counts: np.ndarray = counts) -> float:
            weights = np.exp(z - z.max())
            return -float(counts @ np.log(weights / weights.sum() @ BETA))

        best = min((minimize(loss, RNG.normal(size=3)) for _ in range(4)), key=lambda r: r.fun)
        assert likelihood >= -best.fun - 1e-4
        np.testing.assert_allclose(theta.sum(), 1)


def test_the_variational_distribution_is_the_papers_fixed_point() -> None:
    prior = np.array([0.5, 0.2, 0.3])
    found = mixtures(sp.csr_matrix(COUNTS), BETA, prior=prior, steps=5000, tol=1e-13)
    for counts, theta in zip(COUNTS, found.theta, strict=True):
        gamma = prior + counts.sum() / 3
        for _ in range(5000):
            phi = BETA.T * np.exp(digamma(gamma))
            gamma = prior + counts @ (phi / phi.sum(axis=1, keepdims=True))
        np.testing.assert_allclose(theta, gamma / gamma.sum(), atol=1e-6)
    np.testing.assert_allclose(found.given.sum(), COUNTS.sum())


def test_an_empty_document_says_nothing() -> None:
    empty = sp.csr_matrix((1, 12))
    np.testing.assert_allclose(mixtures(empty, BETA).theta, 1 / 3)
    np.testing.assert_allclose(mixtures(empty, BETA, prior=np.array([2.0, 1.0, 1.0])).theta, [[0.5, 0.25, 0.25]])


def test_a_word_no_topic_knows_leaves_a_mixture() -> None:
    beta = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert np.isfinite(mixtures(sp.csr_matrix(np.array([[0.0, 0.0, 3.0]])), beta).theta).all()
