"""Hard limits: the best model that is small enough and fast enough, measured, never estimated.

The ladder goes from the blend to single trials by score, and for each from the whole bag of fold models to one of
them. The first rung that obeys is taken.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.refine.blend import Blend, Selection
from tarragon.refine.model import Member, TableModel, bag

CALLS = 30  # single-row calls per latency figure: their median is steady to a few percent


class Limits(Protocol):
    """What the model must obey; None is no limit."""

    @property
    def latency_ms(self) -> float | None:
        """Median of one row."""

    @property
    def size_bytes(self) -> int | None:
        """Of all files."""


@dataclass(frozen=True, slots=True, eq=False)
class Rung:
    """A model that may be taken.

    Parameters
    ----------
    members : tuple of Member
    oof : ndarray
        Out-of-fold predictions of these members' trials.
    score : float
    title : str
        What was given up to get here; "" for the first rung.
    judges : tuple of Member
        The members with all their fold models, where ``members`` has fewer.
    """

    members: tuple[Member, ...]
    oof: NDArray[np.float64]
    score: float
    title: str
    judges: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Compressed:
    """The model taken, and each limit with the measured figure.

    Parameters
    ----------
    obeys : bool
        False when no rung obeyed: then ``model`` is the one that came closest.
    """

    model: TableModel
    oof: NDArray[np.float64]
    score: float
    weights: tuple[tuple[str, float], ...]
    given_up: str
    obeyed: tuple[str, ...]
    obeys: bool


def latency_ms(model: TableModel, frame: pl.DataFrame, calls: int = CALLS) -> float:
    """Median milliseconds of one row, table row in, answer out."""
    rows = [frame.slice(i % frame.height, 1) for i in range(calls)]
    model.respond(rows[0])
    took = []
    for row in rows:
        began = time.perf_counter()
        model.respond(row)
        took.append(time.perf_counter() - began)
    return float(np.median(took)) * 1e3


def ladder(mixed: Blend, choice: Selection, folder: Path) -> Iterator[Rung]:
    """Rungs from the best model down to a single fold's model of the worst trial."""
    yield Rung(tuple(bag(t, w, folder) for t, w in mixed.members), mixed.oof, mixed.score, "")
    for keep in (None, 2, 1):
        for trial in choice.trials:
            if keep is not None and keep >= len(trial.folds):
                continue
            score = choice.metric.score(choice.y, trial.oof[choice.rows], choice.weight)
            how = "all its fold models" if keep is None else f"{keep} of its fold models"
            judges = () if keep is None else (bag(trial, 1.0, folder),)
            title = f"{trial.name} with {how} instead of the best model"
            yield Rung((bag(trial, 1.0, folder, keep),), trial.oof, score, title, judges)


def compress(
    mixed: Blend,
    choice: Selection,
    limits: Limits,
    make: Callable[[tuple[Member, ...]], TableModel],
    frame: pl.DataFrame,
    folder: Path,
) -> Compressed:
    """Take the first rung that obeys. ``make`` builds the whole model from members; ``frame`` gives rows to time."""
    closest: tuple[float, Compressed] | None = None
    for rung in ladder(mixed, choice, folder):
        model = make(rung.members)
        model.judges = rung.judges
        obeyed, excess = [], 0.0
        if limits.size_bytes is not None:
            obeyed.append(f"size {model.size_bytes / 1e6:.2f} MB of {limits.size_bytes / 1e6:.2f} MB allowed")
            excess = max(excess, model.size_bytes / limits.size_bytes)
        if limits.latency_ms is not None and excess <= 1:
            measured = latency_ms(model, frame)
            obeyed.append(f"latency {measured:.2f} ms of {limits.latency_ms:.2f} ms allowed")
            excess = max(excess, measured / limits.latency_ms)
        weights = tuple((m.trial, m.weight) for m in rung.members)
        found = Compressed(model, rung.oof, rung.score, weights, rung.title, tuple(obeyed), excess <= 1)
        if excess <= 1:
            return found
        if closest is None or excess < closest[0]:
            closest = (excess, found)
    assert closest is not None, "the ladder has at least one rung"
    return closest[1]
