"""Batch scoring: a table in, the same table with the model's answers out."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from tarragon.data import Source, read_blocks, stream_files
from tarragon.engine import Workspace, atomic
from tarragon.errors import ConflictError, DataError, ParameterError
from tarragon.refine import TableModel
from tarragon.registry import Approval, Package, Registry
from tarragon.train import Trained, framed, numbered

PREDICTION, PROBABILITY = "prediction", "probability"
MODEL_FOLDER = "model"  # inside a package
BLOCK_ROWS = 50_000  # scored at a time; of 40 columns about 16 MB as they are, 60 MB with one-hot encoding
Writer = Callable[[Iterator[pl.DataFrame], BinaryIO], None]


@dataclass(frozen=True, slots=True)
class Scored:
    """What was scored.

    Parameters
    ----------
    model : str
        ``group/version``, or the folder's name.
    path : Path
        The file that was written.
    n_rows : int
    columns : tuple of str
        Columns that were added.
    missing : tuple of str
        Columns the model reads but the table lacks; taken as missing values.
    extra : tuple of str
        Columns the model does not read; the target is not counted.
    seconds : float
    """

    model: str
    path: Path
    n_rows: int
    columns: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    seconds: float


def predict(
    model: Package | str | Path,
    source: Source,
    out: Path,
    *,
    workspace: Workspace,
    clock: Callable[[], float] = time.perf_counter,
) -> Scored:
    """Score a table and write it with the answers beside its own columns.

    Parameters
    ----------
    model : Package, str or Path
        A package, its name (``churn``, ``churn/2``, ``churn@approved``), or a folder a model was saved in.
    source : path or frame
        CSV, Parquet, JSON Lines or Arrow; columns in any order, missing ones are taken as missing values. A model of an
        array reads rows of numbers without a header.
    out : Path
        ``.csv``, ``.parquet`` or ``.jsonl``; appears whole or not at all.
    workspace : Workspace

    Raises
    ------
    DataError
        The table cannot be read, or has none of the model's columns.
    ParameterError
        The suffix of ``out`` is not known.
    ConflictError
        The version was rejected.
    IntegrityError
        The model's files are not what was registered.
    """
    began = clock()
    folder = None if isinstance(model, Package) else Path(model)
    if folder is not None and Trained.learned_from_files(folder):
        from tarragon.serve.requests import answer_file

        return Scored(folder.name, out, answer_file(folder, source, out), (), (), (), clock() - began)
    fitted = Trained.load(folder) if folder is not None and Trained.lies_in(folder) else None
    if fitted is not None and not fitted.columns:
        n_rows, added = _numbers(fitted, source, out)
        return Scored(fitted.name, out, n_rows, added, (), (), clock() - began)
    write = writer(out)
    name, loaded = (fitted.name, fitted) if fitted else load_model(model, workspace)
    stream = read_blocks(source, rows=BLOCK_ROWS, expect=(*loaded.columns, loaded.target))
    first = next(stream, None)
    if first is None:
        raise DataError("There are no rows to score", why="The table has only a header", fix="Give a table with rows")
    present = set(first.columns)
    missing = tuple(column for column in loaded.columns if column not in present)
    if len(missing) == len(loaded.columns):
        raise DataError(
            f"The table has none of the columns {name} reads",
            why=f"It reads {_shown(loaded.columns)}; the table has {_shown(tuple(first.columns))}",
            fix="Give the table the model was made for, with a header",
        )
    known = {*loaded.columns, loaded.target}
    replies = loaded.answers if isinstance(loaded, Trained) else lambda block: answered(loaded, block)
    added = _free_names(tuple(replies(first.head(1)).columns), present)
    n_rows = 0

    def scored() -> Iterator[pl.DataFrame]:
        nonlocal n_rows
        block: pl.DataFrame | None = first
        while block is not None:
            n_rows += block.height
            yield pl.concat([block, named(replies(block), added)], how="horizontal")
            block = next(stream, None)

    with atomic(out) as file:
        write(scored(), file)
    extra = tuple(column for column in first.columns if column not in known)
    return Scored(name, out, n_rows, added, missing, extra, clock() - began)


def _numbers(fitted: Trained, source: Source, out: Path) -> tuple[int, tuple[str, ...]]:
    """Score rows of numbers without names, for a model of an array. Raises ``DataError`` or ``ParameterError``."""
    write = writer(out)
    if not isinstance(source, (str, Path)) or not Path(source).expanduser().is_file():
        raise DataError(f"There is no file {source}", why="The model was fitted on an array", fix="Give a file of rows")
    try:
        rows = stream_files(Path(source).expanduser(), "", labels=0)
    except DataError as error:
        raise DataError(
            error.what, why=error.why, fix="Give rows of numbers without a header or a label, as the array had"
        ) from error
    first = framed(fitted.model.predict(next(iter(rows)).rows(np.arange(1))), fitted.classes)
    count = 0

    def scored() -> Iterator[pl.DataFrame]:
        nonlocal count
        for block in rows:
            count += block.n_rows
            yield pl.concat([numbered(block.X), framed(fitted.model.predict(block), fitted.classes)], how="horizontal")

    with atomic(out) as file:
        write(scored(), file)
    return count, tuple(first.columns)


def load_model(model: Package | str | Path, workspace: Workspace) -> tuple[str, TableModel]:
    """Load a registered model after checking its files, or one from a folder. Returns its name too."""
    if not isinstance(model, Package):
        folder = Path(model)
        if (folder / "model.json").is_file():
            return folder.name, TableModel.load(folder)
    registry = Registry(workspace)
    package = model if isinstance(model, Package) else registry.show(str(model))
    if package.approval is Approval.REJECTED:
        raise ConflictError(
            f"{package.name} was rejected",
            why=package.reason,
            fix=f"Name another version, or {package.group}@approved",
        )
    return package.name, TableModel.load(registry.open(package.name) / MODEL_FOLDER)


def answer_names(model: TableModel) -> tuple[str, ...]:
    """Name the columns an answer has: the prediction, then one probability per class."""
    return (PREDICTION, *(f"{PROBABILITY}_{label}" for label in model.classes))


def answered(model: TableModel, block: pl.DataFrame) -> pl.DataFrame:
    """Answer a block of rows as columns."""
    frame, _ = model.encoder.align(block)
    response = model.respond(frame)
    columns = [pl.Series(PREDICTION, model.decide(response).tolist())]
    rest = answer_names(model)[1:]
    return pl.DataFrame(columns + [pl.Series(name, response[:, k]) for k, name in enumerate(rest)])


def named(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    """Give columns other names, in their order."""
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def writer(out: Path) -> Writer:
    """Choose how a file is written by its suffix. Raises ``ParameterError``."""
    if out.suffix.lower() not in WRITERS:
        raise ParameterError(
            f"Cannot write {out.name}",
            why=f"Its suffix is {out.suffix!r}; known are {', '.join(WRITERS)}",
            fix=f"Write to {out.with_suffix('.csv').name}",
        )
    return WRITERS[out.suffix.lower()]


def _write_csv(frames: Iterator[pl.DataFrame], file: BinaryIO) -> None:
    for i, frame in enumerate(frames):
        frame.write_csv(file, include_header=i == 0)


def _write_jsonl(frames: Iterator[pl.DataFrame], file: BinaryIO) -> None:
    for frame in frames:
        frame.write_ndjson(file)


def _write_parquet(frames: Iterator[pl.DataFrame], file: BinaryIO) -> None:
    """Polars has no incremental Parquet writer: the scored blocks are gathered, about the table's own size."""
    pl.concat(list(frames), rechunk=False).write_parquet(file)


WRITERS: Mapping[str, Writer] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".ndjson": _write_jsonl,
    ".parquet": _write_parquet,
}


def _free_names(names: tuple[str, ...], taken: set[str]) -> tuple[str, ...]:
    """Keep clear of the table's own columns by numbering all names alike: a table may be scored twice."""
    number, free = 1, names
    while taken & set(free):
        number += 1
        free = tuple(f"{name}_{number}" for name in names)
    return free


def _shown(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
