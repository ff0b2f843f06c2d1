"""The score we report covers the score you will see.

Choosing the best of many trials on the rows they are judged by makes the best look better than it is. Bootstrap
bias-corrected cross-validation (Tsamardinos, Greasidou & Borboudakis 2018, Machine Learning 107) repeats the *choice*
on resampled rows and judges it on the rows left out; nothing is trained again. Here the loss of the re-made choice
against the final one, both on the same left-out rows, is averaged: the same estimate with the noise of the rows gone,
so a few dozen resamples are enough.

The interval is one for a *fresh sample*, see :mod:`tarragon.analyze.predictive`. Beside the rows it holds what the
folds disagree about, and, on the better side only, what averaging the fold models gains over each of them alone,
because the out-of-fold rows were answered by one fold's models and new rows are answered by all.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tarragon.analyze.predictive import Judged, predictive
from tarragon.analyze.subject import Array
from tarragon.data import Index, Vector
from tarragon.metrics import Metric, influence, labels, standard_error

RESAMPLES = 200  # at most; Tsamardinos et al. find 500 ample for the plain average, the paired one is far less noisy
MOST = 0.5  # of a loss that averaging may remove: sure and unlike models would otherwise promise a loss of nothing
ROWS = 2_500  # rows of a resample at most: the optimism of a choice falls as 1/n, and is scaled so


@dataclass(frozen=True, slots=True)
class Choice:
    """How the final model was chosen, so that choosing can be repeated.

    Parameters
    ----------
    stack : tuple of ndarray, each (N, K) or (N,)
        Out-of-fold predictions of every trial on the table's N rows; NaN where it did not judge.
    rows : ndarray of shape (n,), int64
        Row numbers of the judged rows.
    weights : ndarray of shape (T,)
        The final choice.
    again : callable
        Row numbers, with repeats -> (T,) weights.
    threshold : float or None
        Chosen on the same rows, so it is chosen again where the metric judges labels.
    """

    stack: tuple[Array, ...]
    rows: Index
    weights: NDArray[np.float64]
    again: Callable[[Index], NDArray[np.float64]]
    threshold: float | None = None


def optimism(
    metric: Metric, y: Vector, choice: Choice, weight: Vector | None = None, *, seed: int = 0, go_on: Callable[[], bool]
) -> tuple[float, int]:
    """How much utility choosing on these rows pretends to have, ≥ 0, and the resamples it was averaged over.

    ``go_on`` is asked before each resample but the first; none is made where nothing was chosen between.
    """
    if len(choice.stack) < 2 and choice.threshold is None:
        return 0.0, 0
    rng = np.random.default_rng(seed)
    n, size = len(y), min(len(y), ROWS)
    lost: list[float] = []
    for made in range(RESAMPLES):
        if made >= 1 and not go_on():
            break
        inside = np.sort(rng.integers(0, n, size))
        outside = np.setdiff1d(np.arange(n), inside)
        if len(outside) > ROWS:
            outside = np.sort(rng.choice(outside, ROWS, replace=False))
        again = choice.again(choice.rows[inside])
        cut = choice.threshold
        if cut is not None and metric.needs == "label":
            cut = best_threshold(metric, y[inside], blend(choice, again, inside), _at(weight, inside))
        y_out, w_out = y[outside], _at(weight, outside)
        final = metric.score(y_out, blend(choice, choice.weights, outside), w_out, threshold=choice.threshold)
        other = metric.score(y_out, blend(choice, again, outside), w_out, threshold=cut)
        lost.append(metric.utility(final) - metric.utility(other))
    known = np.array(lost)[np.isfinite(lost)]
    return (max(0.0, float(known.mean())) * size / n, len(known)) if len(known) else (0.0, 0)


def honest(
    metric: Metric,
    rows: Judged,
    *,
    penalty: float,
    shifts: tuple[float, float] = (0.0, 0.0),
    fresh: int = 0,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Corrected score with the 95 % interval for a fresh sample.

    Parameters
    ----------
    penalty : float
        Optimism, in utility.
    shifts : (float, float)
        What averaging the fold models may gain in utility, and the standard deviation of what the folds disagree on.
    fresh : int
        Rows of the sample to come; default a third of the judged rows, as an external test set of 25 % is.

    Returns
    -------
    (value, low, high), units of the metric.
    """
    gain, between = shifts
    sign = 1.0 if metric.greater_is_better else -1.0
    raw = metric.score(rows.y, rows.p, rows.weight, threshold=rows.threshold)
    low, high = predictive(metric, rows, fresh or fresh_rows(len(rows.y)), seed=seed, extra=between)
    if sign > 0:
        low, high = low - penalty, high + max(gain - penalty, 0.0)
    else:
        share = min(max(gain - penalty, 0.0) / raw, MOST) if raw > 0 else 0.0
        low, high = low * (1.0 - share), high + penalty
    floor, top = _range(metric)
    value = float(np.clip(raw - sign * penalty, floor, top))
    return value, float(np.clip(min(low, value), floor, top)), float(np.clip(max(high, value), floor, top))


