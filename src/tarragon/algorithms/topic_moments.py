"""Topics from the moments of word counts: which words meet in a document, two and three at a time.

Idea:   where a document of words x₁, x₂, x₃ … has mixture h ~ Dirichlet(α), the moments, corrected for the mean,
        M₂ = E[x₁⊗x₂] - α₀/(α₀+1) M₁⊗M₁ and M₃ (likewise) are sums over topics of μ⊗μ and μ⊗μ⊗μ. What whitens M₂ makes
        the third moment an orthogonal tensor of side k, whose components are the topics.
Source: Anandkumar, Ge, Hsu, Kakade & Telgarsky (2014), Tensor decompositions for learning latent variable models,
        JMLR 15, sections 3.2, 4.3.1 and 5; alternating least squares: Kolda & Bader (2009), SIAM Review 51.
Cost:   whitening non-zeros × k per step of Lanczos; third moment (documents + vocabulary) × k³; a sweep k⁴.
        No vocabulary × vocabulary array is ever made.

Notation: D documents, V words, C (D, V) counts, n (D,) lengths, k components, W (V, k) whitening, α₀ concentration.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

Floats = NDArray[np.float64]
LEAST = 1e-10  # eigenvalues below this share of the largest are noise or none
BLOCK = 512  # rows whose k² products are held at a time


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """What is kept of a corpus.

    Parameters
    ----------
    mean : ndarray of shape (V,)
        M₁.
    back : ndarray of shape (V, k)
        Takes a whitened vector back to words.
    third : ndarray of shape (k, k, k)
        The whitened third moment.
    """

    mean: Floats
    back: Floats
    third: Floats


def moments(C: "sp.csr_matrix", k: int, alpha0: float, seed: int) -> Moments:
    """Whiten the corpus and project its third moment.

    Parameters
    ----------
    C : csr_matrix of shape (D, V), float64
        Documents of three words or more.
    k : int
        Components wanted; fewer come back where the second moment has fewer positive eigenvalues.
    alpha0 : float
    seed : int
        Of the vector that Lanczos starts from.
    """
    n = np.asarray(C.sum(axis=1), np.float64).ravel()
    D = len(n)
    mean = np.asarray(C.T @ (1.0 / n)).ravel() / D
    pairs = 1.0 / (D * n * (n - 1.0))
    values, vectors = _whitening(C, mean, pairs, k, alpha0, seed)
    W = vectors / np.sqrt(values)
    return Moments(mean, vectors * np.sqrt(values), _third(C, W, mean, pairs, n, alpha0))


def _whitening(
    C: "sp.csr_matrix", mean: Floats, pairs: Floats, k: int, alpha0: float, seed: int
) -> tuple[Floats, Floats]:
    """Return the largest positive eigenvalues of M₂, (k,), and their vectors, (V, k), largest first."""
    V = C.shape[1]
    alone = np.asarray(C.T @ pairs).ravel()  # a word does not meet itself
    turned = C.T.tocsr()
    share = alpha0 / (alpha0 + 1.0)

    def times(v: Floats) -> Floats:
        v = v.reshape(-1)
        found: Floats = turned @ (pairs * (C @ v)) - alone * v - share * mean * (mean @ v)
        return found

    if k < V - 1:
        rng = np.random.default_rng([seed, 5])
        operator = LinearOperator((V, V), matvec=times, dtype=np.float64)
        values, vectors = eigsh(operator, k=k, which="LA", v0=rng.normal(size=V), tol=1e-9)
    else:
        values, vectors = np.linalg.eigh(np.column_stack([times(e) for e in np.eye(V)]))
    order = np.argsort(-values)[:k]
    order = order[values[order] > LEAST * max(float(values.max()), 0.0)]
    vectors = vectors[:, order]
    vectors = vectors * np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(order))] < 0, -1.0, 1.0)
    return values[order], vectors


def _third(C: "sp.csr_matrix", W: Floats, mean: Floats, pairs: Floats, n: Floats, alpha0: float) -> Floats:
    """Project the third moment onto the whitened directions, (k, k, k)."""
    Y = np.asarray(C @ W)  # (D, k)
    triples = pairs / (n - 2.0)
    m = mean @ W
    raw = _cubes(Y, Y * triples[:, None])
    raw -= _sides(_cubes(W, np.asarray(C.T @ (Y * triples[:, None]))))
    raw += 2.0 * _cubes(W, W * np.asarray(C.T @ triples).reshape(-1, 1))
    second = (Y * pairs[:, None]).T @ Y - (W * np.asarray(C.T @ pairs).reshape(-1, 1)).T @ W  # E[x₁⊗x₂](W, W)
    raw -= alpha0 / (alpha0 + 2.0) * _sides(second[:, :, None] * m)
    raw += 2.0 * alpha0**2 / ((alpha0 + 2.0) * (alpha0 + 1.0)) * (m[:, None, None] * m[:, None] * m)
    return raw


def _cubes(A: Floats, B: Floats) -> Floats:
    """Σ over rows of a⊗a⊗b, in blocks: (r, k), (r, k) -> (k, k, k)."""
    k = A.shape[1]
    total = np.zeros((k * k, k))
    for start in range(0, len(A), BLOCK):
        a = A[start : start + BLOCK]
        total += (a[:, :, None] * a[:, None, :]).reshape(len(a), k * k).T @ B[start : start + BLOCK]
    return total.reshape(k, k, k)


def _sides(T: Floats) -> Floats:
    """Add a tensor, alike in its first two sides, over the three places its third can stand in."""
    return T + T.transpose(0, 2, 1) + T.transpose(2, 0, 1)


def decomposed(
    T: Floats, restarts: int, iterations: int, tol: float, seed: int, stop: Callable[[], bool]
) -> tuple[Floats, Floats]:
    """Write a symmetric tensor as Σ λ a⊗a⊗a by alternating least squares, the best of several random starts.

    Parameters
    ----------
    T : ndarray of shape (k, k, k)
    restarts, iterations : int
        Starts, and sweeps of each at most.
    tol : float
        A start ends when a sweep lessens the relative error by less.
    seed : int
    stop : callable
        Asked before each start after the first.

    Returns
    -------
    (ndarray of shape (k,), ndarray of shape (k, k))
        λ ≥ 0, and unit vectors a in columns.
    """
    best: tuple[float, Floats, Floats] | None = None
    rng = np.random.default_rng([seed, 3])
    size = float(np.linalg.norm(T)) or 1.0
    for restart in range(restarts):
        if restart and stop():
            break
        start, _ = np.linalg.qr(rng.normal(size=T.shape[:2]))
        error, scale, A = _swept(T, start, iterations, tol, size)
        if best is None or error < best[0]:
            best = error, scale, A
        if best[0] <= tol:
            break
    assert best is not None
    return best[1], best[2]


def _swept(T: Floats, A: Floats, iterations: int, tol: float, size: float) -> tuple[float, Floats, Floats]:
    k = len(T)
    flat = T.reshape(k, k * k)
    before, scale = np.inf, np.ones(k)
    for _ in range(iterations):
        product = (A[:, None, :] * A[None, :, :]).reshape(k * k, k)
        gram = (A.T @ A) ** 2
        B = np.linalg.lstsq(gram, (flat @ product).T, rcond=1e-10)[0].T
        scale = np.linalg.norm(B, axis=0)
        A = B / np.maximum(scale, 1e-300)
        scale, error = _measured(flat, A, size)
        if before - error < tol:
            break
        before = error
    sign = np.where(scale < 0, -1.0, 1.0)
    return error, scale * sign, A * sign


def _measured(flat: Floats, A: Floats, size: float) -> tuple[Floats, float]:
    """Fit λ to unit vectors, and say how much of the tensor's norm is left."""
    k = len(A)
    inner = np.einsum("ik,ik->k", flat @ (A[:, None, :] * A[None, :, :]).reshape(k * k, k), A)
    gram = (A.T @ A) ** 3
    scale: Any = np.linalg.lstsq(gram, inner, rcond=1e-10)[0]
    left = size**2 - 2.0 * scale @ inner + scale @ gram @ scale
    return scale, float(np.sqrt(max(left, 0.0)) / size)


def topics(found: Moments, scale: Floats, A: Floats, alpha0: float) -> tuple[Floats, Floats]:
    """Turn components into topics: weights α, (k,), and word probabilities β, (k, V), heaviest first.

    λ = 2 √(α₀(α₀+1)) / ((α₀+2) √α) gives α; a topic is what takes the component back to words, negative parts cut off.
    """
    words = found.back @ A
    words *= np.where(words.sum(axis=0) < 0, -1.0, 1.0)
    words = np.maximum(words, 0.0)
    beta = (words / np.maximum(words.sum(axis=0), 1e-300)).T
    alpha = 4.0 * alpha0 * (alpha0 + 1.0) / ((alpha0 + 2.0) * np.maximum(scale, 1e-6)) ** 2
    order = np.argsort(-alpha, kind="stable")
    return alpha[order], beta[order]
