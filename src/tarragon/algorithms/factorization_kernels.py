"""Compiled loops of factorization machines over sparse rows.

Notation: n rows, d columns, k factors; rows are CSR (starts, columns, values); S is (n, k), the sums
Σ_i x_i v_i of rows.
This module imports numba and is imported late.
"""

from typing import Any

import numpy as np
from numba import njit

FAST = {"reassoc", "contract", "nsz"}  # sums may be reordered; no number stays no number


@njit(cache=True, nogil=True, fastmath=FAST)  # type: ignore[untyped-decorator, unused-ignore]
def scores(rows: Any, model: Any, S: Any, z: Any) -> None:
    """Fill ``S`` and the scores ``z``, (n,): eq. 1 of Rendle (2010) in the linear time of its lemma 3.1.

    ``model`` is bias, weights (d,) and factors (d, k).
    """
    starts, columns, values = rows
    offset, w, v = model
    k = v.shape[1]
    half = np.float32(0.5)
    for r in range(len(starts) - 1):
        row = S[r]
        for f in range(k):
            row[f] = 0
        linear = offset
        squares = np.float32(0)
        for p in range(starts[r], starts[r + 1]):
            i, x = columns[p], values[p]
            own = v[i]
            linear += w[i] * x
            for f in range(k):
                t = own[f] * x
                row[f] += t
                squares += t * t
        whole = np.float32(0)
        for f in range(k):
            whole += row[f] * row[f]
        z[r] = linear + half * (whole - squares)


@njit(cache=True, nogil=True, fastmath=FAST)  # type: ignore[untyped-decorator, unused-ignore]
def slopes(rows: Any, slope: Any, v: Any, S: Any, place: Any, into: Any) -> None:
    """Add up the slopes of the columns that occur, ``into`` those of their factors (m, k) and weights (m,).

    ``place`` says where among them a column stands; ``slope`` is that of the loss at each row's score, (n,).
    """
    starts, columns, values = rows
    down, across = into
    k = v.shape[1]
    for r in range(len(starts) - 1):
        row = S[r]
        for p in range(starts[r], starts[r + 1]):
            i, x = columns[p], values[p]
            own, target = v[i], down[place[i]]
            c = slope[r] * x
            across[place[i]] += c
            for f in range(k):
                target[f] += c * (row[f] - x * own[f])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def adam(rows: Any, gradient: Any, state: Any, step: Any, decay: Any) -> None:
    """Move the rows named by one step of Adam; the others, and their moments, rest.

    The gradient, (m, k), is scaled, has wd · value added, and is clipped to ±``clip`` (0: not). ``state`` is value and
    both moments, ``step`` rate, wd, scale and clip, ``decay`` that of both moments and ε.
    """
    value, first, second = state
    rate, wd, scale, clip = step
    beta_1, beta_2, epsilon = decay
    one = np.float32(1)
    for m in range(len(rows)):
        i = rows[m]
        own, a, b, g = value[i], first[i], second[i], gradient[m]
        for f in range(own.shape[0]):
            s = g[f] * scale + wd * own[f]
            if clip > 0:
                s = min(max(s, -clip), clip)
            a[f] = beta_1 * a[f] + (one - beta_1) * s
            b[f] = beta_2 * b[f] + (one - beta_2) * s * s
            own[f] -= rate * a[f] / (np.sqrt(b[f]) + epsilon)
