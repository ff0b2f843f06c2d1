"""The table of a run, kept beside its results so that the run can be resumed and replayed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from tarragon.data import Column, Recipe, Table, file_sha256
from tarragon.develop.protocol import Spec
from tarragon.engine import JobRecord, Plain, atomic, dump, from_plain, load
from tarragon.metrics import Task

Label = str | int | float | bool


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Everything of a table but its cells."""

    columns: tuple[Column, ...]
    target: str
    task: Task
    classes: tuple[Label, ...]
    source: str
    sha256: str
    dropped_rows: int
    notes: tuple[str, ...]
    recipes: Mapping[str, Recipe]
    arrow_sha256: str


def spec_of(job: JobRecord) -> Spec:
    """Read the question a run was started with."""
    return from_plain(cast(Plain, dict(job.spec)), Spec)


def save_table(table: Table, folder: Path) -> None:
    """Write ``table.arrow`` and, last, ``table.json``."""
    with atomic(folder / "table.arrow", flushed=False) as file:
        table.frame.write_ipc(file, compression="lz4")
    facts = TableFacts(
        table.columns,
        table.target,
        table.task,
        table.classes,
        table.source,
        table.sha256,
        table.dropped_rows,
        table.notes,
        table.recipes,
        file_sha256(folder / "table.arrow"),
    )
    dump(facts, folder / "table.json")


def load_table(folder: Path) -> Table:
    """Read what :func:`save_table` wrote."""
    facts: TableFacts = load(folder / "table.json", TableFacts)
    frame = pl.read_ipc(folder / "table.arrow")
    return Table(
        frame,
        facts.columns,
        facts.target,
        facts.task,
        facts.classes,
        facts.source,
        facts.sha256,
        facts.dropped_rows,
        facts.notes,
        facts.recipes,
    )


def is_as_kept(folder: Path) -> bool:
    """Whether the kept cells are still the bytes that were written."""
    facts: TableFacts = load(folder / "table.json", TableFacts)
    return facts.arrow_sha256 == file_sha256(folder / "table.arrow")