def fresh_rows(n: int) -> int:
    """Size of the fresh sample the interval speaks of: a third of the judged rows."""
    return max(1, round(n / 3))


def between_folds(metric: Metric, y: Vector, p: Array, fold: Index, *, next_fold: bool) -> float:
    """Estimate the standard deviation, in units of the metric, of what folds differ by beyond the noise of their rows.

    ``next_fold``: the fresh sample is one more such fold (later in time, other groups); otherwise the final model
    averages over folds and the difference averages out with it. 0 for metrics without influence values.
    """
    numbers = np.unique(fold)
    if len(numbers) < 2 or (metric.rowwise is None and metric.needs == "label"):
        return 0.0
    scores, errors = [], []
    for k in numbers:
        own = fold == k
        value, part = influence(metric, y[own], p[own])
        if np.isfinite(value) and own.sum() > 1:
            scores.append(value)
            errors.append(standard_error(part))
    if len(scores) < 2:
        return 0.0
    excess = max(0.0, float(np.var(scores, ddof=1)) - float(np.mean(np.square(errors))))
    return float(np.sqrt(excess if next_fold else excess / len(scores)))


def averaging_gain(
    metric: Metric, singles: Array, residuals: Vector | None, *, models: int = 0, seed: int = 0
) -> float:
    """Estimate what answering with the mean of ``models`` models gains over one of them, in utility, ≥ 0.

    The ambiguity decomposition (Krogh & Vedelsby 1995) with the mean as the truth: outcomes are drawn around it, so
    no labels are needed and rows the models were trained on will do; what counts is how much the models disagree.

    Parameters
    ----------
    singles : ndarray of shape (k, m, K) or (k, m)
        Answers of each fold's models to the same rows.
    residuals : ndarray of shape (n,) or None
        Out-of-fold errors to draw outcomes with (regression).
    models : int
        Models the final mean is over, default k. The spread around a mean of k is 1 − 1/k of the spread, which is
        how a few models speak for more.
    """
    rng = np.random.default_rng(seed)
    mean = singles.mean(axis=0)
    gains = []
    for _ in range(10):
        if mean.ndim == 2:
            steps = np.cumsum(mean, axis=1)
            y = (rng.random((len(mean), 1)) * steps[:, -1:] > steps).sum(axis=1).astype(np.float64)
        else:
            assert residuals is not None
            y = mean + rng.choice(residuals, len(mean))
        alone = [metric.utility(metric.score(y, one)) for one in singles]
        gains.append(metric.utility(metric.score(y, mean)) - float(np.mean(alone)))
    known = np.array(gains)[np.isfinite(gains)]
    scale = (1 - 1 / (models or len(singles))) / (1 - 1 / len(singles)) if len(singles) > 1 else 0.0
    return max(0.0, scale * float(known.mean())) if len(known) else 0.0


def blend(choice: Choice, weights: NDArray[np.float64], positions: Index) -> Array:
    """(T,) weights, (m,) positions among the judged rows -> (m, K) or (m,): weighted mean of the trials that count."""
    rows = choice.rows[positions]
    total = float(weights.sum()) or 1.0
    parts = [w / total * choice.stack[t][rows] for t, w in enumerate(weights) if w != 0.0]
    return np.asarray(sum(parts[1:], parts[0]))


def best_threshold(metric: Metric, y: Vector, p: Array, weight: Vector | None) -> float:
    """Find the cut of class 1's probability with the best utility among 49 quantiles and 0.5."""
    if p.ndim != 2 or p.shape[1] != 2:
        return 0.5
    cuts = np.unique(np.append(np.quantile(p[:, 1], np.linspace(0.02, 0.98, 49)), 0.5))
    gains = [metric.utility(metric.function(y, labels(p, float(c)), weight)) for c in cuts]
    return float(cuts[int(np.nanargmax(gains))]) if np.isfinite(gains).any() else 0.5


def _at(weight: Vector | None, rows: Index) -> Vector | None:
    return None if weight is None else weight[rows]


def _range(metric: Metric) -> tuple[float, float]:
    if not metric.greater_is_better:
        return 0.0, float("inf")
    return {"r2": (-float("inf"), 1.0), "mcc": (-1.0, 1.0), "kappa": (-1.0, 1.0)}.get(metric.name, (0.0, 1.0))
