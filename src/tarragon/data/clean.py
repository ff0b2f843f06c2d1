"""Makes raw cells into values: numbers are numbers, dates are dates, blanks and markers are missing.

How a column was understood is kept as a :class:`Recipe`, so that new rows are read exactly as the training rows were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tarragon.data import moments
from tarragon.data.recipe import MARKERS, Recipe, Type, apply, end_to_end, marks_of, numbers, trimmed

MOSTLY = 0.95  # share of cells that must be numbers (or dates) for the rest to count as damaged cells
SAMPLE = 1_000  # distinct cells looked at when several ways of writing are tried
TRUE, FALSE = frozenset({"true"}), frozenset({"false"})
MONEY = r"^[+-]?\s?[$€£¥]?\s?[+-]?(\d{1,3}([, ]\d{3})+|\d+)(\.\d+)?\s?%?$"
COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?\s?%?$"
CLOCK = r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$"
NUMBER_STYLES = (("money", MONEY), ("comma", COMMA), ("clock", CLOCK))


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """A column after cleaning, how, and what a reader should know about it."""

    series: pl.Series
    recipe: Recipe
    notes: tuple[str, ...] = ()


def clean(series: pl.Series, wanted: Type | None = None) -> Cleaned:
    """Find out what the cells of a raw column are and make them so.

    Parameters
    ----------
    series : polars.Series
        Text as read from a file, or typed cells of a frame.
    wanted : {"number", "text", "boolean", "datetime"}, optional
        What the caller says it is; cells that do not fit become missing.
    """
    if series.dtype.base_type() in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    dtype = series.dtype
    if dtype == pl.String:
        return _clean_text(series, wanted)
    if dtype == pl.Null:
        recipe = Recipe(wanted or "text")
        return Cleaned(apply(series, recipe), recipe)
    natural: Type = "boolean" if dtype == pl.Boolean else "datetime" if dtype in (pl.Date, pl.Datetime) else "number"
    recipe = Recipe(wanted or natural)
    made = apply(series, recipe)
    notes = []
    lost = made.null_count() - series.null_count()
    if lost and dtype.is_float():
        infinite = int(series.is_infinite().sum())
        notes += [f"{infinite} infinite values read as missing"] if infinite else []
    if dtype in (pl.Time, pl.Duration):
        notes.append("times of day read as minutes after midnight" if dtype == pl.Time else "durations read as minutes")
    if recipe.type == "number" and dtype.is_integer() and made.dtype == pl.Float64 and dtype != pl.UInt64:
        made = made.cast(pl.Int64)
    return Cleaned(made, recipe, tuple(notes))


def clean_all(frame: pl.DataFrame, wanted: Mapping[str, Type | None]) -> dict[str, Cleaned]:
    """Clean every column; those that are plainly numbers are found and read together, which wide tables need."""
    made = _plain_numbers(frame, [n for n in frame.columns if wanted.get(n) is None])
    return {n: made[n] if n in made else clean(frame.get_column(n), wanted.get(n)) for n in frame.columns}


def _plain_numbers(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, Cleaned]:
    """Columns whose every filled cell is a finite number in plain writing and no code."""
    schema = frame.schema
    texts = [n for n in names if schema[n] == pl.String]
    read = numbers(frame, texts + [n for n in names if schema[n].is_float()])
    missing = {n: frame.get_column(n).null_count() for n in read}
    sure = [n for n, made in read.items() if made.null_count() == missing[n] < frame.height]
    words = [n for n in sure if schema[n] == pl.String]
    codes: dict[str, bool] = {}
    whole: dict[str, pl.Series] = {}
    for group, long in end_to_end(frame, words):
        cells = long.str.strip_chars()
        padded = np.asarray(cells.str.contains(r"^0\d|^\d{16,}$").fill_null(False).to_numpy())
        exact = cells.cast(pl.Int64, strict=False)
        codes |= {n: bool(flags.any()) for n, flags in zip(group, padded.reshape(len(group), -1), strict=True)}
        whole |= {n: exact.slice(k * frame.height, frame.height).alias(n) for k, n in enumerate(group)}
    recipe = Recipe("number")
    return {
        n: Cleaned(whole[n] if n in whole and whole[n].null_count() == missing[n] else read[n], recipe)
        for n in sure
        if not codes.get(n)
    }


def _clean_text(series: pl.Series, wanted: Type | None) -> Cleaned:
    cells, blanks = trimmed(series)
    notes = [f"{blanks} blank cells read as missing"] if blanks else []
    filled = len(cells) - cells.null_count()
    if filled == 0:
        empty = Recipe(wanted or "text")
        return Cleaned(apply(cells, empty), empty, tuple(notes))
    if wanted == "text":
        return _as_text(cells, notes)
    recipe = _number_recipe(cells, forced=wanted == "number")
    if recipe is None and wanted in (None, "boolean"):
        recipe = _boolean_recipe(cells)
    if recipe is None and wanted in (None, "datetime"):
        formats = moments.find_formats(_distinct(cells, without_markers=True), MOSTLY)
        recipe = Recipe("datetime", formats=formats) if formats else None
    if wanted is not None and (recipe is None or recipe.type != wanted):
        recipe = Recipe(wanted)
    if recipe is None:
        return _as_text(cells, notes)
    made = apply(cells, recipe)
    notes += _lost_notes(cells, made, recipe)
    if recipe.type == "datetime":
        notes.append(moments.describe(recipe.formats))
    return Cleaned(_whole(cells, made, recipe), recipe, tuple(notes))


def _number_recipe(cells: pl.Series, *, forced: bool) -> Recipe | None:
    """Numbers in plain, money, decimal-comma or clock writing; None when too many cells are something else."""
    filled = len(cells) - cells.null_count()
    plain = _filled(cells.cast(pl.Float64, strict=False))
    needed = MOSTLY * (filled - _marked(cells)) if plain < filled and not forced else 1
    if plain >= max(needed, 1):
        if not forced and _are_codes(cells):
            return None
        return Recipe("number")
    sample = _distinct(cells, without_markers=True)
    if len(sample) == 0:
        return None
    for style, pattern in NUMBER_STYLES:
        if int(sample.str.contains(pattern).sum()) >= (0.5 if forced else MOSTLY) * len(sample):
            return Recipe("number", style)
    return Recipe("number") if forced else None


def _are_codes(cells: pl.Series) -> bool:
    """Whether whole numbers are codes: padded with zeros ("007"), or too long to be told apart as floats."""
    if bool(cells.str.contains(r"^0\d+$").any()):
        return True
    long = cells.str.contains(r"^\d{16,}$")
    if not bool(long.any()):
        return False
    return cells.cast(pl.Float64, strict=False).n_unique() < cells.n_unique()


def _marked(cells: pl.Series) -> int:
    lowered = cells.str.to_lowercase()
    return int(lowered.is_in(sorted(MARKERS)).sum())


def _distinct(cells: pl.Series, *, without_markers: bool) -> pl.Series:
    found = cells.drop_nulls().unique(maintain_order=True).head(SAMPLE + len(MARKERS))
    if without_markers:
        found = found.filter(~found.str.to_lowercase().is_in(sorted(MARKERS)))
    return found.head(SAMPLE)


def _boolean_recipe(cells: pl.Series) -> Recipe | None:
    """Only the words true and false; yes and no stay words, of kind boolean."""
    levels = {v.lower() for v in cells.head(SAMPLE).drop_nulls().unique().to_list()}
    if not levels <= TRUE | FALSE | MARKERS or not levels & (TRUE | FALSE):
        return None
    lowered = cells.drop_nulls().str.to_lowercase()
    return Recipe("boolean") if bool(lowered.is_in(sorted(TRUE | FALSE | MARKERS)).all()) else None


def _as_text(cells: pl.Series, notes: list[str]) -> Cleaned:
    recipe = Recipe("text", "codes" if _na_is_a_code(cells) else "")
    marks = marks_of(recipe)
    lowered = cells.str.to_lowercase()
    marked = lowered.is_in(sorted(marks))
    if bool(marked.any()):
        shown = ", ".join(f'"{v}"' for v in sorted(cells.filter(marked).unique().to_list())[:3])
        notes = [*notes, f"{int(marked.sum())} cells of {shown} read as missing"]
        cells = cells.set(marked.fill_null(False), None)
    return Cleaned(cells, recipe, tuple(notes))


def _na_is_a_code(cells: pl.Series) -> bool:
    """Whether "NA" is a level among other two-letter codes (Namibia, North America)."""
    levels = cells.drop_nulls().unique(maintain_order=True).head(SAMPLE).to_list()
    if "NA" not in levels:
        return False
    others = [v for v in levels if v != "NA"]
    return len(others) >= 3 and sum(len(v) == 2 and v.isalpha() and v.isupper() for v in others) >= 0.9 * len(others)


def _lost_notes(cells: pl.Series, made: pl.Series, recipe: Recipe) -> list[str]:
    notes = []
    if recipe.style == "clock":
        notes.append("times of day read as minutes after midnight")
    gone = cells.filter(cells.is_not_null() & made.is_null())
    if len(gone):
        shown = ", ".join(f'"{v}"' for v in gone.unique(maintain_order=True).head(3).to_list())
        title = {"number": "numbers", "datetime": "dates", "boolean": "true or false"}.get(recipe.type, "values")
        notes.append(f"{len(gone)} cells that are no {title} ({shown}) read as missing")
    return notes


def _whole(cells: pl.Series, made: pl.Series, recipe: Recipe) -> pl.Series:
    """Hold numbers that were written as whole numbers as integers."""
    if recipe.type != "number" or recipe.style == "clock":
        return made
    exact = cells.cast(pl.Int64, strict=False)
    return exact if _filled(exact) == _filled(made) else made


def _filled(series: pl.Series) -> int:
    return len(series) - series.null_count()
