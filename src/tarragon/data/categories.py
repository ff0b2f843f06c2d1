"""Levels of categorical columns as codes, and codes as columns of zeros and ones.

Notation: n rows, c categorical columns; code −1 is a missing cell, −2 a level that is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.data.arrays import Index

MISSING, UNKNOWN = -1, -2
MAX_CODES = 254  # LightGBM bins of one byte hold 255 values; the last is for all other levels
MAX_LEVELS = 20_000  # kept per column
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The levels of one column, most frequent first.

    Parameters
    ----------
    values : tuple of str
        Where there are more than ``MAX_CODES``, only those seen at least twice: single ones say nothing together.
    counts : ndarray of int64
        Rows per level.
    n_distinct, n_missing : int
        Levels and missing cells among the rows it was learned from.
    """

    values: tuple[str, ...]
    counts: Index
    n_distinct: int
    n_missing: int
    _code: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def many(self) -> bool:
        """Whether there are more levels than codes."""
        return self.n_distinct > MAX_CODES

    @classmethod
    def fit(cls, series: pl.Series) -> "Levels":
        """Count the levels of a text column."""
        cells = series.cast(pl.String)
        table = cells.drop_nulls().value_counts(name="n_rows_of_level")
        table = table.sort(["n_rows_of_level", table.columns[0]], descending=[True, False])
        distinct = table.height
        if distinct > MAX_CODES:
            table = table.filter(pl.col("n_rows_of_level") > 1).head(MAX_LEVELS)
        counts = table["n_rows_of_level"].to_numpy().astype(np.int64)
        return cls(tuple(table[table.columns[0]].to_list()), counts, distinct, cells.null_count())

    def code(self, value: str | None) -> int:
        """Code of one cell."""
        if value is None:
            return MISSING
        if not self._code:
            self._code.update({v: i for i, v in enumerate(self.values)})  # at once: threads may share this
        return self._code.get(value, UNKNOWN)

    def codes(self, series: pl.Series) -> Codes:
        """(n,) cells -> (n,) codes."""
        if not self.values:
            return np.where(series.is_null().to_numpy(), MISSING, UNKNOWN).astype(np.int32)
        found = (
            series.cast(pl.Enum(self.values), strict=False).to_physical().cast(pl.Int32).fill_null(UNKNOWN).to_numpy()
        )
        if series.null_count():
            found = np.where(series.is_null().to_numpy(), np.int32(MISSING), found)
        return np.asarray(found, dtype=np.int32)

    def frequency(self, codes: Codes) -> NDArray[np.float64]:
        """(n,) codes -> (n,) ln of rows per level; unknown levels count as seen once, missing cells are NaN."""
        padded = np.concatenate([self.counts, [1]])  # index −2 and beyond the end
        log = np.log(padded.astype(np.float64))
        out = log[np.where(codes >= 0, codes, len(self.counts))]
        return np.where(codes == MISSING, np.nan, out)

    def folded(self, codes: Codes) -> NDArray[np.float32]:
        """(n,) codes -> (n,) codes for trees, NaN missing.

        Of a long list the rare and unknown levels share the last code; of a short one the unknown are NaN.
        """
        out = codes.astype(np.float32)
        if self.many:
            out[(codes >= MAX_CODES) | (codes == UNKNOWN)] = MAX_CODES
            out[codes == MISSING] = np.nan
        else:
            out[codes < 0] = np.nan
        return out


@dataclass(frozen=True, slots=True, eq=False)
class HotPlan:
    """Which levels of c columns get a column of their own.

    Parameters
    ----------
    kept : ndarray of shape (c,)
        The first ``kept`` levels have their own.
    rare, missing : ndarray of shape (c,)
        Position of the shared column of all other levels, and of missing cells; −1 where there is none.
    width : ndarray of shape (c,)
        Columns in all, per categorical column.
    """

    kept: Codes
    rare: Codes
    missing: Codes
    width: Codes

    @classmethod
    def make(cls, columns: Sequence[Levels], *, least: int, most: int) -> "HotPlan":
        """Keep levels with at least ``least`` rows, at most ``most`` of them."""
        kept, rare, missing, width = [], [], [], []
        for levels in columns:
            k = min(most, int(np.sum(levels.counts >= least)))
            at = k
            rare.append(at if levels.n_distinct > k else -1)
            at += rare[-1] >= 0
            missing.append(at if levels.n_missing else -1)
            at += missing[-1] >= 0
            kept.append(k)
            width.append(at)
        return cls(*(np.array(v, dtype=np.int32) for v in (kept, rare, missing, width)))

    def positions(self, codes: Codes) -> Codes:
        """(n, c) codes -> (n, c) positions within each column's own block, −1 for none."""
        other = (codes == UNKNOWN) | (codes >= self.kept)
        return np.where(codes == MISSING, self.missing, np.where(other, self.rare, codes)).astype(np.int32)

    def names(self, columns: Sequence[str], levels: Sequence[Levels]) -> list[tuple[str, str]]:
        """(name, origin) of each column."""
        made = []
        for j, name in enumerate(columns):
            made += [(f"{name} = {v}", name) for v in levels[j].values[: self.kept[j]]]
            made += [(f"{name} (rare)", name)] if self.rare[j] >= 0 else []
            made += [(f"{name} (missing)", name)] if self.missing[j] >= 0 else []
        return made


def hot(positions: Codes, width: Codes, *, sparse: bool) -> "NDArray[np.float32] | sp.csr_matrix":
    """(n, q) positions, (q,) widths -> (n, sum of widths) of zeros and ones."""
    n = len(positions)
    start = np.concatenate([[0], np.cumsum(width)]).astype(np.int32)
    at = positions + start[:-1]
    there = positions >= 0
    if not sparse:
        out = np.zeros((n, int(start[-1])), dtype=np.float32)
        rows, _ = np.nonzero(there)
        out[rows, at[there]] = 1.0
        return out
    indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    indices = at[there].astype(np.int32)
    return sp.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(n, int(start[-1])))
