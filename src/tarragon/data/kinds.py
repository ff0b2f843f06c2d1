"""Decides what kind of thing a cleaned column holds.

Every rule looks at one column, never at the target.
"""

import re

import polars as pl

from tarragon.data.recipe import PAIRS
from tarragon.data.table import Kind

ID_NAME = re.compile(
    r"(^|[_\s.-])(id|ids|uid|uuid|guid|key|idx|index|rowid|row|rownum|nr|no|num|number|unnamed: ?\d+)$"
    r"|^(id|uid|uuid|guid|rowid|index)([_\s.-]|$)",
    re.IGNORECASE,
)
ID_CAMEL = re.compile(r"[a-z](Id|ID|Key|No|Nr)$|^ID")
CALENDAR = re.compile(r"(^|[_\s])(year|month|week|day|hour|date|time|age|period|quarter)([_\s]|$)", re.IGNORECASE)
MIN_ID_ROWS = 20  # fewer unique values prove nothing
NEARLY_UNIQUE = 0.98
TEXT_DISTINCT = 0.5  # share of distinct cells from which phrases are text rather than names of groups
TEXT_CHARS = 40  # mean length from which repeating phrases are still text
SAMPLE = 5_000


def kind_of(series: pl.Series, unique: int) -> tuple[Kind, str]:
    """Name the kind of a cleaned column of ``unique`` distinct values, and say why where a reader would ask.

    One value with gaps is no constant: the gaps tell rows apart.
    """
    filled = len(series) - series.null_count()
    if unique == 0:
        return Kind.CONSTANT, "all cells are empty"
    if unique == 1 and filled == len(series):
        return Kind.CONSTANT, "always the same value"
    if series.dtype == pl.Boolean:
        return Kind.BOOLEAN, ""
    if series.dtype == pl.Datetime:
        return Kind.DATETIME, ""
    if series.dtype.is_numeric():
        return _numeric(series, filled, unique)
    return _words(series.drop_nulls(), filled, unique)


def _numeric(series: pl.Series, filled: int, unique: int) -> tuple[Kind, str]:
    name = series.name
    if not series.dtype.is_integer() or filled < MIN_ID_ROWS:
        return Kind.NUMERIC, ""
    named = is_id_name(name)
    if unique >= NEARLY_UNIQUE * filled and not CALENDAR.search(name):
        if named:
            return Kind.ID, "named like an id and nearly unique"
        low, high = series.min(), series.max()
        assert isinstance(low, int)
        assert isinstance(high, int)
        runs = unique == filled and high - low + 1 <= 1.02 * unique
        if runs and (low in (0, 1) or bool(series.is_sorted()) or bool(series.is_sorted(descending=True))):
            return Kind.ID, f"runs from {low} to {high} without repeating: a row number"
    if named and re.search(r"id$|^id", name, re.IGNORECASE) and unique < 0.5 * filled and unique > 10:
        return Kind.CATEGORICAL, "whole numbers named like an id that repeat: levels, not amounts"
    return Kind.NUMERIC, ""


def is_id_name(name: str) -> bool:
    """Whether a column's name says that it labels rows or entities.

    Examples
    --------
    >>> [is_id_name(n) for n in ("customerID", "PassengerId", "row_id", "paid", "humidity")]
    [True, True, True, False, False]
    """
    return bool(ID_NAME.search(name) or ID_CAMEL.search(name))


def _words(cells: pl.Series, filled: int, unique: int) -> tuple[Kind, str]:
    if unique == 2 and pair_of(cells.unique().to_list()) is not None:
        return Kind.BOOLEAN, ""
    sample = cells.unique(maintain_order=True).head(SAMPLE)
    phrases = float(sample.str.contains(r"\S\s+\S").mean() or 0.0)  # type: ignore[arg-type]  # a share
    spaces = float(sample.str.count_matches(r"\s+").mean() or 0.0)  # type: ignore[arg-type]
    length = float(sample.str.len_chars().mean() or 0.0)  # type: ignore[arg-type]
    distinct = unique / filled
    if unique >= 20 and phrases >= 0.6:
        if distinct >= TEXT_DISTINCT and (spaces >= 1.0 or length >= 20):
            return Kind.TEXT, ""
        if length >= TEXT_CHARS and spaces >= 5 and distinct >= 0.05:
            return Kind.TEXT, ""
    if filled >= MIN_ID_ROWS and distinct >= NEARLY_UNIQUE and phrases < 0.2:
        return Kind.ID, "a different code in nearly every row"
    if filled >= MIN_ID_ROWS and distinct >= 0.9 and is_id_name(cells.name):
        return Kind.ID, "named like an id and nearly unique"
    return Kind.CATEGORICAL, ""


def pair_of(levels: list[str]) -> tuple[str, str] | None:
    """Order two levels as (no, yes) if they are such a pair, as written.

    Examples
    --------
    >>> pair_of(["Yes", "No"])
    ('No', 'Yes')
    >>> pair_of(["red", "blue"])
    """
    lowered = {str(v).lower(): v for v in levels}
    for no, yes in PAIRS:
        if set(lowered) == {no, yes}:
            return lowered[no], lowered[yes]
    return None
