"""Is there any signal? A probe's score against what the same probe reaches on shuffled labels.

Two probes are asked, because weak sums escape a forest and interactions escape a line; the smaller p-value is doubled
(Bonferroni). The ridge answers a hundred shuffles in one matrix product; the forest is shuffled as often as time
allows and its tail is Student's t of a new draw: (s − mean) / (sd·√(1 + 1/m)).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from tarragon.choose.probe import Folds, design, one_hot, out_of_fold, probabilities, ridge_out_of_fold
from tarragon.choose.sheet import Floats, Sheet
from tarragon.data import Index, Vector
from tarragon.metrics import Metric, auc

RIDGE_TARGETS = 160  # columns of shuffled targets in one product
MOST_SHUFFLES, FEWEST_SHUFFLES, SURE_SHUFFLES = 15, 5, 4
SURE_FOLDS = 2
SURE = 1e-4  # once the ridge is this sure, the forest is shuffled only for the report


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """What a probe finds and what chance finds.

    Parameters
    ----------
    answer, other : ndarray, (n, K) or (n,)
        Out-of-fold answers of the better probe and of the other one; NaN for rows never judged.
    probe : {"forest", "ridge"}
    judged : ndarray of bool, (n,)
    score, null_score, null_high : float
        In units of the metric: the probe's, the mean on shuffled labels, their 99th percentile towards better.
    p_value : float
    shuffles : int
        Of the better probe.
    """

    answer: Floats
    other: Floats
    probe: str
    judged: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
    score: float
    null_score: float
    null_high: float
    p_value: float
    shuffles: int


def statistic(y: Vector, answer: Floats, n_classes: int) -> float:
    """Score without units, near normal under the null: area under the ROC curve, or rank correlation."""
    if n_classes:
        return auc(y, answer)
    if np.ptp(answer) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(stats.spearmanr(y, answer).statistic)


def signal(sheet: Sheet, folds: Folds, metric: Metric, seed: int, time_left: Callable[[], float]) -> Signal:
    """Judge the probes and their null within the time that is left."""
    k = sheet.n_classes
    part = np.full(sheet.n_rows, -1, dtype=np.int64)
    for f, (_, valid) in enumerate(folds):
        part[valid] = f
    judged = part >= 0
    y = sheet.y[judged]
    rng = np.random.default_rng(seed)
    line, line_null = _ridge(sheet, folds, part, rng)
    p_line = _tail(statistic(y, line[judged], k), [statistic(a, b, k) for a, b in line_null])
    before = time_left()
    forest = out_of_fold(sheet, folds, seed)
    cost = max(before - time_left(), 1e-3)
    sure = p_line < SURE  # then a null is only needed for the report: fewer shuffles, judged on fewer folds
    wanted = SURE_SHUFFLES if sure else int(np.clip(time_left() / cost, FEWEST_SHUFFLES, MOST_SHUFFLES))
    forest_null = []
    for i in range(wanted):
        if i >= FEWEST_SHUFFLES and time_left() < cost:
            break
        shuffled = sheet.y[shuffle_within(part, rng)]
        told = out_of_fold(sheet, folds[:SURE_FOLDS] if sure else folds, seed + i + 1, y=shuffled)
        kept = judged & np.isfinite(told if told.ndim == 1 else told[:, 0])
        forest_null.append((shuffled[kept], told[kept]))
    p_forest = _tail(statistic(y, forest[judged], k), [statistic(a, b, k) for a, b in forest_null])
    forest_better = metric.utility(metric.score(y, forest[judged])) >= metric.utility(metric.score(y, line[judged]))
    answer, other, null = (forest, line, forest_null) if forest_better else (line, forest, line_null)
    drawn = np.array([metric.score(a, b) for a, b in null])
    sign = 1.0 if metric.greater_is_better else -1.0
    spread = float(drawn.std(ddof=1)) * (1.0 + 0.25 / (len(drawn) - 1))  # the small-sample bias of a deviation
    return Signal(
        answer=answer,
        other=other,
        probe="forest" if forest_better else "ridge",
        judged=judged,
        score=metric.score(y, answer[judged]),
        null_score=float(drawn.mean()),
        null_high=float(drawn.mean() + sign * stats.norm.ppf(0.99) * spread),
        p_value=min(1.0, 2.0 * min(p_line, p_forest)),
        shuffles=len(null),
    )


def shuffle_within(part: Index, rng: np.random.Generator) -> Index:
    """(n,) part of each row -> (n,) rows, shuffled within each part.

    Folds are often stratified. A shuffle across folds would undo that, and answers that lean to the commoner class of
    the training part would look worse than chance: the null would be too low.
    """
    order = np.arange(len(part))
    for p in np.unique(part):
        mine = np.flatnonzero(part == p)
        order[mine] = rng.permutation(mine)
    return order


def _ridge(
    sheet: Sheet, folds: Folds, part: Index, rng: np.random.Generator
) -> tuple[Floats, list[tuple[Vector, Floats]]]:
    """Answer the true targets and many shuffles of them at once."""
    k = sheet.n_classes
    truth = one_hot(sheet.y, k)
    width = truth.shape[1]
    shuffles = max(20, RIDGE_TARGETS // width)
    judged = part >= 0
    orders = [shuffle_within(part, rng) for _ in range(shuffles)]
    targets = np.hstack([truth, *(truth[order] for order in orders)])
    scores = ridge_out_of_fold(design(sheet), targets, folds, block=width)
    blocks = [scores[:, i * width : (i + 1) * width] for i in range(shuffles + 1)]
    answers = [probabilities(b) if k else b[:, 0] for b in blocks]
    null = [(sheet.y[order][judged], a[judged]) for order, a in zip(orders, answers[1:], strict=True)]
    return answers[0], null


def _tail(score: float, null: list[float]) -> float:
    """Chance of a score as good under the null: the larger of the parametric and what counting supports."""
    drawn = np.array(null)
    m, spread = len(drawn), float(drawn.std(ddof=1))
    if not np.isfinite(score) or spread <= 0:
        return 1.0 if not score > drawn.mean() else 1.0 / (m + 1.0)
    return float(stats.t.sf((score - drawn.mean()) / (spread * np.sqrt(1.0 + 1.0 / m)), m - 1))
