"""Reads a table and its question: columns get kinds and roles, the target gets a task."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tarragon.data.blocks import thinned
from tarragon.data.clean import Cleaned, clean, clean_all
from tarragon.data.kinds import kind_of
from tarragon.data.recipe import Recipe, Type
from tarragon.data.source import Raw, Source, check_path, file_sha256, load
from tarragon.data.table import Column, Kind, Role, Table
from tarragon.data.task import Question, infer
from tarragon.errors import DataError, ParameterError, near_miss

MIN_ROWS = 20  # with fewer, five folds judge on three rows each: no score would mean anything
TYPES: Mapping[Kind, Type] = {
    Kind.NUMERIC: "number",
    Kind.CATEGORICAL: "text",
    Kind.BOOLEAN: "boolean",
    Kind.DATETIME: "datetime",
    Kind.TEXT: "text",
}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller knows about the columns.

    Parameters
    ----------
    drop : tuple of str
        Columns no model may see. They stay in the table, ignored, so that a report can name them.
    sensitive : tuple of str
        Facets for bias analysis; each keeps its role.
    weight, group, time : str
        Columns with row weights (> 0), with groups whose rows stay together, with the time of a row; "" is none.
    task : str
        "" to infer; "binary", "multiclass", "regression" or "classification".
    positive : str
        The positive class of a binary task, as text.
    max_rows : int
        0 reads all rows of a file; otherwise every k-th, at most so many, in blocks: for files larger than memory.
    kinds : mapping of column to kind, optional
        Overrides what the reader would decide: "numeric", "categorical", "boolean", "datetime", "text", "id".
    """

    drop: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    weight: str = ""
    group: str = ""
    time: str = ""
    task: str = ""
    positive: str = ""
    kinds: Mapping[str, str] | None = None
    max_rows: int = 0

    @property
    def named(self) -> tuple[str, ...]:
        """Every column the caller names, without the target."""
        return (*self.drop, *self.sensitive, *filter(None, (self.weight, self.group, self.time)), *(self.kinds or ()))


def read_table(source: Source, target: str, *, options: ReadOptions = ReadOptions()) -> Table:
    """Read a path or frame and understand its columns.

    Parameters
    ----------
    source : path or frame
        CSV/TSV (delimiter, encoding, quoting and header are found out; .gz too), Parquet, JSON Lines, Arrow; or a
        pandas, polars or Arrow frame.
    target : str
        The column to predict. Rows where it is missing are dropped and counted. "" asks nothing of the table: every
        column may be learned from.
    options : ReadOptions

    Raises
    ------
    DataError
        The source cannot be read, or cannot be learned from.
    ParameterError
        A named column, kind, task or class does not exist.
    """
    raw = _loaded(source, (target, *options.named), options)
    names = raw.frame.columns
    if target and target not in names:
        raise _no_target(target, raw)
    _check_names(options, target, names)
    kinds = _asked_kinds(options)
    types = {n: TYPES.get(kind) for n, kind in kinds.items()}
    if target:
        answered, recipe, dropped = _answered(raw.frame, target, options)
        made = clean_all(answered.drop(target), types)
        made[target] = Cleaned(answered[target], recipe)
        question = infer(answered[target], task=options.task, positive=options.positive)
    else:
        made, dropped, question = clean_all(raw.frame, types), 0, UNASKED
    unique = distinct({n: c.series for n, c in made.items()})
    columns, frame, recipes = [], [], {}
    for name in names:
        cleaned = made[name]
        if name == target:
            columns.append(_target_column(cleaned.series, question.task, dropped))
        else:
            column, cleaned = _understand(cleaned, unique[name], options, kinds.get(name))
            columns.append(column)
        frame.append(cleaned.series.alias(name))
        recipes[name] = cleaned.recipe
    _check_left(columns)
    return Table(
        _checked(pl.DataFrame(frame), columns),
        tuple(columns),
        target,
        question.task,
        question.classes,
        raw.name,
        raw.sha256,
        dropped,
        (*raw.notes, *([f'{dropped} rows without "{target}" were left out'] if dropped else []), *question.notes),
        recipes,
    )


UNASKED = Question("regression", (), ())  # of a table without a target nobody reads the task


def distinct(columns: Mapping[str, pl.Series]) -> dict[str, int]:
    """Count the distinct values of each column, missing ones not counted."""
    frame = pl.DataFrame([series.alias(name) for name, series in columns.items()])
    counts = frame.select(pl.all().n_unique()).row(0)
    return {n: int(k) - (1 if columns[n].null_count() else 0) for n, k in zip(frame.columns, counts, strict=True)}


def _check_left(columns: list[Column]) -> None:
    """Raise ``DataError`` when no feature is left."""
    if not any(c.role is Role.FEATURE for c in columns):
        raise DataError(
            "No column is left to learn from",
            why="; ".join(f'"{c.name}": {c.note}' for c in columns if c.role is Role.IGNORED and c.note)[:300]
            or "There is only the target",
            fix="Give more columns, or state their kinds",
        )


def read_frame(source: Source) -> pl.DataFrame:
    """Read a path or frame and clean its cells, without asking a question of it."""
    raw = load(source, hashed=False)
    return pl.DataFrame([made.series.alias(name) for name, made in clean_all(raw.frame, {}).items()])


