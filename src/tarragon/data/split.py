"""Folds: which rows teach and which rows judge."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from tarragon.data.arrays import Index, Vector
from tarragon.data.assign import deal
from tarragon.data.table import Role, Table
from tarragon.errors import DataError, ParameterError

Strategy = Literal["stratified", "random", "group", "time"]
MAX_BINS = 10  # strata of a numeric target
ROWS_PER_PATTERN = 3.0  # from this mean on, equal rows come from few possible values, not from copying
MAX_HOLDOUT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One division of the rows.

    Parameters
    ----------
    train, valid : ndarray of int64
        Row numbers of the table, ascending, disjoint.
    """

    train: Index
    valid: Index


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """All divisions used by a run.

    Parameters
    ----------
    folds : tuple of Fold
        ``n_folds × n_repeats`` of them. Within one repeat the ``valid`` parts do not overlap; for every strategy
        but "time" they cover every development row exactly once.
    n_folds, n_repeats : int
        A time split has no chance in it and is never repeated: there ``n_repeats`` is 1.
    strategy : {"stratified", "random", "group", "time"}
        Rows with equal features stay on one side, unless the table has so few possible values that rows are equal
        by nature (``why`` says so), or the split goes by group or time.
    holdout : ndarray of int64
        Rows set aside, in no fold; empty unless asked for. Opened once, at the end.
    seed : int
    why : str
        The reason for the strategy in plain words.
    """

    folds: tuple[Fold, ...]
    n_folds: int
    n_repeats: int
    strategy: Strategy
    holdout: Index
    seed: int
    why: str = ""


def split(table: Table, *, n_folds: int, n_repeats: int = 1, seed: int = 0, holdout: float = 0.0) -> Split:
    """Divide the rows of a table.

    A time column gives windows that train on the past and judge on what follows; a group column keeps whole groups
    together; otherwise classes (or tenths of a numeric target) are spread evenly. O(n log n), plus O(folds × classes)
    per unit of several rows.

    Parameters
    ----------
    table : Table
    n_folds : int
        At least 2.
    n_repeats : int
        Dealings with different chance; their folds follow one another.
    seed : int
    holdout : float
        Share of rows set aside, 0 (none) to 0.5. The latest rows where there is a time column.

    Raises
    ------
    ParameterError
        A number is out of its range.
    DataError
        There are too few rows or groups for so many folds.
    """
    _check(table, n_folds, n_repeats, holdout)
    if table.column(Role.TIME) is not None:
        return _by_time(table, n_folds, seed, holdout)
    strata = _strata(table, n_folds)
    grouped = table.column(Role.GROUP)
    strategy: Strategy = "group" if grouped is not None else "random" if table.task == "regression" else "stratified"
    if grouped is not None:
        units = _numbered(table, [grouped.name])
        n_groups = int(units.max()) + 1
        if n_groups < n_folds + (1 if holdout else 0):
            raise DataError(
                f"{n_folds} folds need as many groups",
                why=f'"{grouped.name}" has {n_groups} groups',
                fix=f"Use at most {n_groups} folds",
            )
        why = f'Rows of one "{grouped.name}" stay together: {n_groups} groups'
    else:
        units, why = _units(table, strata, n_folds)
    rng = np.random.default_rng(seed)
    rows = np.arange(table.n_rows, dtype=np.int64)
    aside = rows[:0]
    if holdout:
        part = deal(units, strata, np.array([1.0 - holdout, holdout]), rng)
        rows, aside = rows[part == 0], rows[part == 1]
    folds: list[Fold] = []
    shares = np.full(n_folds, 1.0 / n_folds)
    kept = np.unique(units[rows], return_inverse=True)[1].astype(np.int64)
    for _ in range(n_repeats):
        part = deal(kept, strata[rows], shares, rng)
        folds += [Fold(rows[part != k], rows[part == k]) for k in range(n_folds)]
    if any(len(fold.valid) == 0 or len(fold.train) == 0 for fold in folds):
        raise DataError(
            f"{n_folds} folds leave one of them empty", why="Too few rows may be parted", fix="Use fewer folds"
        )
    return Split(tuple(folds), n_folds, n_repeats, strategy, aside, seed, why)


def _check(table: Table, n_folds: int, n_repeats: int, holdout: float) -> None:
    if n_folds < 2:
        raise ParameterError(
            f"n_folds={n_folds} is too few", why="One part teaches, another judges", fix="Use 2 or more"
        )
    if n_repeats < 1:
        raise ParameterError(f"n_repeats={n_repeats} is too few", why="Nothing would be dealt", fix="Use 1 or more")
    if not 0.0 <= holdout <= MAX_HOLDOUT:
        raise ParameterError(
            f"holdout={holdout} is not allowed",
            why=f"It is a share in [0, {MAX_HOLDOUT}]",
            fix="Use 0.2, or 0 for none",
        )
    if table.n_rows * (1.0 - holdout) < 2 * n_folds:
        raise DataError(
            f"{n_folds} folds need more rows",
            why=f"The table has {table.n_rows}",
            fix="Use fewer folds or a smaller holdout",
        )


