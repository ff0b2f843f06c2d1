"""Numbers as learners like them: centred, scaled, tails tamed, gaps filled and marked.

Notation: n rows, m measures (numeric columns, and numbers made from dates, texts and level counts), NaN is missing.
Statistics come from at most ``STAT_ROWS`` evenly spaced rows and never look at a target.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.data.arrays import Index, Vector

STAT_ROWS = 100_000
CLIP = 10.0  # standard deviations kept in the one-hot view
SOFT_CLIP = 3.0  # x / sqrt(1 + (x/3)²): the smooth clipping of RealMLP (Holzmüller et al. 2024, arXiv:2407.04491, §3)
HEAVY = 4.0  # (99.5 % quantile − median) / interquartile range; 1.9 for a normal, 8 for a lognormal variable
MAX_HOT = 10  # distinct whole numbers that also get a column each: coded answers look like this
MAX_HOT_CYCLE = 24  # … hours, months and weekdays
MAX_HOT_COLUMNS = 1_000  # in all; very wide tables of small counts stay as they are
PRECISE = 1e5  # |x| / spread from which float32 would blur neighbouring values


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What was learned about m measures.

    Parameters
    ----------
    names, origins : tuple of str
        Of each measure: its name and the raw column it comes from.
    shift : ndarray of shape (m,)
        Taken off before float32 in the codes view; 0 except for large, tightly packed values.
    center, scale, fill : ndarray of shape (m,)
        z = (x − center) / scale; missing cells get ``fill``, the median.
    heavy : ndarray of int64
        Measures with long tails: they get a companion sign(x)·ln(1 + |x|/unit), standardised.
    unit, log_center, log_scale : ndarray, one per heavy measure
    gaps : ndarray of int64
        Measures with a column that marks missing cells; measures missing in the same rows share one.
    hot : ndarray of int64
        Measures with few whole values, which also get a column per value.
    levels : tuple of ndarray
        Those values, ascending, per ``hot`` measure.
    """

    names: tuple[str, ...]
    origins: tuple[str, ...]
    shift: Vector
    center: Vector
    scale: Vector
    fill: Vector
    heavy: Index
    unit: Vector
    log_center: Vector
    log_scale: Vector
    gaps: Index
    hot: Index
    levels: tuple[Vector, ...]

    @classmethod
    def fit(
        cls, values: Vector, names: Sequence[str], origins: Sequence[str], *, cyclic: Sequence[bool], rare: int
    ) -> "Measures":
        """Learn from (n, m) values; ``cyclic`` marks calendar parts; a value gets a column from ``rare`` rows on."""
        n = len(values)
        step = max(1, -(-n // STAT_ROWS))
        ordered = np.sort(values[::step], axis=0)  # NaN goes to the end of each column
        count = np.sum(~np.isnan(ordered), axis=0)
        quantile = {q: _quantile(ordered, count, q) for q in (0.005, 0.25, 0.5, 0.75, 0.995)}
        low, high = _quantile(ordered, count, 0.0), _quantile(ordered, count, 1.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            known = np.maximum(count, 1)
            mean = np.nansum(ordered, axis=0) / known
            std = np.sqrt(np.nansum((ordered - mean) ** 2, axis=0) / known)
        median = quantile[0.5]
        spread = quantile[0.75] - quantile[0.25]
        distinct = 1 + np.sum(np.diff(ordered, axis=0) > 0, axis=0)
        tail = np.maximum(quantile[0.995] - median, median - quantile[0.005])
        heavy_mask = (distinct > MAX_HOT) & ((tail > HEAVY * spread) & (tail > 0))
        robust = np.where(spread > 0, spread / 1.349, std)  # a normal's interquartile range is 1.349 deviations
        pair = distinct == 2
        center = np.where(pair, low, np.where(heavy_mask, median, mean))
        scale = np.where(pair, high - low, np.where(heavy_mask, robust, std))
        scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)
        large = np.maximum(np.abs(low), np.abs(high)) > PRECISE * np.where(std > 0, std, np.inf)
        hot, levels = _hot(ordered, count, distinct, np.asarray(cyclic, dtype=bool), rare * len(ordered) / max(n, 1))
        heavy = np.flatnonzero(heavy_mask).astype(np.int64)
        unit, log_center, log_scale = _log_stats(ordered[:, heavy])
        return cls(
            tuple(names), tuple(origins), np.where(large, median, 0.0), center, scale, median,
            heavy, unit, log_center, log_scale, _gap_columns(values), hot, levels,
        )  # fmt: skip

    def codes(self, values: Vector) -> NDArray[np.float32]:
        """(n, m) -> (n, m): the values themselves, NaN kept."""
        return (values - self.shift).astype(np.float32)

    def scaled(self, values: Vector, *, soft: bool) -> NDArray[np.float32]:
        """(n, m) -> (n, m + heavy + gaps), filled; clipped hard at ±10, or softly."""
        missing = np.isnan(values)
        full = np.where(missing, self.fill, values)
        z = (full - self.center) / self.scale
        x = full[:, self.heavy]
        logs = (np.sign(x) * np.log1p(np.abs(x) / self.unit) - self.log_center) / self.log_scale
        both = np.concatenate([z, logs], axis=1)
        both = both / np.sqrt(1.0 + (both / SOFT_CLIP) ** 2) if soft else np.clip(both, -CLIP, CLIP)
        return np.concatenate([both, missing[:, self.gaps]], axis=1, dtype=np.float32, casting="unsafe")

    def hot_codes(self, values: Vector) -> NDArray[np.int32]:
        """(n, m) -> (n, hot): position of the whole part of each value among its levels, −1 elsewhere."""
        out = np.full((len(values), len(self.hot)), -1, dtype=np.int32)
        for j, (column, levels) in enumerate(zip(self.hot, self.levels, strict=True)):
            whole = np.floor(values[:, column])
            at = np.minimum(np.searchsorted(levels, whole), len(levels) - 1)
            out[:, j] = np.where(levels[at] == whole, at, -1)
        return out

    def scaled_names(self) -> list[tuple[str, str]]:
        """(name, origin) of each column of :meth:`scaled`."""
        made = list(zip(self.names, self.origins, strict=True))
        made += [(f"{self.names[i]} (log)", self.origins[i]) for i in self.heavy]
        return made + [(f"{self.names[i]} (missing)", self.origins[i]) for i in self.gaps]

    def hot_names(self) -> list[tuple[str, str]]:
        """(name, origin) of each column that stands for one value."""
        return [
            (f"{self.names[i]} = {v:g}", self.origins[i])
            for i, levels in zip(self.hot, self.levels, strict=True)
            for v in levels
        ]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything numeric, for saving."""
        sizes = np.array([len(v) for v in self.levels], dtype=np.int64)
        flat = np.concatenate([*self.levels, np.empty(0)])
        named = ("shift", "center", "scale", "fill", "heavy", "unit", "log_center", "log_scale", "gaps", "hot")
        return {**{k: getattr(self, k) for k in named}, "level_sizes": sizes, "level_values": flat}

    @classmethod
    def restore(cls, names: Sequence[str], origins: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> "Measures":
        """Undo :meth:`arrays`."""
        ends = np.cumsum(arrays["level_sizes"])
        levels = tuple(np.split(arrays["level_values"], ends[:-1])) if len(ends) else ()
        rest = {k: v for k, v in arrays.items() if k not in ("level_sizes", "level_values")}
        return cls(tuple(names), tuple(origins), levels=levels, **rest)


def _quantile(ordered: Vector, count: Index, q: float) -> Vector:
    """(n, m) ascending with NaN last, (m,) -> (m,): linear between order statistics; 0 where nothing is known."""
    m = ordered.shape[1]
    if ordered.shape[0] == 0:
        return np.zeros(m)
    position = q * np.maximum(count - 1, 0)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    columns = np.arange(m)
    a, b = ordered[below, columns], ordered[above, columns]
    return np.where(count > 0, a + (position - below) * (b - a), 0.0)


def _log_stats(ordered: Vector) -> tuple[Vector, Vector, Vector]:
    """(n, h) -> unit (typical size of x ≠ 0), mean and deviation of sign(x)·ln(1 + |x|/unit): (h,) each."""
    h = ordered.shape[1]
    if h == 0:
        return np.ones(0), np.zeros(0), np.ones(0)
    size = np.abs(ordered)
    size = np.sort(np.where(size > 0, size, np.nan), axis=0)
    unit = _quantile(size, np.sum(~np.isnan(size), axis=0), 0.5)
    unit = np.where(unit > 0, unit, 1.0)
    logs = np.sign(ordered) * np.log1p(np.abs(ordered) / unit)
    center = np.nanmean(logs, axis=0)
    scale = np.nanstd(logs, axis=0)
    return unit, center, np.where(scale > 0, scale, 1.0)


def _gap_columns(values: Vector) -> Index:
    """Columns with missing cells, one for each distinct pattern of gaps."""
    missing = np.isnan(values)
    columns = np.flatnonzero(missing.any(axis=0))
    seen: dict[bytes, int] = {}
    for column in columns:
        seen.setdefault(np.packbits(missing[:, column]).tobytes(), int(column))
    return np.array(sorted(seen.values()), dtype=np.int64)


def _hot(
    ordered: Vector, count: Index, distinct: Index, cyclic: NDArray[np.bool_], rare: float
) -> tuple[Index, tuple[Vector, ...]]:
    """Find measures with three or more, but few, whole values."""
    candidates = np.flatnonzero(((distinct > 2) & (distinct <= MAX_HOT)) | cyclic)
    hot, levels, total = [], [], 0
    if len(candidates) * 3 > MAX_HOT_COLUMNS:
        return np.empty(0, dtype=np.int64), ()
    for column in candidates:
        known = ordered[: count[column], column]
        whole = np.floor(known) if cyclic[column] else known
        found, times = np.unique(whole, return_counts=True)
        if not (2 < len(found) <= (MAX_HOT_CYCLE if cyclic[column] else MAX_HOT)) or np.any(found != np.floor(found)):
            continue
        found = found[times >= rare]
        total += len(found)
        if len(found) and total <= MAX_HOT_COLUMNS:
            hot.append(int(column))
            levels.append(found.astype(np.float64))
    return np.array(hot, dtype=np.int64), tuple(levels)
