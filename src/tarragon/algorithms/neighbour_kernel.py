"""The compiled loops of exact search: of a block of scores, those among the best so far; distances of candidates."""

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def keep(scores: Any, first: int, best: Any, who: Any) -> None:
    """Let scores, (m, n), of the rows from number ``first`` on enter the best, (m, k) falling, and their numbers."""
    m, n = scores.shape
    k = best.shape[1]
    for i in range(m):
        least = best[i, k - 1]
        for j in range(n):
            score = scores[i, j]
            if score > least:
                p = k - 1
                while p > 0 and best[i, p - 1] < score:
                    best[i, p] = best[i, p - 1]
                    who[i, p] = who[i, p - 1]
                    p -= 1
                best[i, p] = score
                who[i, p] = first + j
                least = best[i, k - 1]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})  # type: ignore[untyped-decorator, unused-ignore]
def measure(rows: Any, X: Any, near: Any, inner: bool, gap: Any) -> None:
    """Write squared L2 or inner products, in float64, of queries (m, d) and their candidates, (m, k), to ``gap``.

    Sums may be reordered, alike for every pair: equal rows are equally far, but the last bit differs by processor.
    """
    m, k = near.shape
    d = rows.shape[1]
    for i in range(m):
        for j in range(k):
            r = near[i, j]
            total = 0.0
            if inner:
                for c in range(d):
                    total += np.float64(rows[r, c]) * np.float64(X[i, c])
            else:
                for c in range(d):
                    apart = np.float64(rows[r, c]) - np.float64(X[i, c])
                    total += apart * apart
            gap[i, j] = total
