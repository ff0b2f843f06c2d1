"""Which of very many columns go with a target: a cheap look that decides what is worth a dear one.

Numbers are judged all at once by their correlation, straight and bent; levels by the share of variance between them.
Cost: O(rows · columns) on at most 2,000 rows, fewer where there are many columns.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

ROWS = 2_000
WIDE = 200  # columns beyond which fewer rows are looked at
FEW_ROWS = 400
TARGETS = 5  # columns of a probability table that are followed
SMALL = 1e-12


def strongest(frame: pl.DataFrame, columns: Sequence[str], told: NDArray[np.float64]) -> list[str]:
    """Order columns by how well they go with ``told``, (n,) or (n, t), strongest first.

    Rows are thinned evenly, so the caller should hand them over in no particular order or in the table's.
    """
    step = max(1, -(-frame.height // (ROWS if len(columns) <= WIDE else FEW_ROWS)))
    frame = frame[np.arange(0, frame.height, step)]
    target = told[::step].reshape(frame.height, -1)[:, -TARGETS:]
    target = _standard(target)
    plain = [c for c in columns if has_order(frame[c])]
    strength: dict[str, float] = {}
    if plain:
        # One column after the other: a single query of thousands of expressions takes minutes to plan.
        numbers = np.stack([as_numbers(frame[c]) for c in plain], axis=1)
        straight = _standard(numbers)
        bent = _standard(straight**2)
        best = np.maximum(_squared(straight, target), _squared(bent, target))
        strength = dict(zip(plain, map(float, best), strict=True))
    for name in columns:
        if name not in strength:
            strength[name] = _between(frame[name].cast(pl.String), target)
    place = {c: i for i, c in enumerate(columns)}
    return sorted(columns, key=lambda c: (-strength[c], place[c]))


def as_numbers(cells: pl.Series) -> NDArray[np.float64]:
    """Numbers, dates and booleans as floats, missing as NaN."""
    plain = cells if cells.dtype == pl.Boolean else cells.to_physical()
    return plain.cast(pl.Float64).to_numpy().astype(np.float64)


def has_order(cells: pl.Series) -> bool:
    """Whether low and high mean something: numbers, dates, booleans."""
    return cells.dtype.is_numeric() or cells.dtype.is_temporal() or cells.dtype == pl.Boolean


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns with mean 0 and variance 1; missing cells are the mean, constant columns all 0."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, values - np.where(known, values, 0.0).sum(axis=0) / count, 0.0)
    spread = np.sqrt((centred**2).mean(axis=0))
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > SMALL))


def _squared(values: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, d), (n, t) -> (d,): largest squared correlation with any target."""
    return np.asarray(((values.T @ target / len(target)) ** 2).max(axis=1))


def _between(cells: pl.Series, target: NDArray[np.float64]) -> float:
    """Share of the targets' variance between levels, less what as many random levels would show."""
    code = cells.fill_null("").rank("dense").to_numpy().astype(np.int64) - 1
    counts = np.bincount(code).astype(np.float64)
    sums = np.stack([np.bincount(code, column) for column in target.T])
    share = float(((sums**2 / counts).sum(axis=1) / len(code)).max())
    return share - (len(counts) - 1) / max(len(code) - 1, 1)
