"""Deals rows into parts so that every part looks like the whole and units stay together.

Notation: n rows, u units (rows that must not be parted), s strata (classes, or bins of the target), p parts.
"""

import numpy as np
from numpy.typing import NDArray

from tarragon.data.arrays import Index, Vector


def deal(units: Index, strata: Index, shares: Vector, rng: np.random.Generator) -> Index:
    """Give each row a part, (n,), (n,), (p,) -> (n,) part numbers.

    Units of several rows are placed first, largest first, each into the part where it keeps the strata most even
    (as in stratified group k-fold). Single rows then fill each stratum up to its quota, so that without larger
    units every part holds each stratum's share to within one row.

    Parameters
    ----------
    units : ndarray of int64
        Equal numbers stay together; 0…u-1.
    strata : ndarray of int64
        0…s-1.
    shares : ndarray of float64
        Wanted share of the rows per part; sums to 1.
    rng : numpy.random.Generator
        Decides among equals.
    """
    n, n_strata, n_parts = len(units), int(strata.max(initial=0)) + 1, len(shares)
    part = np.full(n, -1, dtype=np.int64)
    size = np.bincount(units)
    counts = np.zeros((n_parts, n_strata))
    total = np.bincount(strata, minlength=n_strata).astype(np.float64)
    large = np.flatnonzero(size > 1)
    if len(large):
        _place(part, _members(units, large), strata, counts, shares, rng)
    single = np.flatnonzero(part < 0)
    single = single[rng.permutation(len(single))]
    by_stratum = single[np.argsort(strata[single], kind="stable")]
    ends = np.cumsum(np.bincount(strata[single], minlength=n_strata))
    filled = counts.sum(axis=1)
    for s in np.argsort(total, kind="stable")[::-1]:
        rows = by_stratum[ends[s] - (ends[s] - (ends[s - 1] if s else 0)) : ends[s]]
        quota = _quota(len(rows), counts[:, s], total[s] * shares, filled - n * shares, rng)
        part[rows] = np.repeat(np.arange(n_parts), quota)
        counts[:, s] += quota
        filled += quota
    return part


def _members(units: Index, wanted: Index) -> list[Index]:
    """Rows of each wanted unit, largest unit first."""
    order = np.argsort(units, kind="stable")
    starts = np.searchsorted(units[order], np.arange(int(units.max()) + 2))
    groups = [order[starts[u] : starts[u + 1]] for u in wanted]
    groups.sort(key=lambda rows: (-len(rows), int(rows[0])))
    return groups


def _place(
    part: Index,
    groups: list[Index],
    strata: Index,
    counts: NDArray[np.float64],
    shares: Vector,
    rng: np.random.Generator,
) -> None:
    """Place units one by one where the squared distance to the wanted counts stays least."""
    n_strata = counts.shape[1]
    total = np.bincount(strata, minlength=n_strata).astype(np.float64)
    want = shares[:, None] * total[None, :]
    scale = 1.0 / np.maximum(total, 1.0)  # a row of a rare stratum weighs more
    jitter = rng.permutation(len(shares)) * 1e-9
    lack_rows = want.sum(axis=1)
    for rows in groups:
        levels, times = np.unique(strata[rows], return_counts=True)
        before = counts[:, levels] - want[:, levels]
        cost = (((before + times) ** 2 - before**2) * scale[levels]).sum(axis=1)
        short = counts.sum(axis=1) - lack_rows
        cost += ((short + len(rows)) ** 2 - short**2) / len(part)
        chosen = int(np.argmin(cost + jitter))
        part[rows] = chosen
        counts[chosen, levels] += times


def _quota(n: int, have: Vector, want: Vector, surplus: Vector, rng: np.random.Generator) -> Index:
    """Share n rows of one stratum among parts: fill the largest gaps, remainders to the emptiest parts."""
    gap = np.maximum(want - have, 0.0)
    if gap.sum() <= 0:
        gap = np.ones_like(want)
    ideal = gap * (n / gap.sum())
    quota = np.floor(ideal + 1e-9).astype(np.int64)
    left = n - int(quota.sum())
    if left:
        # Lexicographic: largest remainder first, then the part with fewest rows so far, then chance.
        rest = np.round(ideal - quota, 6)
        order = np.lexsort((rng.permutation(len(want)), np.round(surplus, 6), -rest))
        quota[order[:left]] += 1
    return np.asarray(quota, dtype=np.int64)
