"""Lloyd's iteration on weighted points, its seeds, and the two kernels k-means is made of.

Idea:   give every point to the nearest centre, move every centre to the mean of its points, until nothing moves.
Source: Lloyd (1982), Least squares quantization in PCM, doi:10.1109/TIT.1982.1056489; seeds by Arthur & Vassilvitskii
        (2007), k-means++: the advantages of careful seeding, SODA, ISBN 978-0-89871-624-5.
Cost:   one matrix product a pass, O(n·K·d), in blocks that stay in the cache; sums O(n·d).

Notation: n points, d columns, K centres. Squared distances come from |x|² - 2x·c + |c|² in float32, so points should
lie around nought: callers shift them.
"""

import numpy as np
import scipy.sparse as sp

from tarragon.data import Index, Matrix, Vector

BLOCK_CELLS = 1 << 18  # of the product at a time: 1 MB, which stays in a core's cache


def nearest(X: Matrix, centres: Matrix) -> tuple[Index, Vector]:
    """Return each point's centre, (n,), and its squared distance, (n,); of equally near ones the first."""
    half = 0.5 * np.einsum("ij,ij->i", centres, centres)
    label, best = np.empty(len(X), np.int64), np.empty(len(X), np.float32)
    size = max(1, BLOCK_CELLS // len(centres))
    score = np.empty((min(size, len(X)), len(centres)), np.float32)
    for start in range(0, len(X), size):
        rows = X[start : start + size]
        part = np.matmul(rows, centres.T, out=score[: len(rows)])
        part -= half
        own = label[start : start + size] = part.argmax(axis=1)
        best[start : start + size] = part[np.arange(len(rows)), own]
    return label, np.maximum(np.einsum("ij,ij->i", X, X) - 2.0 * best, 0.0).astype(np.float64)


def sums(X: Matrix, weight: Vector, label: Index, K: int) -> tuple[Vector, Vector]:
    """Return the weighted sums of each centre's points, (K, d), and their weights, (K,)."""
    member = sp.csr_matrix((weight.astype(X.dtype), label, np.arange(len(X) + 1)), shape=(len(X), K))
    total = np.asarray(member.T @ X, np.float64)
    return total, np.bincount(label, weights=weight, minlength=K).astype(np.float64)


def seeds(X: Matrix, weight: Vector, K: int, method: str, rng: np.random.Generator) -> Matrix:
    """Choose K of the points to start from.

    Parameters
    ----------
    X, weight : ndarrays of shape (n, d) and (n,)
    K : int
        At most n.
    method : {"random", "kmeans++"}
        Each alike, or each with a probability like its squared distance to those chosen before (greedily: the best
        of a few such draws).
    rng : Generator
    """
    share = weight / weight.sum()
    if method == "random":
        kept = np.flatnonzero(share)
        picked = rng.choice(len(X), min(K, len(kept)), replace=False, p=share)
        return X[picked] if len(picked) == K else X[np.resize(picked, K)]
    norms = np.einsum("ij,ij->i", X, X)
    tries = 2 + int(np.log(K))  # candidates a seed, as the paper's authors advise: the one that leaves least is taken
    chosen = np.empty(K, np.int64)
    chosen[0] = rng.choice(len(X), p=share)
    gap = _gaps(X, norms, chosen[:1])[0]
    for k in range(1, K):
        mass = np.cumsum(gap * weight)
        if mass[-1] <= 0.0:  # every point is a seed already
            chosen[k:] = rng.integers(len(X), size=K - k)
            break
        drawn = np.minimum(np.searchsorted(mass, rng.random(tries) * mass[-1], side="right"), len(X) - 1)
        left = np.minimum(gap, _gaps(X, norms, drawn))
        best = int((left @ weight).argmin())
        chosen[k], gap = drawn[best], left[best]
    return X[chosen]


def _gaps(X: Matrix, norms: Matrix, picked: Index) -> Matrix:
    """Return the squared distances of all points to some of them, (len(picked), n)."""
    gap = np.maximum(norms - 2.0 * (X[picked] @ X.T) + norms[picked, None], 0.0)
    gap[np.arange(len(picked)), picked] = 0.0
    return np.asarray(gap, np.float32)


def moved(centres: Vector, total: Vector, count: Vector) -> Vector:
    """Return each centre at the mean of its points; one without points stays."""
    there = count > 0.0
    new = centres.copy()
    new[there] = total[there] / count[there, None]
    return new


def lloyd(X: Matrix, weight: Vector, start: Matrix, most: int, tol: float) -> tuple[Matrix, float]:
    """Iterate from ``start``, (K, d); return the centres and the weighted mean of squared distances to them.

    Parameters
    ----------
    X, weight : ndarrays of shape (n, d) and (n,)
    start : ndarray of shape (K, d)
    most : int
        Iterations.
    tol : float
        End where the mean falls by a smaller share than this.
    """
    centres, before, mean = start.astype(np.float64), np.inf, np.inf
    for _ in range(most):
        label, gap = nearest(X, centres.astype(np.float32))
        mean = float(gap @ weight / weight.sum())
        if before - mean <= tol * mean:
            break
        before = mean
        centres = moved(centres, *sums(X, weight, label, len(centres)))
    return centres.astype(np.float32), mean
