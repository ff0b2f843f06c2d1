"""Random cut trees as arrays: cut a sample until every point is alone, and score points by how soon a cut parts them.

Compiled by numba on first use and kept beside this file; import it inside functions only.

Notation: a forest has T trees, L leaves in all and L - T inner nodes, d columns. Tree t owns leaves first[t] to
first[t + 1] and inner nodes first[t] - t to first[t + 1] - t - 1; a child c ≥ 0 is the tree's inner node c, a child
c < 0 its leaf -1 - c. Inner nodes are numbered before their children, leaves from the left to the right.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]
STEP, MIX, BLEND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
UNIT = 2.0**-53


def compiled(function: F) -> F:
    """Compile a function once for this machine; it runs without the interpreter's lock.

    Sums may be reordered, so that several of their terms are added at once.
    """
    return cast(F, njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})(function))


@compiled
def drawn(state: NDArray[np.uint64]) -> float:
    """Draw a number from [0, 1) and step the state, (1,). Steele, Lea & Flood (2014), splitmix64."""
    state[0] += STEP
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * MIX
    z = (z ^ (z >> np.uint64(27))) * BLEND
    return float((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * UNIT


@compiled
def _bounds(X: Floats, members: Longs, low: Floats, high: Floats) -> float:
    """Find the box of some rows, and the sum of its sides."""
    d = X.shape[1]
    low[:] = X[members[0]]
    high[:] = X[members[0]]
    for i in members[1:]:
        for f in range(d):
            low[f] = min(low[f], X[i, f])
            high[f] = max(high[f], X[i, f])
    total = 0.0
    for f in range(d):
        total += float(high[f]) - float(low[f])
    return total


@compiled
def grow(  # noqa: PLR0913 - arrays to fill
    X: Floats, members: Longs, seed: np.uint64, dimension: Ints, cut: Floats, left: Ints, right: Ints, mass: Ints
) -> int:
    """Grow one tree, and return its number of leaves.

    A side is cut with probability proportional to its length, at a place uniform in it (Guha et al. 2016, definition
    1). Equal points stay together in one leaf.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    members : ndarray of shape (m,)
        Rows of the tree. Put in order: afterwards the first row of each leaf comes first.
    seed : int
    dimension, cut, left, right : ndarrays of shape (m - 1,)
        Filled, one entry an inner node.
    mass : ndarray of shape (m,)
        Filled with the number of points in each leaf.
    """
    m, d = len(members), X.shape[1]
    low, high = np.empty(d, np.float32), np.empty(d, np.float32)
    state = np.array([seed], np.uint64)
    stack = np.empty((m + 1, 4), np.int64)  # a node's rows from and to, its parent, whether it is the right child
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 0, m, -1, 0
    waiting, nodes, leaves = 1, 0, 0
    while waiting:
        waiting -= 1
        start, end, parent, side = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2], stack[waiting, 3]
        total = _bounds(X, members[start:end], low, high) if end - start > 1 else 0.0
        here = nodes if total > 0.0 else -1 - leaves
        if parent >= 0 and side:
            right[parent] = here
        elif parent >= 0:
            left[parent] = here
        if here < 0:
            mass[leaves] = end - start
            members[leaves] = members[start]  # leaves come from the left: this place is behind all that wait
            leaves += 1
            continue
        place = drawn(state) * total
        f = 0
        while f < d - 1 and place >= float(high[f]) - float(low[f]):
            place -= float(high[f]) - float(low[f])
            f += 1
        while high[f] <= low[f]:  # rounding ran past the last side that can be cut
            f -= 1
            place = drawn(state) * (float(high[f]) - float(low[f]))
        at = np.float32(float(low[f]) + place)
        if not low[f] <= at < high[f]:
            at = low[f]
        i, j = start, end - 1
        while i <= j:
            if X[members[i], f] <= at:
                i += 1
            else:
                members[i], members[j] = members[j], members[i]
                j -= 1
        dimension[nodes], cut[nodes] = f, at
        stack[waiting, 0], stack[waiting, 1], stack[waiting, 2], stack[waiting, 3] = i, end, nodes, 1
        waiting += 1
        stack[waiting, 0], stack[waiting, 1], stack[waiting, 2], stack[waiting, 3] = start, i, nodes, 0
        waiting += 1
        nodes += 1
    return leaves


@compiled
def grow_all(  # noqa: PLR0913 - arrays to fill
    X: Floats,
    members: Longs,
    seeds: NDArray[np.uint64],
    dimension: Ints,
    cut: Floats,
    left: Ints,
    right: Ints,
    mass: Ints,
    leaves: Longs,
) -> None:
    """Grow a tree of each row of members, (T, m), as `grow` does, without coming up for air between them.

    The arrays to fill have a row for each tree; ``leaves``, (T,), their numbers of leaves.
    """
    for t in range(len(members)):
        leaves[t] = grow(X, members[t], seeds[t], dimension[t], cut[t], left[t], right[t], mass[t])


@compiled
def box(points: Floats, first: Longs, left: Ints, right: Ints, low: Floats, high: Floats, span: Doubles) -> None:  # noqa: PLR0913
    """Fill each inner node's box, (L - T, d) twice, and the sum of its sides, (L - T,): children before parents."""
    d = points.shape[1]
    for t in range(len(first) - 1):
        leaf, node = first[t], first[t] - t
        for k in range(first[t + 1] - leaf - 2, -1, -1):
            j = node + k
            a, b = left[j], right[j]
            for f in range(d):
                la = low[node + a, f] if a >= 0 else points[leaf - 1 - a, f]
                ha = high[node + a, f] if a >= 0 else points[leaf - 1 - a, f]
                lb = low[node + b, f] if b >= 0 else points[leaf - 1 - b, f]
                hb = high[node + b, f] if b >= 0 else points[leaf - 1 - b, f]
                low[j, f], high[j, f] = min(la, lb), max(ha, hb)
            total = 0.0
            for f in range(d):
                total += float(high[j, f]) - float(low[j, f])
            span[j] = total


