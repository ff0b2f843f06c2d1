"""Tables made by hand for the room's tests."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl
import pytest

from tarragon.data import Column, Kind, Role, Table

Make = Callable[..., Table]


def kind_of(series: pl.Series) -> Kind:
    if series.drop_nulls().n_unique() <= 1:
        return Kind.CONSTANT
    if series.dtype.is_temporal():
        return Kind.DATETIME
    if series.dtype == pl.Boolean:
        return Kind.BOOLEAN
    if series.dtype.is_numeric():
        return Kind.NUMERIC
    return Kind.TEXT if series.drop_nulls().str.contains(" .* ").mean() > 0.5 else Kind.CATEGORICAL


def make_table(columns: Mapping[str, Sequence[object] | np.ndarray], target: str = "y", task: str = "") -> Table:
    frame = pl.DataFrame(columns)
    y = frame[target]
    if not task:
        task = "regression" if y.dtype.is_float() else "binary" if y.n_unique() == 2 else "multiclass"
    known = tuple(
        Column(
            name,
            kind_of(frame[name]),
            Role.TARGET if name == target else Role.FEATURE,
            n_missing=frame[name].null_count(),
            n_unique=frame[name].drop_nulls().n_unique(),
        )
        for name in frame.columns
    )
    classes = () if task == "regression" else tuple(sorted(y.unique().to_list()))
    return Table(frame=frame, columns=known, target=target, task=task, classes=classes)


@pytest.fixture
def table_of() -> Make:
    """Make a table from columns; the kind follows from the values, the task from the target."""
    return make_table


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