def _strata(table: Table, n_folds: int) -> Index:
    """(n,) class codes, or bins of equal counts of a numeric target."""
    y = table.y
    if table.task != "regression":
        return y.astype(np.int64)
    bins = int(min(MAX_BINS, max(1, table.n_rows // (2 * n_folds))))
    edges = np.unique(np.quantile(y, np.linspace(0, 1, bins + 1)[1:-1])) if bins > 1 else np.empty(0)
    return np.searchsorted(edges, y, side="right").astype(np.int64)


def _numbered(table: Table, names: list[str]) -> Index:
    """(n,) number of each row's pattern in the named columns, by first appearance; missing cells are equal."""
    hashes = table.frame.select(names).hash_rows(seed=0).to_numpy()
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse]


def _units(table: Table, strata: Index, n_folds: int) -> tuple[Index, str]:
    """Units of rows with equal features. Classes whose rows are all equal are parted: every fold must know them."""
    base = (
        "Amounts are spread evenly over the folds"
        if table.task == "regression"
        else "Classes are spread evenly over the folds"
    )
    alone = np.arange(table.n_rows, dtype=np.int64)
    units = _numbered(table, [c.name for c in table.features])
    n_units = int(units.max()) + 1
    repeated = table.n_rows - n_units
    if repeated == 0:
        return alone, base
    largest = int(np.bincount(units).max())
    if table.n_rows >= ROWS_PER_PATTERN * n_units or largest > table.n_rows / (2 * n_folds):
        return (
            alone,
            f"{base}; rows repeat because columns take few values ({n_units} patterns): equal rows are dealt singly",
        )
    if table.task != "regression":
        pairs = np.unique(np.stack([strata, units]), axis=1)
        lonely = np.flatnonzero(np.bincount(pairs[0]) == 1)
        loose = np.isin(strata, lonely)
        units = np.unique(np.where(loose, n_units + alone, units), return_inverse=True)[1].astype(np.int64)
    return units, f"{base}; {repeated} repeated rows stay with the row they repeat"


def _by_time(table: Table, n_folds: int, seed: int, holdout: float) -> Split:
    """Cut expanding windows: each fold trains on all rows before its own; equal times are never parted."""
    column = table.column(Role.TIME)
    assert column is not None
    moment = table.frame[column.name].to_physical().cast(float).fill_null(-np.inf).to_numpy()
    order = np.argsort(moment, kind="stable").astype(np.int64)
    n_dev = table.n_rows - round(holdout * table.n_rows)
    cuts = _window_cuts(table, order[:n_dev], n_folds)
    steps = np.concatenate([cuts, [n_dev]])
    sorted_moment = moment[order]
    steps = np.searchsorted(sorted_moment, sorted_moment[np.minimum(steps, table.n_rows - 1)], side="left")
    steps[-1] = n_dev if not holdout else steps[-1]
    if np.any(np.diff(steps) <= 0) or steps[0] <= 0:
        raise DataError(
            f'"{column.name}" has too few different times for {n_folds} folds',
            why=f"Only {column.n_unique} differ, and equal times stay together",
            fix="Use fewer folds, or leave the time column out",
        )
    groups = table.column(Role.GROUP)
    units = _numbered(table, [groups.name]) if groups is not None else None
    folds = []
    for start, end in pairwise(steps):
        train, valid = order[:start], order[start:end]
        if units is not None:
            train = train[~np.isin(units[train], units[valid])]
        if len(train) == 0:
            raise DataError(
                "A time window has nothing to learn from",
                why="All its groups come again later",
                fix="Leave group or time out",
            )
        folds.append(Fold(np.sort(train), np.sort(valid)))
    why = f'Rows are ordered by "{column.name}": each fold learns from the past and judges what follows'
    if units is not None:
        why += ", without groups it will be judged on"
    return Split(tuple(folds), n_folds, 1, "time", np.sort(order[steps[-1] :]), seed, why)


def _window_cuts(table: Table, order: Index, n_folds: int) -> Index:
    """Where the judging windows start: after an equal part, or later when that part lacks a class, at most halfway."""
    n = len(order)
    start = n // (n_folds + 1)
    if table.task != "regression":
        y: Vector = table.y[order]
        first_seen = [int(np.argmax(y == k)) for k in range(table.n_classes) if np.any(y == k)]
        start = min(max(start, max(first_seen) + 1), n // 2)
    start = max(start, 1)
    return (start + (np.arange(n_folds) * (n - start)) // n_folds).astype(np.int64)
