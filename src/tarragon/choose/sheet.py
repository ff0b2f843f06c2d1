"""A sample of a table as plain numbers, made in milliseconds: what every check and probe of this room reads.

Notation: n sampled rows, d numeric columns made from the table's features, K classes (0 for regression).
Nothing here looks at the target, so nothing here can overfit it.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.data import Column, Index, Kind, Table, Vector

MAX_LEVELS = 255  # rarer levels share one code
MAX_TOKENS = 160  # words per text column that get a column of their own
MAX_CHARS = 2_000  # of a text that are read
DAY_S = 86_400.0
_WORD = re.compile(r"\w+")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A sample of rows as numbers.

    Parameters
    ----------
    rows : ndarray of int64, (n,)
        Row numbers of the table, in the order they were asked for.
    y : ndarray of float64, (n,)
        Class codes or values.
    n_classes : int
        K; 0 for regression.
    X : ndarray of float64, (n, d)
        NaN is missing. Nominal columns hold codes 0, 1, … by falling frequency.
    source, label : tuple of str, d each
        The table's column, and what this column of ``X`` is ("pickup (hour)").
    nominal : ndarray of bool, (d,)
    word : ndarray of bool, (d,)
        Whether the column of ``X`` marks one word of a text.
    """

    rows: Index
    y: Vector
    n_classes: int
    X: Floats
    source: tuple[str, ...]
    label: tuple[str, ...]
    nominal: NDArray[np.bool_]
    word: NDArray[np.bool_]

    @property
    def n_rows(self) -> int:
        """Rows in the sample."""
        return len(self.y)

    def columns(self, keep: NDArray[np.bool_]) -> "Sheet":
        """Take columns by a mask, (d,) bool."""
        chosen = np.flatnonzero(keep)
        return Sheet(
            self.rows, self.y, self.n_classes, self.X[:, chosen],
            tuple(self.source[j] for j in chosen), tuple(self.label[j] for j in chosen),
            self.nominal[chosen], self.word[chosen],
        )  # fmt: skip

    def take(self, index: Index) -> "Sheet":
        """Take rows of the sample by position."""
        return Sheet(
            self.rows[index], self.y[index], self.n_classes, self.X[index], self.source, self.label, self.nominal,
            self.word,
        )  # fmt: skip

    def without(self, names: Iterable[str]) -> "Sheet":
        """Leave out what came from these table columns."""
        gone = set(names)
        return self.columns(np.array([s not in gone for s in self.source], dtype=np.bool_))


def sample_rows(n_rows: int, at_most: int, seed: int) -> Index:
    """Choose row numbers, ascending; all of them where they fit."""
    if n_rows <= at_most:
        return np.arange(n_rows, dtype=np.int64)
    chosen = np.random.default_rng(seed).choice(n_rows, at_most, replace=False)
    return np.sort(chosen).astype(np.int64)


def sheet(table: Table, rows: Index, *, without: Iterable[str] = (), y: Vector | None = None) -> Sheet:
    """Turn the features of some rows into numbers. Cost O(n·d).

    ``rows`` may come in any order; the sheet keeps it. Identifiers and constants are left out; dates become days and
    calendar parts, texts their length and words. ``y`` is the whole table's target, if at hand.
    """
    gone = set(without)
    whole = len(rows) == table.n_rows and bool((rows[1:] > rows[:-1]).all())
    frame = table.frame if whole else table.frame[rows]
    parts: list[tuple[str, str, bool, bool, Floats]] = []
    dates: list[tuple[str, Floats]] = []
    for column in table.features:
        if column.name in gone or column.kind in (Kind.ID, Kind.CONSTANT):
            continue
        made = _numbers(frame[column.name], column)
        parts.extend((column.name, label, nominal, word, values) for label, nominal, word, values in made)
        if column.kind is Kind.DATETIME and made:
            dates.append((column.name, day_numbers(frame[column.name])))
    for i, (later, b) in enumerate(dates[:3]):
        parts.extend((later, f"{later} − {earlier}", False, False, b - a) for earlier, a in dates[:i])
    target = table.y if y is None else y
    return Sheet(
        rows=rows,
        y=target[rows],
        n_classes=table.n_classes,
        X=np.column_stack([p[4] for p in parts]) if parts else np.empty((len(rows), 0)),
        source=tuple(p[0] for p in parts),
        label=tuple(p[1] for p in parts),
        nominal=np.array([p[2] for p in parts], dtype=np.bool_),
        word=np.array([p[3] for p in parts], dtype=np.bool_),
    )


