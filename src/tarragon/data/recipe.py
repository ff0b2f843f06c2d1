"""How the cells of a column are read, as a value, and reading them so: at training and again at prediction."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from tarragon.data import moments
from tarragon.data.cells import cell_text

Type = Literal["number", "text", "boolean", "datetime"]
MARKERS = frozenset(
    ["", "?", "na", "n/a", "n.a.", "#n/a", "#na", "nan", "-nan", "null", "(null)", "<na>", "<null>", "none", "nil",
     "nat", "\\n", "#null!", "#div/0!", "#value!", "missing", "(missing)", "-", "--", "---"]
)  # fmt: skip
"""What people write into an empty cell of a column of numbers or dates, in lower case."""
CLEAR = frozenset(MARKERS - {"na", "none", "nil", "missing"})
"""Those that mean missing in a column of words too. "none", "nil" and "missing" can be answers ("no alcohol") and stay
levels; "NA" is missing unless the column is made of such short codes (countries, continents)."""
PAIRS = (
    ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("0", "1"), ("off", "on"),
    ("neg", "pos"), ("negative", "positive"), ("absent", "present"),
)  # fmt: skip
"""Two-valued answers whose second value is the "yes"."""
CELLS = 1 << 22  # read together
SMALL = 16  # rows of a frame that is read cell by cell in Python: a polars expression costs more than the work
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""Unicode white space as polars strips it; Python alone would strip some control characters too."""
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the cells of one column are read.

    Parameters
    ----------
    type : {"number", "text", "boolean", "datetime"}
    style : str
        Numbers: "" plain, "money" (1,234.5 $ %), "comma" (1.234,5), "clock" (minutes of hh:mm). Text: "codes" keeps
        "NA" as a level.
    formats : tuple of str
        Datetimes: strptime formats, tried in order.
    """

    type: Type
    style: str = ""
    formats: tuple[str, ...] = ()


def marks_of(recipe: Recipe) -> frozenset[str]:
    """Return what means missing in a column of words read by this recipe."""
    return CLEAR if recipe.style == "codes" else CLEAR | {"na"}


def apply(series: pl.Series, recipe: Recipe) -> pl.Series:
    """Read cells as a recipe says; cells that do not fit become null. Numbers are float64, text is stripped."""
    if series.dtype.base_type() in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    dtype = series.dtype
    if recipe.type == "number":
        return finite(_number(series, dtype, recipe.style))
    if recipe.type == "text":
        return _text(series, dtype, recipe)
    if recipe.type == "boolean":
        return _boolean(series, dtype)
    return moments.parse(series, recipe.formats)


def numbers(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, pl.Series]:
    """Read text and numeric columns as plain numbers; equal to :func:`apply` column by column.

    Columns are laid end to end and read in one go, up to ``CELLS`` at a time: thousands of columns take thousands of
    expressions otherwise.
    """
    made: dict[str, pl.Series] = {}
    for group, long in end_to_end(frame, names):
        cells = long.str.strip_chars() if long.dtype == pl.String else long
        read = finite(cells.cast(pl.Float64, strict=False))
        made |= {n: read.slice(k * frame.height, frame.height).alias(n) for k, n in enumerate(group)}
    return made


def end_to_end(frame: pl.DataFrame, names: Sequence[str]) -> Iterator[tuple[list[str], pl.Series]]:
    """Yield groups of columns of one type, with their cells in one series."""
    schema = frame.schema
    width = max(1, CELLS // max(frame.height, 1))
    for dtype in dict.fromkeys(schema[n] for n in names):
        same = [n for n in names if schema[n] == dtype]
        for start in range(0, len(same), width):
            group = same[start : start + width]
            yield group, pl.concat([frame.get_column(n).alias("") for n in group], rechunk=True)


def finite(series: pl.Series) -> pl.Series:
    """Turn NaN and infinities into null."""
    bad = ~series.is_finite()
    return series.set(bad.fill_null(False), None) if bool(bad.any()) else series


def _number(series: pl.Series, dtype: pl.DataType, style: str) -> pl.Series:
    if dtype == pl.Float64:
        return series
    if dtype == pl.String:
        return _parse_number(series, style)
    if dtype == pl.Time:
        return series.cast(pl.Int64).cast(pl.Float64) / 60e9
    if dtype == pl.Duration:
        return series.dt.total_microseconds().cast(pl.Float64) / 60e6
    if dtype in (pl.Date, pl.Datetime):
        return series.cast(pl.Datetime("us")).dt.timestamp("us").cast(pl.Float64) / 1e6
    return series.cast(pl.Float64, strict=False)


def _parse_number(series: pl.Series, style: str) -> pl.Series:
    cells = series.str.strip_chars()
    if style == "clock":
        part = [cells.str.extract(r"^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$", g).cast(pl.Float64) for g in (1, 2, 3)]
        return part[0] * 60 + part[1] + part[2].fill_null(0.0) / 60
    plain = cells.cast(pl.Float64, strict=False)
    if style == "":
        return plain
    if style == "comma":
        cells = cells.str.replace_all(r"[\s%]|\.(\d{3})", "$1").str.replace(",", ".", literal=True)
        return cells.cast(pl.Float64, strict=False)
    return cells.str.replace_all(r"[,\s$€£¥%]", "").cast(pl.Float64, strict=False)


def _text(series: pl.Series, dtype: pl.DataType, recipe: Recipe) -> pl.Series:
    if dtype.is_float():
        return pl.Series(
            series.name, [None if v is None or v != v else cell_text(v) for v in series.to_list()], dtype=pl.String
        )
    if dtype == pl.Boolean:
        return series.cast(pl.String)
    if dtype != pl.String:
        series = series.cast(pl.String, strict=False)
    marks = marks_of(recipe)
    cells, _ = trimmed(series)
    marked = cells.str.to_lowercase().is_in(sorted(marks))
    return cells.set(marked.fill_null(False), None) if bool(marked.any()) else cells


def _cell(value: str | None, marks: frozenset[str]) -> str | None:
    if value is None:
        return None
    value = value.strip(WHITE)
    return None if not value or value.lower() in marks else value


def _boolean(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    if dtype == pl.Boolean:
        return series
    if dtype != pl.String:
        number = series.cast(pl.Float64, strict=False)
        return pl.Series(
            series.name, [None if v not in (0.0, 1.0) else v == 1.0 for v in number.to_list()], dtype=pl.Boolean
        )
    yes = {pair[1]: True for pair in PAIRS} | {pair[0]: False for pair in PAIRS}
    cells = series.str.strip_chars().str.to_lowercase()
    return cells.replace_strict(list(yes), list(yes.values()), default=None, return_dtype=pl.Boolean)


def few(series: pl.Series, recipe: Recipe) -> pl.Series | None:
    """Do what :func:`apply` does for a few common cells, cell by cell; None where only ``apply`` can."""
    dtype = series.dtype
    if recipe.type == "boolean":
        return series if dtype == pl.Boolean else None
    if recipe.type == "datetime":
        return series if dtype == pl.Datetime("us") else None
    if recipe.type == "text":
        if dtype != pl.String:
            return None
        marks = marks_of(recipe)
        return pl.Series(series.name, [_cell(v, marks) for v in series.to_list()], dtype=pl.String)
    if dtype == pl.String and recipe.style == "":
        cells = (v if v is None else v.strip(WHITE) for v in series.to_list())
        numbers = [float(v) if v is not None and PLAIN.fullmatch(v) else None for v in cells]
    elif dtype.is_integer() or dtype.is_float():
        numbers = series.to_list()
    else:
        return None
    return pl.Series(
        series.name, [None if v is None or not math.isfinite(v) else v for v in numbers], dtype=pl.Float64, strict=False
    )


def trimmed(series: pl.Series) -> tuple[pl.Series, int]:
    """Strip white space; blank cells become null. Returns the cells and how many were blank but not null."""
    cells = series.str.strip_chars()
    blank = int((cells == "").sum())
    return (cells.set(cells == "", None) if blank else cells), blank
