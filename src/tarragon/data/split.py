"""Folds: which rows teach and which rows judge."""

from dataclasses import dataclass
from typing import Literal

from tarragon.data.arrays import Index

Strategy = Literal["stratified", "random", "group", "time"]


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
    strategy : {"stratified", "random", "group", "time"}
        Duplicated rows always stay on one side.
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
