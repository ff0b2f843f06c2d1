"""Cells that come as Python values: making columns of them, and telling values from nested things."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import polars as pl

from tarragon.errors import DataError

Unused: TypeAlias = Callable[[str], bool]
"""Tells whether nobody will use the column of a name; such columns may be nested."""


def never(name: str) -> bool:
    """Say of every column that it will be used."""
    return False


def column(name: str, values: list[object], source: str) -> pl.Series:
    """Make a column of Python values: of their common type, or text where types are mixed."""
    types = {type(v) for v in values if v is not None}
    nested = [t for t in types if issubclass(t, (list, dict, tuple, set))]
    if nested:
        raise nested_columns(source, [name])
    if types <= {int, float, bool} and not (bool in types and len(types) > 1):
        if int in types and any(isinstance(v, int) and abs(v) >= 2**63 for v in values):
            return pl.Series(name, [None if v is None else cell_text(v) for v in values], dtype=pl.String)
        dtype = pl.Boolean if types == {bool} else pl.Float64 if float in types else pl.Int64
        return pl.Series(name, values, dtype=dtype if types else pl.String, strict=False)
    return pl.Series(name, [None if v is None else cell_text(v) for v in values], dtype=pl.String)


def cell_text(value: object) -> str:
    """Write a cell as text: whole floats like whole numbers, so that 3 and 3.0 are one level.

    Examples
    --------
    >>> cell_text(3.0), cell_text("a"), cell_text(True), cell_text(2.5)
    ('3', 'a', 'true', '2.5')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)


def plain_cells(values: list[object], dropped: bool) -> list[object]:
    """Write nested cells of a dropped column as text: nobody will look at them."""
    return [str(v) if isinstance(v, (list, dict, tuple, set)) else v for v in values] if dropped else values


def flat(frame: pl.DataFrame, source: str, unused: Unused = never) -> pl.DataFrame:
    """Return the frame unless a column is nested or binary; dropped ones become empty. Raises ``DataError``."""
    bad = [n for n, t in frame.schema.items() if t.is_nested() or t in (pl.Binary, pl.Object)]
    wanted = [n for n in bad if not unused(n)]
    if wanted:
        raise nested_columns(source, wanted)
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(n) for n in bad) if bad else frame


def nested_columns(source: str, names: Sequence[str]) -> DataError:
    """Say which columns hold lists, objects or bytes."""
    shown = ", ".join(f'"{n}"' for n in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return DataError(
        f"{source} has columns that are no plain values",
        why=f"Lists, objects or bytes in: {shown}",
        fix="Flatten them into columns of numbers, text or dates, or leave them out with drop",
    )