def _loaded(source: Source, expect: tuple[str, ...], options: ReadOptions) -> Raw:
    unused = options.drop.__contains__
    if not options.max_rows or not isinstance(source, (str, Path)):
        return load(source, expect=expect, unused=unused)
    path = Path(source).expanduser()
    check_path(path)
    frame, total, step = thinned(path, max(options.max_rows, 2 * MIN_ROWS), expect=expect)
    note = (f"Every {step}th row was read: {frame.height} of {total}",) if step > 1 else ()
    return Raw(frame, str(path), file_sha256(path), note)


def _no_target(target: str, raw: Raw) -> DataError:
    return DataError(
        f'There is no column "{target}" in {raw.name}',
        why="The target must be one of its columns",
        fix=near_miss(target, raw.frame.columns),
    )


def _check_names(options: ReadOptions, target: str, names: list[str]) -> None:
    asked = [(n, "a column to drop") for n in options.drop] + [(n, "a sensitive column") for n in options.sensitive]
    asked += [(n, p) for n, p in ((options.weight, "weight"), (options.group, "group"), (options.time, "time")) if n]
    asked += [(n, "a column of given kind") for n in options.kinds or ()]
    known = set(names)
    for name, purpose in asked:
        if name not in known:
            raise ParameterError(
                f'There is no column "{name}" to use as {purpose}',
                why=f"The table has {len(names)} columns",
                fix=near_miss(name, names),
            )
    for name, purpose in asked:
        if name == target and purpose in ("a column to drop", "weight", "group", "time"):
            raise ParameterError(
                f'The target "{target}" cannot be {purpose}', why="It is what is predicted", fix="Name another column"
            )


def _asked_kinds(options: ReadOptions) -> dict[str, Kind]:
    kinds = {}
    for name, kind in (options.kinds or {}).items():
        if kind not in Kind._value2member_map_:
            raise ParameterError(
                f'There is no kind "{kind}"',
                why=f'Asked for column "{name}"',
                fix=near_miss(kind, [k.value for k in Kind]),
            )
        kinds[name] = Kind(kind)
    return kinds


def _answered(frame: pl.DataFrame, target: str, options: ReadOptions) -> tuple[pl.DataFrame, Recipe, int]:
    """Clean the target and keep the rows that have one."""
    wanted: Type | None = "number" if options.task == "regression" else None
    made = clean(frame[target], wanted)
    if made.series.null_count() == len(made.series):
        raise DataError(
            f'The target "{target}" is empty',
            why="Every cell is missing or no number",
            fix="Choose another target, or another task",
        )
    kept = frame.with_columns(made.series)
    dropped = made.series.null_count()
    if dropped:
        kept = kept.filter(made.series.is_not_null())
    if kept.height < MIN_ROWS:
        raise DataError(
            "The table has too few rows to judge a model by",
            why=f"{kept.height} rows have a target; {MIN_ROWS} is the least",
            fix="Collect more rows",
        )
    return kept, made.recipe, dropped


def _understand(made: Cleaned, unique: int, options: ReadOptions, asked: Kind | None) -> tuple[Column, Cleaned]:
    name = made.series.name
    kind, why = kind_of(made.series, unique)
    levels = kind is Kind.CATEGORICAL if asked is None else TYPES.get(asked) == "text"
    if levels and made.series.dtype != pl.String:
        made = clean(made.series, "text")  # levels are words, be they written as numbers
    if asked is not None and kind is not Kind.CONSTANT:
        kind, why = asked, "kind as asked"
    role = _role(name, kind, options)
    notes = list(made.notes)
    if why:
        notes.append(why)
    if name in options.drop:
        notes.append("left out as asked")
    elif role is Role.IGNORED:
        notes.append("not used")
    missing = made.series.null_count()
    return Column(name, kind, role, name in options.sensitive, missing, unique, "; ".join(notes)), made


def _role(name: str, kind: Kind, options: ReadOptions) -> Role:
    if name in options.drop:
        return Role.IGNORED
    for special, role in ((options.weight, Role.WEIGHT), (options.group, Role.GROUP), (options.time, Role.TIME)):
        if special and name == special:
            return role
    return Role.IGNORED if kind in (Kind.ID, Kind.CONSTANT) else Role.FEATURE


def _target_column(series: pl.Series, task: str, dropped: int) -> Column:
    kind = Kind.NUMERIC if task == "regression" else Kind.BOOLEAN if series.dtype == pl.Boolean else Kind.CATEGORICAL
    return Column(series.name, kind, Role.TARGET, n_missing=dropped, n_unique=int(series.n_unique()))


def _checked(frame: pl.DataFrame, columns: list[Column]) -> pl.DataFrame:
    """Return the frame unless weights or times cannot be used. Raises ``DataError``."""
    for column in columns:
        series = frame[column.name]
        if column.role is Role.WEIGHT:
            good = (
                series.dtype.is_numeric()
                and series.null_count() == 0
                and bool((series >= 0).all() and (series > 0).any())
            )
            if not good:
                raise DataError(
                    f'"{column.name}" cannot weigh rows',
                    why="Weights must be numbers ≥ 0 in every row",
                    fix="Fill or correct them",
                )
        if column.role is Role.TIME and not (series.dtype == pl.Datetime or series.dtype.is_numeric()):
            raise DataError(
                f'"{column.name}" cannot order rows in time',
                why="It holds neither dates nor numbers",
                fix="Give dates as YYYY-MM-DD",
            )
    return frame
