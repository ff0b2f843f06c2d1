"""Makes new rows look like the training rows: same columns, same order, same types."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tarragon.data.recipe import SMALL, Recipe, apply, few, numbers
from tarragon.data.source import Source, load
from tarragon.data.table import Kind, Table

PLAIN_NUMBER = Recipe("number")
DTYPES = {"number": pl.Float64(), "text": pl.String(), "boolean": pl.Boolean(), "datetime": pl.Datetime("us")}


@dataclass(frozen=True, slots=True)
class Spec:
    """How one column is read again."""

    name: str
    kind: Kind
    recipe: Recipe


def specs_of(table: Table) -> tuple[Spec, ...]:
    """Specs of a table's feature columns; from the types in its frame where the reader left no recipe."""
    return tuple(Spec(c.name, c.kind, recipe_of(table, c.name)) for c in table.features)


def recipe_of(table: Table, name: str) -> Recipe:
    """Return the recipe a column was read with."""
    known = table.recipes.get(name)
    if known is not None:
        return known
    dtype = table.frame.schema[name]
    if dtype == pl.Boolean:
        return Recipe("boolean")
    if dtype == pl.Datetime:
        return Recipe("datetime")
    return Recipe("number" if dtype.is_numeric() else "text")


def align(source: Source, specs: Sequence[Spec]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read a path or frame as the training table was read. See :meth:`tarragon.data.Encoder.align`."""
    names = [spec.name for spec in specs]
    if isinstance(source, pl.DataFrame):
        frame = source
    else:
        needed = frozenset(names)
        frame = load(source, expect=names, unused=lambda name: name not in needed, hashed=False).frame
    there = frame.schema
    missing = [n for n in names if n not in there]
    made, damaged = [], []
    together = _together(frame, specs)
    for spec in specs:
        dtype = DTYPES[spec.recipe.type]
        if spec.name not in there:
            made.append(pl.Series(spec.name, [None], dtype=dtype).new_from_index(0, frame.height))
            continue
        raw = frame.get_column(spec.name)
        if spec.name in together:
            series = together[spec.name]
        else:
            quick = few(raw, spec.recipe) if frame.height <= SMALL else None
            series = apply(_castable(raw), spec.recipe) if quick is None else quick
        if spec.recipe.type != "text" and series.null_count() > raw.null_count():
            damaged.append(f'"{spec.name}"')
        made.append(series if series.dtype == dtype else series.cast(dtype))
    notes = []
    if missing:
        shown = ", ".join(f'"{n}"' for n in missing[:10]) + (
            f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        )
        notes.append(f"Missing columns, filled as unknown: {shown}")
    if damaged:
        notes.append(f"Cells that do not fit were read as missing in: {', '.join(damaged[:10])}")
    return pl.DataFrame(made), tuple(notes)


def _together(frame: pl.DataFrame, specs: Sequence[Spec]) -> dict[str, pl.Series]:
    """Read all plain numbers of a larger frame at once: column by column would be slow for wide tables."""
    if frame.height <= SMALL:
        return {}
    schema = frame.schema
    plain = [s.name for s in specs if s.recipe == PLAIN_NUMBER and s.name in schema]
    return numbers(frame, [n for n in plain if schema[n] == pl.String or schema[n].is_numeric()])


def _castable(series: pl.Series) -> pl.Series:
    """Empty a column of nested or foreign cells: no column is trained on such."""
    if series.dtype.is_nested() or series.dtype in (pl.Object, pl.Binary):
        return pl.Series(series.name, [None] * len(series), dtype=pl.String)
    return series
