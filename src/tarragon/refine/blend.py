"""A weighted average of trials, kept only if it is better than the best of them beyond noise.

Source: Caruana, Niculescu-Mizil, Crew & Ksikes (2004), Ensemble selection from libraries of models, ICML:
greedy forward selection with replacement on out-of-fold predictions.

Notation: T trials, n rows, K classes; a stack is (T, n, K) or (T, n).
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Index, Vector
from tarragon.metrics import Metric, number, paired
from tarragon.tune import Trial, judged, order

MEMBERS_CONSIDERED = 14  # the best trials; those further down are hardly ever picked and cost time
ROUNDS = 24  # picks with replacement: weights are multiples of 1/24, finer ones fit noise
PARTS = 5  # row blocks for the cross-fitted comparison
SCORED_ROWS = 12_000  # metrics without a rowwise form (AUC) are estimated on this many rows while picking
Stack = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """Members and weights, and why they were kept.

    Parameters
    ----------
    members : tuple of (Trial, float)
        Heaviest first; weights sum to 1. One member is a single model.
    oof : ndarray of shape (n, K) or (n,)
        Out-of-fold predictions; NaN where not judged.
    score : float
        Of ``oof``, units of the objective.
    gain, noise : float
        Cross-fitted gain of the blend over the best single trial in utility, and its standard error.
    """

    members: tuple[tuple[Trial, float], ...]
    oof: NDArray[np.float64]
    score: float
    gain: float
    noise: float
    why: str


def greedy(stack: Stack, y: Vector, metric: Metric, weight: Vector | None = None, rounds: int = ROUNDS) -> Vector:
    """Pick with replacement whatever improves the average most: (T, n, …), (n,) -> weights (T,), sum 1.

    The average with the best score along the way wins, so the result is never worse than the best single trial on
    these rows.
    """
    counts = np.zeros(len(stack))
    total = np.zeros(stack.shape[1:])
    best_utility, best_counts = -np.inf, counts
    for picked in range(1, rounds + 1):
        utilities = [
            np.nan_to_num(metric.utility(metric.score(y, (total + member) / picked, weight)), nan=-np.inf)
            for member in stack
        ]
        pick = int(np.argmax(utilities))
        counts = counts.copy()
        counts[pick] += 1
        total = total + stack[pick]
        if utilities[pick] > best_utility + 1e-12:
            best_utility, best_counts = utilities[pick], counts
        elif picked > len(stack) and picked - best_counts.sum() >= 5:
            break  # five picks without a gain: the rest would only round the weights
    return np.asarray(best_counts / best_counts.sum(), dtype=np.float64)


def mix(stack: Stack, weights: Vector) -> NDArray[np.float64]:
    """(T, n, …), (T,) -> (n, …)."""
    return np.asarray(np.tensordot(weights, stack, axes=1), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The whole act of choosing weights, so that a bootstrap can repeat it on other rows.

    Parameters
    ----------
    trials : tuple of Trial
        Those considered, best first.
    rows : ndarray of int64
        Rows all of them were judged on.
    """

    trials: tuple[Trial, ...]
    rows: Index
    stack: Stack
    y: Vector
    weight: Vector | None
    metric: Metric
    single: bool

    def weights(self, index: Index, rounds: int = ROUNDS) -> Vector:
        """Choose weights (T,) from these positions of ``rows`` (a multiset)."""
        if self.metric.rowwise is None and len(index) > SCORED_ROWS:
            index = index[:: -(-len(index) // SCORED_ROWS)]
        w = None if self.weight is None else self.weight[index]
        if self.single:
            scores = [self.metric.utility(self.metric.score(self.y[index], m[index], w)) for m in self.stack]
            best = int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))
            return np.asarray(np.eye(len(self.stack))[best])
        return greedy(self.stack[:, index], self.y[index], self.metric, w, rounds)

    def again(self, rows: Index, trials: Sequence[Trial]) -> Vector:
        """Choose once more from these rows of the table (with repeats): weights over ``trials`` (T,).

        Coarser than the choice itself (fewer picks, fewer rows), because a bootstrap asks for it some hundred times.
        """
        place = np.searchsorted(self.rows, rows)
        limit = SCORED_ROWS // 4
        chosen = self.weights(place[:: max(1, -(-len(place) // limit))], ROUNDS // 2)
        by_name = {t.name: float(w) for t, w in zip(self.trials, chosen, strict=True)}
        return np.asarray([by_name.get(t.name, 0.0) for t in trials])


def selection(
    trials: Sequence[Trial], metric: Metric, y: Vector, weight: Vector | None = None, *, single: bool = False
) -> Selection:
    """Set out what may be chosen: the best trials on the rows all were judged on."""
    rows = judged(trials)
    best = tuple(t for t, _ in order(trials, metric, y, weight)[:MEMBERS_CONSIDERED])
    stack = np.stack([t.oof[rows] for t in best])
    return Selection(best, rows, stack, y[rows], None if weight is None else weight[rows], metric, single)


def blend(choice: Selection, n_rows: int, seed: int) -> Blend:
    """Choose weights on all rows; keep several members only if the cross-fitted gain exceeds its standard error."""
    leader = choice.trials[0]
    metric, y = choice.metric, choice.y
    alone = np.eye(len(choice.trials))[0]
    weights, gain, noise = alone, 0.0, 0.0
    why = "the only trial" if len(choice.trials) == 1 else "one model was asked for"
    if not choice.single and len(choice.trials) > 1:
        mixed, single = _cross_fitted(choice, seed)
        gain, low, high = paired(metric, y, mixed, single, choice.weight)
        noise = (high - low) / (2 * 1.96)
        won = f"{number(gain)} ± {number(noise, 2)}"
        if gain > noise:
            weights = choice.weights(np.arange(len(choice.rows)))
            why = f"better than {leader.name} alone by {won} (cross-fitted)"
        else:
            why = f"a blend gained {won} over {leader.name}: within noise, so the single model is kept"
    if weights.max() == 1.0 and gain > noise:
        why = f"the blend put all weight on {choice.trials[int(weights.argmax())].name}"
    members = tuple(
        (choice.trials[i], float(weights[i])) for i in np.argsort(-weights, kind="stable") if weights[i] > 0
    )
    predicted = mix(choice.stack, weights)
    oof = np.full((n_rows, *predicted.shape[1:]), np.nan)
    oof[choice.rows] = predicted
    return Blend(members, oof, metric.score(y, predicted, choice.weight), float(gain), float(noise), why)


def _cross_fitted(choice: Selection, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predictions of a blend and of the best single trial, each chosen without the rows it is then judged on.

    Both sides are chosen anew for every part: a leader picked on all rows would be flattered by having been picked.
    """
    alone = dataclasses.replace(choice, single=True)
    part = np.random.default_rng(seed).permutation(len(choice.rows)) % PARTS
    mixed = np.empty(choice.stack.shape[1:])
    single = np.empty_like(mixed)
    for k in range(PARTS):
        teach, judge = np.flatnonzero(part != k), part == k
        mixed[judge] = mix(choice.stack[:, judge], choice.weights(teach))
        single[judge] = mix(choice.stack[:, judge], alone.weights(teach))
    return mixed, single
