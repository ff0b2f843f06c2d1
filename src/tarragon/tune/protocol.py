"""Trials and the board they stand on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.protocol import Value, View


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One candidate tried.

    Parameters
    ----------
    name : str
        "lightgbm-2": catalogue name and a number.
    origin : {"portfolio", "search", "baseline"}
    folds : tuple of int
        Numbers of the split's folds that were fitted; a raced-out trial has few.
    scores, train_scores : tuple of float
        Per fitted fold, units of the objective.
    oof : ndarray of shape (n, K) or (n,)
        Out-of-fold predictions of every row (mean over repeats); NaN where no fold judged the row.
    rounds : tuple of int
        Boosting rounds or epochs per fold (0 for methods without).
    fit_s : float
        Seconds of all folds together, one thread each.
    predict_ms : float
        Milliseconds for one row, single call, mean over folds' models.
    size_bytes : int
        Of all fold models on disk.
    paths : tuple of str
        Folder of each fold's model, relative to the job's folder.
    history : tuple of tuple of float
        Validation loss per round of the first fold, thinned to at most 200 points; empty if not iterative.
    """

    name: str
    algorithm: str
    params: Mapping[str, Value]
    view: View
    origin: Literal["portfolio", "search", "baseline"]
    folds: tuple[int, ...]
    scores: tuple[float, ...]
    train_scores: tuple[float, ...]
    oof: NDArray[np.float64]
    complete: bool
    rounds: tuple[int, ...]
    fit_s: float
    predict_ms: float
    size_bytes: int
    paths: tuple[str, ...]
    glass_box: bool
    history: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A line of the leaderboard.

    Parameters
    ----------
    score, low, high : float
        Out-of-fold score with its 95 % interval, units of the objective.
    gap, gap_low, gap_high : float
        Paired difference to the leader in utility (greater is better; the leader has 0), with its 95 % interval.
    tied : bool
        Whether the gap's interval includes zero.
    on_front : bool
        Whether no other line is better in score *and* latency *and* size.
    """

    rank: int
    trial: str
    algorithm: str
    score: float
    low: float
    high: float
    gap: float
    gap_low: float
    gap_high: float
    tied: bool
    on_front: bool
    glass_box: bool
    fit_s: float
    predict_ms: float
    size_bytes: int
    params: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Best first; raced-out trials are listed after with the folds they got.

    Parameters
    ----------
    metric : str
    standings : tuple of Standing
    dropped : tuple of (str, int, float)
        Name, folds fitted, mean score of trials that lost the race.
    cheapest : str
        The cheapest trial (size, then latency) among those tied with the leader.
    """

    metric: str
    standings: tuple[Standing, ...]
    dropped: tuple[tuple[str, int, float], ...]
    cheapest: str
