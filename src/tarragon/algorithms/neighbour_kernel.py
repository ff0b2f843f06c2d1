"""The compiled loop of exact search: of a block of scores, those among the best so far."""

from typing import Any

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
