"""What each column of the table is worth: how much worse the model is when the column's cells are shuffled.

Permutation importance (Breiman 2001; Fisher, Rudin & Dominici 2019) with the out-of-fold models, so that a column the
model merely memorised counts nothing. The interval is the paired one of the rows, averaged over the shuffles.
Columns that say the same thing share their worth: shuffling one leaves the other; ``relatives`` names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.analyze.screening import as_numbers, has_order
from tarragon.analyze.subject import Array, Evidence, Subject, answers
from tarragon.metrics import Metric, paired

ROWS = 2_000
CELLS = 8_000_000  # of one frame handed to the model: some hundred megabytes at most
RELATED = 0.8  # absolute rank correlation from which two columns are called related


@dataclass(frozen=True, slots=True)
class Worth:
    """Permutation importance of one column in utility, with its 95 % interval."""

    column: str
    loss: float
    low: float
    high: float


def permutation(
    subject: Subject, metric: Metric, proof: Evidence, columns: Sequence[str], *, repeats: int, seed: int
) -> tuple[Worth, ...]:
    """Shuffle each column among the given rows ``repeats`` times, strongest first.

    Cost: (columns · repeats + 1) answers per row, in few large frames per fold.
    """
    rng = np.random.default_rng(seed)
    frame = subject.table.frame.drop(subject.table.target)[proof.rows]
    shuffles = [rng.permutation(len(proof.y)) for _ in range(repeats)]
    jobs: list[tuple[str, NDArray[np.int64]]] = [(c, s) for c in columns for s in shuffles]
    base, shuffled = _respond_shuffled(subject, frame, proof.fold, jobs)
    truth = answers(subject, base) if metric.needs == "label" else base
    worth = []
    for i, column in enumerate(columns):
        parts = []
        for p in shuffled[i * repeats : (i + 1) * repeats]:
            broken = answers(subject, p) if metric.needs == "label" else p
            parts.append(paired(metric, proof.y, truth, broken, proof.weight, seed))
        loss, low, high = np.mean(parts, axis=0)
        worth.append(Worth(column, float(loss), float(low), float(high)))
    return tuple(sorted(worth, key=lambda w: (-w.loss, w.column)))


def _respond_shuffled(
    subject: Subject, frame: pl.DataFrame, fold: NDArray[np.int64], jobs: Sequence[tuple[str, NDArray[np.int64]]]
) -> tuple[Array, list[Array]]:
    """Answers to the rows as they are, and with one column's cells from other rows, for every job."""
    shape = (frame.height, *subject.oof.shape[1:])
    base, out = np.empty(shape), [np.empty(shape) for _ in jobs]
    for k in np.unique(fold):
        inside = np.flatnonzero(fold == k)
        plain = frame[inside]
        block = max(1, CELLS // max(1, plain.height * frame.width))
        for start in range(0, len(jobs), block):
            some = jobs[start : start + block]
            changed = [plain.with_columns(frame[c].gather(s[inside])) for c, s in some]
            told = subject.predictor.respond(pl.concat([plain, *changed]), int(k))
            base[inside], *parts = np.split(told, len(some) + 1)
            for i, part in enumerate(parts):
                out[start + i][inside] = part
    return base, out


def relatives(frame: pl.DataFrame, columns: Sequence[str]) -> tuple[tuple[str, str, float], ...]:
    """Pairs of columns with an absolute rank correlation of 0.8 or more, strongest first."""
    if len(columns) < 2:
        return ()
    ranks = np.stack([_ranks(frame[c]) for c in columns])
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    size = np.sqrt((ranks**2).sum(axis=1))
    size[size == 0] = np.inf
    strength = (ranks @ ranks.T) / np.outer(size, size)
    found = [
        (columns[i], columns[j], float(strength[i, j]))
        for i in range(len(columns))
        for j in range(i + 1, len(columns))
        if abs(strength[i, j]) >= RELATED
    ]
    return tuple(sorted(found, key=lambda r: -abs(r[2])))


def places(column: pl.Series, cells: pl.Series) -> list[float | None]:
    """Say where cells lie in their column, 0 (low) … 1 (high); None for missing cells and columns without order.

    The ends are the column's 2nd and 98th percentile, so that one wild row does not make all others look alike.
    """
    if not has_order(column):
        return [None] * len(cells)
    known = as_numbers(column.drop_nulls())
    if len(known) == 0:
        return [None] * len(cells)
    low, high = np.quantile(known, [0.02, 0.98])
    if low == high:
        low, high = known.min(), known.max()
    if low == high:
        return [None] * len(cells)
    placed = np.clip((as_numbers(cells) - low) / (high - low), 0.0, 1.0)
    return [None if np.isnan(v) else float(v) for v in placed]


def _ranks(cells: pl.Series) -> NDArray[np.float64]:
    """Place of each cell in its column, 0…1; levels in the order of their names; missing in the middle."""
    if not has_order(cells):
        cells = cells.cast(pl.String)
    ranks = cells.rank("average").cast(pl.Float64)
    return (ranks.fill_null(len(cells) / 2) / max(len(cells), 1)).to_numpy().astype(np.float64)
