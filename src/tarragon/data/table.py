"""A table: rows, columns with kinds and roles, and the question asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl

from tarragon.data.arrays import Vector
from tarragon.data.recipe import Recipe
from tarragon.metrics import Task


class Kind(StrEnum):
    """What the values of a column are, whatever type the file gave them."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    ID = "id"
    CONSTANT = "constant"


class Role(StrEnum):
    """What a column is for."""

    FEATURE = "feature"
    TARGET = "target"
    WEIGHT = "weight"
    GROUP = "group"
    TIME = "time"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Column:
    """One column as the reader understood it.

    Parameters
    ----------
    name : str
    kind : Kind
    role : Role
    sensitive : bool
        A facet for bias analysis. A sensitive column keeps its role.
    n_missing, n_unique : int
        Missing rows; distinct values that are not missing.
    note : str
        What the reader did to it, in plain words ("11 blank strings read as missing").
    """

    name: str
    kind: Kind
    role: Role = Role.FEATURE
    sensitive: bool = False
    n_missing: int = 0
    n_unique: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table with one question.

    Parameters
    ----------
    frame : polars.DataFrame
        All columns, cleaned: numbers are numbers (infinities are missing), dates are datetimes, blanks are null.
        Rows whose target is missing are gone (``dropped_rows`` counts them).
    columns : tuple of Column
        Same order as ``frame``.
    target : str
        "" where nothing is to be predicted: then there is no ``y``, and the task means nothing.
    task : {"binary", "multiclass", "regression"}
    classes : tuple
        Label values in sorted order, as they were in the source (str, int, float or bool); empty for regression.
        For binary tasks the *last* one is the positive class.
    source : str
        The path or "frame" it came from.
    sha256 : str
        Of the source file's bytes, or of the frame's content.
    dropped_rows : int
        Rows left out because their target is missing.
    notes : tuple of str
        What a reader should know: why this task, which class is positive, what was left out.
    recipes : mapping of str to Recipe
        How the cells of each column were read, so that new rows are read the same way.
    """

    frame: pl.DataFrame
    columns: tuple[Column, ...]
    target: str
    task: Task
    classes: tuple[Any, ...] = ()
    source: str = "frame"
    sha256: str = ""
    dropped_rows: int = 0
    notes: tuple[str, ...] = field(default=())
    recipes: Mapping[str, Recipe] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Rows that have a target."""
        return self.frame.height

    @property
    def features(self) -> tuple[Column, ...]:
        """Columns a model may learn from."""
        return tuple(c for c in self.columns if c.role is Role.FEATURE)

    @property
    def n_classes(self) -> int:
        """0 for regression."""
        return len(self.classes)

    def column(self, role: Role) -> Column | None:
        """Return the only column of this role, if there is one."""
        return next((c for c in self.columns if c.role is role), None)

    @property
    def sensitive(self) -> tuple[Column, ...]:
        """Columns named as facets for bias analysis."""
        return tuple(c for c in self.columns if c.sensitive)

    @property
    def y(self) -> Vector:
        """(n,) class codes 0…K-1 in the order of ``classes``, or values."""
        series = self.frame[self.target]
        if self.task == "regression":
            return series.cast(pl.Float64).to_numpy().astype(np.float64)
        codes = list(range(len(self.classes)))
        return series.replace_strict(list(self.classes), codes, return_dtype=pl.Float64).to_numpy().astype(np.float64)

    @property
    def weight(self) -> Vector | None:
        """(n,) row weights, mean as given, or None."""
        column = self.column(Role.WEIGHT)
        return None if column is None else self.frame[column.name].cast(pl.Float64).to_numpy().astype(np.float64)