def _numbers(series: pl.Series, column: Column) -> list[tuple[str, bool, bool, Floats]]:
    """(label, nominal, word, (n,) values) of every numeric column a table column becomes."""
    if column.kind in (Kind.NUMERIC, Kind.BOOLEAN) and (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        return [(column.name, False, False, floats(series))]
    if column.kind is Kind.DATETIME and series.dtype.is_temporal():
        return _calendar(series, column.name)
    if column.kind is Kind.TEXT and series.dtype == pl.String:
        return _words(series, column.name)
    return [(column.name, True, False, level_codes(series))]


def floats(series: pl.Series) -> Floats:
    """(n,) values; missing and infinite ones are NaN."""
    values = series.cast(pl.Float64).to_numpy().astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def day_numbers(series: pl.Series) -> Floats:
    """(n,) days since 1970, fractions included; NaN where missing."""
    moment = series.cast(pl.Datetime("us"))
    return floats(moment.dt.epoch("us")) / (DAY_S * 1e6)


def _calendar(series: pl.Series, name: str) -> list[tuple[str, bool, bool, Floats]]:
    day = day_numbers(series)
    moment = series.cast(pl.Datetime("us"))
    parts = [
        (name, day),
        (f"{name} (hour)", floats(moment.dt.hour()) + floats(moment.dt.minute()) / 60.0),
        (f"{name} (weekday)", floats(moment.dt.weekday())),
        (f"{name} (month)", floats(moment.dt.month())),
    ]
    moving = [(label, v) for label, v in parts if np.nanmin(v, initial=np.inf) < np.nanmax(v, initial=-np.inf)]
    return [(label, False, False, v) for label, v in moving]


def level_codes(series: pl.Series) -> Floats:
    """(n,) codes 0, 1, … by falling frequency, then first appearance; NaN where missing; rare levels share one."""
    text = series if series.dtype == pl.String else series.cast(pl.String)
    physical = text.cast(pl.Categorical).to_physical()
    missing = physical.is_null().to_numpy()
    _, first, inverse, counts = np.unique(
        physical.fill_null(0).to_numpy()[~missing], return_index=True, return_inverse=True, return_counts=True
    )
    place = np.empty(len(counts), dtype=np.float64)
    place[np.lexsort((first, -counts))] = np.arange(len(counts))
    codes = np.full(len(series), np.nan)
    codes[~missing] = np.minimum(place, MAX_LEVELS - 1)[inverse]
    return codes


def _words(series: pl.Series, name: str) -> list[tuple[str, bool, bool, Floats]]:
    texts = [t[:MAX_CHARS].lower() if t is not None else None for t in series.to_list()]
    bags = [set(_WORD.findall(t)) if t is not None else set() for t in texts]
    n = len(bags)
    seen = Counter(w for bag in bags for w in bag)
    least = max(3, n // 400)
    words = sorted((w for w, c in seen.items() if least <= c <= 0.99 * n), key=lambda w: (-seen[w], w))[:MAX_TOKENS]
    place = {w: j for j, w in enumerate(words)}
    marks = np.zeros((n, len(words)))
    for i, bag in enumerate(bags):
        for w in bag:
            j = place.get(w)
            if j is not None:
                marks[i, j] = 1.0
    length = np.array([np.nan if t is None else float(len(t)) for t in texts])
    made = [(f"{name} (length)", False, False, length)]
    made.extend((f'{name} (word "{w}")', False, True, marks[:, j]) for w, j in place.items())
    return made
