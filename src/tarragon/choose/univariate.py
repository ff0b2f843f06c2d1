"""How much of the target one column explains alone, out of sample, for all columns at once.

Each column is cut into bins (levels, or quantiles); four fifths of the rows set each bin's answer, the last fifth
judges it. Only counts per bin are kept, so the cost is O(n·d) additions.

Notation: n rows, d columns, B bins over all columns of a block, K classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tarragon.choose.sheet import Floats, Sheet
from tarragon.data import Vector

MAX_BINS = 40  # or four per class
ROWS_PER_BIN = 8
FOLDS = 5
PRIOR_ROWS = 0.5  # weight of the overall answer in each bin, in rows
BLOCK_CELLS = 2_000_000
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Strength:
    """What each column does alone.

    Parameters
    ----------
    share : ndarray of float64, (d,)
        1 − loss / loss of the overall answer, out of sample, floored at 0: log loss for classes, squared error
        for values.
    error : ndarray of float64, (d,)
        Wrong answers divided by those of always answering the commonest class; for values 1 − share.
    """

    share: Vector
    error: Vector


def bin_codes(values: Floats, *, nominal: bool, most: int = MAX_BINS) -> Codes:
    """(n,) values -> (n,) bins; 0 holds the missing ones."""
    present = np.isfinite(values)
    codes = np.zeros(len(values), dtype=np.int64)
    if not present.any():
        return codes
    if nominal:
        codes[present] = values[present].astype(np.int64) + 1
        return codes
    known = np.sort(values[present])
    n_bins = int(np.clip(len(known) // ROWS_PER_BIN, 2, most))
    distinct = known[np.r_[True, known[1:] != known[:-1]]]
    if len(distinct) <= n_bins:
        edges = (distinct[1:] + distinct[:-1]) / 2.0
    else:
        cut = known[(np.arange(1, n_bins) * len(known)) // n_bins]
        edges = cut[np.r_[True, cut[1:] != cut[:-1]]]
    codes[present] = np.searchsorted(edges, values[present], side="right") + 1
    return codes


def fold_numbers(n_rows: int, seed: int, n_folds: int = FOLDS) -> Codes:
    """(n,) fold of each row, sizes equal to within one."""
    return np.random.default_rng(seed).permutation(np.arange(n_rows) % n_folds).astype(np.int64)


def strengths(sheet: Sheet, seed: int) -> Strength:
    """Judge every column of the sheet alone."""
    n, d = sheet.X.shape
    fold = fold_numbers(n, seed)
    step = max(1, BLOCK_CELLS // max(n, 1))
    parts = [_block(sheet, slice(start, min(d, start + step)), fold) for start in range(0, d, step)]
    if not parts:
        return Strength(np.empty(0), np.empty(0))
    return Strength(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))


def _block(sheet: Sheet, columns: slice, fold: Codes) -> tuple[Vector, Vector]:
    most = max(MAX_BINS, 4 * sheet.n_classes)
    codes = np.column_stack(
        [
            bin_codes(sheet.X[:, j], nominal=bool(sheet.nominal[j]), most=most)
            for j in range(columns.start, columns.stop)
        ]
    )
    starts = np.r_[0, np.cumsum(codes.max(axis=0) + 1)]
    flat = codes + starts[:-1]
    if sheet.n_classes:
        return _classes(flat, starts, sheet.y.astype(np.int64), sheet.n_classes, fold)
    return _values(flat, starts, sheet.y, fold)


def _classes(flat: Codes, starts: Codes, y: Codes, k: int, fold: Codes) -> tuple[Vector, Vector]:
    """(n, d) bins, (d + 1,) first bin of each column -> (d,) share, (d,) error."""
    n_bins = int(starts[-1])
    count = np.empty((FOLDS, n_bins, k))
    for f in range(FOLDS):
        mine = fold == f
        cells = (flat[mine] * k + y[mine, None]).ravel()
        count[f] = np.bincount(cells, minlength=n_bins * k).reshape(n_bins, k)
    whole, loss, wrong, base, miss = count.sum(axis=0), np.zeros(n_bins), np.zeros(n_bins), 0.0, 0.0
    for f in range(FOLDS):
        teach = whole - count[f]
        truth = np.bincount(y[fold == f], minlength=k).astype(np.float64)
        prior = (np.bincount(y[fold != f], minlength=k) + 0.5) / ((fold != f).sum() + 0.5 * k)
        p = (teach + PRIOR_ROWS * prior) / (teach.sum(axis=1, keepdims=True) + PRIOR_ROWS)
        loss -= (count[f] * np.log(p)).sum(axis=1)
        wrong += count[f].sum(axis=1) - count[f][np.arange(n_bins), p.argmax(axis=1)]
        base -= float((truth * np.log(prior)).sum())
        miss += float(truth.sum() - truth[prior.argmax()])
    per_column = np.add.reduceat(loss, starts[:-1]) / max(base, 1e-12)
    return np.clip(1.0 - per_column, 0.0, 1.0), np.add.reduceat(wrong, starts[:-1]) / max(miss, 1.0)


def _values(flat: Codes, starts: Codes, y: Vector, fold: Codes) -> tuple[Vector, Vector]:
    """As ``_classes`` for values: squared error from counts, sums and sums of squares per bin."""
    n_bins, d = int(starts[-1]), flat.shape[1]
    y = y - y.mean()
    moment = np.empty((3, FOLDS, n_bins))
    for f in range(FOLDS):
        mine = fold == f
        cells, value = flat[mine].ravel(), np.repeat(y[mine], d)
        moment[0, f] = np.bincount(cells, minlength=n_bins)
        moment[1, f] = np.bincount(cells, weights=value, minlength=n_bins)
        moment[2, f] = np.bincount(cells, weights=value * value, minlength=n_bins)
    loss, base = np.zeros(n_bins), 0.0
    for f in range(FOLDS):
        n, total, square = moment[:, f]
        teach_n, teach_total = moment[0].sum(axis=0) - n, moment[1].sum(axis=0) - total
        centre = float(y[fold != f].mean())
        mean = (teach_total + PRIOR_ROWS * centre) / (teach_n + PRIOR_ROWS)
        loss += square - 2.0 * mean * total + n * mean * mean
        base += float(((y[fold == f] - centre) ** 2).sum())
    error = np.add.reduceat(loss, starts[:-1]) / max(base, 1e-300)
    return np.clip(1.0 - error, 0.0, 1.0), error
