"""Columns in numbers for the report: counts, gaps, histogram, range."""

from itertools import pairwise

import numpy as np
import polars as pl

from tarragon.choose.protocol import ColumnProfile
from tarragon.choose.sheet import DAY_S, Floats, day_numbers, floats
from tarragon.data import Column, Kind, Table, Vector

BINS = 20
LABEL_CHARS = 40


def column_profile(series: pl.Series, column: Column, strength: float) -> ColumnProfile:
    """Describe one column; ``series`` may be a sample, counts of gaps and levels come from ``column``."""
    mean = std = low = high = None
    histogram: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    temporal = series.dtype.is_temporal() and series.dtype not in (pl.Duration, pl.Time)
    if series.dtype.is_numeric() or temporal:
        values = day_numbers(series) * DAY_S if temporal else floats(series)
        values = values[np.isfinite(values)]
        if len(values):
            mean, std, low, high = float(values.mean()), float(values.std()), float(values.min()), float(values.max())
            histogram, labels = bins(values, dates=temporal)
    else:
        top = series.drop_nulls().cast(pl.String).value_counts(sort=True).head(4 * BINS)
        pairs = sorted(
            zip(top["count"].to_list(), top[series.name].to_list(), strict=True), key=lambda p: (-p[0], p[1])
        )
        histogram = tuple(int(c) for c, _ in pairs[:BINS])
        labels = tuple(v if len(v) <= LABEL_CHARS else v[: LABEL_CHARS - 1] + "…" for _, v in pairs[:BINS])
    return ColumnProfile(
        name=column.name,
        kind=str(column.kind),
        n_missing=column.n_missing,
        n_unique=column.n_unique,
        histogram=histogram,
        labels=labels,
        mean=mean,
        std=std,
        minimum=low,
        maximum=high,
        strength=strength,
    )


def bins(values: Floats, *, dates: bool = False) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return counts and names of at most 20 equal bins; whole numbers of few values get a bin each.

    Examples
    --------
    >>> bins(np.array([1.0, 1.0, 2.0]))
    ((2, 1), ('1', '2'))
    """
    known = np.unique(values)
    if len(known) <= BINS and not dates:
        counts = np.searchsorted(np.sort(values), known, side="right")
        return tuple(int(c) for c in np.diff(np.r_[0, counts])), tuple(f"{v:g}" for v in known)
    low, high = float(known[0]), float(known[-1])
    width = (high - low) / BINS
    if not np.isfinite(width) or width <= 0:
        return (len(values),), (f"{low:g}",)
    place = np.minimum(((values - low) / width).astype(np.int64), BINS - 1)
    edges = low + width * np.arange(BINS + 1)
    if dates:
        names = [str(np.datetime64(int(e), "s")).replace("T", " ")[:16] for e in edges[:-1]]
    else:
        names = [f"{a:.4g}–{b:.4g}" for a, b in pairwise(edges)]
    return tuple(int(c) for c in np.bincount(place, minlength=BINS)), tuple(names)


def target_counts(table: Table, y: Vector) -> dict[str, int]:
    """Rows per class, or per bin of the target."""
    if table.task != "regression":
        counts = np.bincount(y.astype(np.int64), minlength=table.n_classes)
        return {str(label): int(c) for label, c in zip(table.classes, counts, strict=True)}
    histogram, labels = bins(y[np.isfinite(y)])
    return dict(zip(labels, histogram, strict=True))


def counted(table: Table) -> Table:
    """Fill in gaps and levels of columns that were made without a reader (both counts zero)."""
    from dataclasses import replace

    if all(c.n_unique or c.n_missing or c.kind is Kind.CONSTANT for c in table.columns):
        return table
    columns = []
    for c in table.columns:
        series = table.frame[c.name]
        gaps = series.null_count()
        columns.append(replace(c, n_missing=gaps, n_unique=series.n_unique() - (gaps > 0)))
    return replace(table, columns=tuple(columns))
