"""What is examined: a finished model with the rows it was judged on, and how to ask it for answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.choose.protocol import Curve
from tarragon.data import Index, Split, Table, Vector
from tarragon.metrics import labels
from tarragon.tune.protocol import Leaderboard, Trial

Array = NDArray[Any]


class Predictor(Protocol):
    """A model that takes rows of the table as they are."""

    def respond(self, frame: pl.DataFrame, fold: int | None = None) -> Array:
        """Answer raw table rows with (n, K) probabilities or (n,) values.

        ``fold=k`` uses only the models that did not see fold k's validation rows: out of sample for those rows.
        """

    def size_parts(self) -> Mapping[str, int]:
        """Say the bytes by cause: each member, the encoder and so on."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A finished model and the evidence there is about it.

    Parameters
    ----------
    table : Table
    split : Split
    oof : ndarray of shape (n, K) or (n,)
        Out-of-fold predictions of the final model; NaN rows were not judged.
    apparent : float
        Objective on ``oof``.
    select : callable
        Row numbers with repeats -> (T,) weights over ``trials``: the whole choice (blend, best single …) made again
        on these rows only. Zeros for trials that cannot be chosen.
    winner : tuple of (str, float)
        The final model's members and their weights.
    threshold : float or None
        Binary: the probability from which the positive class is answered.
    previous : Predictor or None
        The version in use so far.
    curve : Curve or None
        Learning curve of the feasibility probe.
    suspects : int
        Rows whose label a check doubts.
    """

    table: Table
    split: Split
    oof: Array
    apparent: float
    select: Callable[[Index], NDArray[np.float64]]
    board: Leaderboard
    trials: tuple[Trial, ...]
    winner: tuple[tuple[str, float], ...]
    threshold: float | None
    predictor: Predictor
    previous: Predictor | None = None
    curve: Curve | None = None
    suspects: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The judged rows of a subject as arrays, made once and used by every step.

    Parameters
    ----------
    rows : ndarray of shape (m,), int64
        Row numbers of the table that have an out-of-fold prediction.
    fold : ndarray of shape (m,), int64
        The first fold that judged the row.
    y : ndarray of shape (m,)
    p : ndarray of shape (m, K) or (m,)
    weight : ndarray of shape (m,) or None
    """

    rows: Index
    fold: Index
    y: Vector
    p: Array
    weight: Vector | None

    def take(self, keep: Array) -> "Evidence":
        """Keep some of the rows, by position."""
        weight = None if self.weight is None else self.weight[keep]
        return Evidence(self.rows[keep], self.fold[keep], self.y[keep], self.p[keep], weight)

    def sample(self, size: int, seed: int) -> "Evidence":
        """Take at most ``size`` rows at random, in table order."""
        if len(self.y) <= size:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self.y), size, replace=False)))


def evidence(subject: Subject) -> Evidence:
    """Collect the judged rows of a subject."""
    known = ~np.isnan(subject.oof if subject.oof.ndim == 1 else subject.oof.sum(axis=1))
    fold = np.full(subject.table.n_rows, -1, dtype=np.int64)
    for k in reversed(range(len(subject.split.folds))):
        fold[subject.split.folds[k].valid] = k
    known &= fold >= 0
    rows = np.flatnonzero(known)
    weight = subject.table.weight
    return Evidence(
        rows, fold[rows], subject.table.y[rows], subject.oof[rows], None if weight is None else weight[rows]
    )


def answers(subject: Subject, p: Array) -> Array:
    """(n, K) or (n,) -> what the model says: codes at its own threshold, or values."""
    return labels(p, subject.threshold)
