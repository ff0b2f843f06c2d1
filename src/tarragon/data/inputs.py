"""Raw columns of a frame as arrays: what every view of the encoder starts from.

Large frames are read column by column in polars; frames of a few rows cell by cell in Python, because one column
expression costs more than a whole small row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tarragon.data.arrays import Vector
from tarragon.data.categories import Codes, Levels
from tarragon.errors import DataError

SMALL = 16  # rows


@dataclass(frozen=True, slots=True)
class Columns:
    """Feature columns by how they are read.

    Parameters
    ----------
    numbers, flags, pairs, moments, words, texts : tuple of str
        Numeric; boolean; two-valued answers in words ("yes"/"no"); datetimes; categorical; free text.
    answers : tuple of (str, str)
        The (no, yes) of each of ``pairs``.
    """

    numbers: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()

    @property
    def plain(self) -> tuple[str, ...]:
        """Columns that are one measure each."""
        return self.numbers + self.flags + self.pairs

    @property
    def all(self) -> tuple[str, ...]:
        """Every column."""
        return self.plain + self.moments + self.words + self.texts


def check_columns(frame: pl.DataFrame, columns: Sequence[str]) -> None:
    """Raise ``DataError`` when a column is not in the frame."""
    there = set(frame.columns)
    gone = [c for c in columns if c not in there]
    if gone:
        shown = ", ".join(f'"{c}"' for c in gone[:5])
        raise DataError(
            "The frame lacks columns the encoder was fitted on",
            why=f"Missing: {shown}",
            fix="Pass it through Encoder.align first",
        )


def plain(frame: pl.DataFrame, columns: Columns) -> Vector:
    """(n, numbers + flags + pairs) float64; NaN is missing."""
    if not columns.plain:
        return np.empty((frame.height, 0))
    if frame.height <= SMALL and len(columns.plain) <= 200:
        return _plain_cells(frame, columns)
    parts = []
    if columns.numbers or columns.flags:
        direct = frame.select(columns.numbers + columns.flags)
        parts.append(direct.cast(pl.Float64).to_numpy())
    for name, (no, yes) in zip(columns.pairs, columns.answers, strict=True):
        series = frame.get_column(name)
        flags = np.where((series == yes).fill_null(False).to_numpy(), 1.0, np.nan)
        flags[(series == no).fill_null(False).to_numpy()] = 0.0
        parts.append(flags[:, None])
    values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    values = np.array(values, dtype=np.float64, order="C")
    values[~np.isfinite(values)] = np.nan
    return values


def _plain_cells(frame: pl.DataFrame, columns: Columns) -> Vector:
    out = np.empty((frame.height, len(columns.plain)))
    k = 0
    for name in columns.numbers + columns.flags:
        out[:, k] = [np.nan if v is None else v for v in frame.get_column(name).to_list()]
        k += 1
    for name, (no, yes) in zip(columns.pairs, columns.answers, strict=True):
        out[:, k] = [1.0 if v == yes else 0.0 if v == no else np.nan for v in frame.get_column(name).to_list()]
        k += 1
    out[~np.isfinite(out)] = np.nan
    return out


def seconds(frame: pl.DataFrame, names: Sequence[str]) -> Vector:
    """(n, t) float64 seconds since 1970; NaN is missing."""
    out = np.empty((frame.height, len(names)))
    for j, name in enumerate(names):
        stamps = frame.get_column(name).to_numpy().astype("datetime64[us]")
        out[:, j] = np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64) / 1e6)
    return out


def codes(frame: pl.DataFrame, names: Sequence[str], levels: Sequence[Levels]) -> Codes:
    """(n, c) level codes."""
    out = np.empty((frame.height, len(names)), dtype=np.int32)
    for j, (name, column) in enumerate(zip(names, levels, strict=True)):
        series = frame.get_column(name)
        if frame.height <= SMALL:
            out[:, j] = [column.code(v) for v in series.to_list()]
        else:
            out[:, j] = column.codes(series)
    return out