@compiled
def score(  # noqa: PLR0913 - a forest's arrays
    X: Floats,
    points: Floats,
    mass: Ints,
    first: Longs,
    dimension: Ints,
    cut: Floats,
    left: Ints,
    right: Ints,
    low: Floats,
    high: Floats,
    span: Doubles,
    out: Doubles,
) -> None:
    """Add each tree's score of every row to ``out``, (n,).

    A point that equals a leaf of mass w at depth k scores (1 - w / 2N) / (k + log₂(w + 1)) in a tree of mass N, any
    other 1 / (k + 1). On the way up, a node at depth k that a random cut would part from the point with probability p
    makes it p / (k + 1) + (1 - p) · score. A tree's score is multiplied by log₂(N + 1).
    """
    n, d = X.shape
    for t in range(len(first) - 1):
        leaf, node, leaves = first[t], first[t] - t, first[t + 1] - first[t]
        N = 0
        for k in range(leaves):
            N += mass[leaf + k]
        path = np.empty(leaves, np.int64)
        for i in range(n):
            depth = 0
            here = 0 if leaves > 1 else -1
            while here >= 0:
                path[depth] = node + here
                depth += 1
                j = node + here
                here = left[j] if X[i, dimension[j]] <= cut[j] else right[j]
            at = leaf - 1 - here
            same = True
            for f in range(d):
                if X[i, f] != points[at, f]:
                    same = False
                    break
            if same:  # it lies in every box above as well
                found = (1.0 - mass[at] / (2.0 * N)) / (depth + np.log2(mass[at] + 1.0))
            else:
                found = 1.0 / (depth + 1.0)
                for k in range(depth - 1, -1, -1):
                    j = path[k]
                    beyond = 0.0
                    for f in range(d):
                        x = float(X[i, f])
                        beyond += max(float(low[j, f]) - x, 0.0) + max(x - float(high[j, f]), 0.0)
                    if beyond <= 0.0:  # inside this box, and therefore inside those above
                        break
                    p = beyond / (beyond + span[j])
                    found = p / (k + 1.0) + (1.0 - p) * found
            out[i] += found * np.log2(N + 1.0)
