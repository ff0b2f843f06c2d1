"""Frames of other libraries as polars frames, through narwhals, column by column, whatever their cells are."""

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

from tarragon.data.cells import Unused, column, nested_columns, plain_cells
from tarragon.data.sniff import duplicate_names
from tarragon.errors import DataError


def from_frame(source: Any, unused: Unused) -> pl.DataFrame:
    """Turn a pandas, Arrow or other eager frame into polars, column by column, whatever its cells are."""
    import narwhals as nw

    if isinstance(source, pl.LazyFrame):
        raise DataError("Cannot read a LazyFrame", why="It holds a plan, no rows", fix="Call .collect() on it first")
    # Arrow tables list their names in the first, other frames in the second.
    listed = getattr(source, "column_names", getattr(source, "columns", None))
    if listed is not None:
        names = [str(n) for n in listed]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise duplicate_names("The frame", twice)
        if nw.dependencies.is_pandas_dataframe(source) and names != list(listed):
            source = source.set_axis(names, axis=1)
    try:
        frame = nw.from_native(source, eager_only=True)
    except TypeError as error:
        raise DataError(
            f"Cannot read a table from {type(source).__name__}",
            why="It is neither a path nor a pandas, polars or Arrow frame",
            fix="Give a path, or turn it into a frame first",
        ) from error
    return pl.DataFrame([_from_series(frame.get_column(name), name, unused(name)) for name in frame.columns])


def _from_series(series: object, name: str, dropped: bool) -> pl.Series:
    """Convert one narwhals column: numbers and dates as arrays, everything else value by value."""
    import narwhals as nw

    assert isinstance(series, nw.Series)
    dtype = series.dtype
    if dtype.is_nested() and not dropped:
        raise nested_columns("the frame", [name])
    if dtype.is_numeric() and not dtype.is_decimal() and not series.is_null().any():
        values = series.to_numpy()
        if values.dtype.kind in "iuf":
            return pl.Series(name, values)
    if dtype == nw.Datetime and getattr(dtype, "time_zone", None) is None:
        values = series.to_numpy()
        if values.dtype.kind == "M":
            return pl.Series(name, values.astype("datetime64[us]"))
    cells = [None if _is_na(v) else v for v in series.to_list()]
    if dtype.is_float() or (dtype.is_integer() and dtype != nw.UInt64):
        return pl.Series(name, cells, dtype=pl.Float64 if dtype.is_float() else pl.Int64)
    if dtype.is_temporal():
        # Wall-clock time is what habits follow: the zone is left out, as it is of text.
        return pl.Series(name, [_wall_clock(v) for v in cells])
    return column(name, plain_cells([_plain(v) for v in cells], dropped), "the frame")


def _is_na(value: object) -> bool:
    """Whether a cell is one of pandas' ways to say missing (None, NaN, NaT, NA)."""
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _wall_clock(value: Any) -> Any:
    """Leave the zone of a datetime out."""
    return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) is not None else value


def _plain(value: object) -> object:
    """Turn numpy scalars into Python's, and dates into text (read again as dates when all are)."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value
