"""Classification metrics, from probabilities (n, K) or from answered codes (n,).

Where a ratio has nothing below its line the metric is NaN, never a made-up 0 or 1.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tarragon.metrics.protocol import Array, Vector, mean

TINY = float(
    np.finfo(np.float64).eps
)  # probabilities are clipped here before a logarithm, as scikit-learn does for float64
BINS = 15  # of the calibration error


def log_losses(y: Vector, p: Array) -> Vector:
    """(n,), (n, K) -> (n,): −ln of the probability given to the true class, rows renormalised."""
    clipped = np.clip(p, TINY, None)
    clipped = clipped / clipped.sum(axis=1, keepdims=True)
    return np.asarray(-np.log(clipped[np.arange(len(y)), y.astype(np.int64)]), dtype=np.float64)


def brier_losses(y: Vector, p: Array) -> Vector:
    """(n,), (n, K) -> (n,): squared distance to the true class' corner, halved, so binary equals (p − y)²."""
    hot = np.zeros_like(p)
    hot[np.arange(len(y)), y.astype(np.int64)] = 1.0
    return np.asarray(((p - hot) ** 2).sum(axis=1) / 2.0, dtype=np.float64)


def auc(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Area under the ROC curve of class 1; for K > 2 the mean over classes of one against the rest.

    Unweighted it is the Mann–Whitney statistic (Hanley & McNeil 1982); ties count half.
    """
    return _over_classes(y, p, weight, _auc)


def average_precision(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Area under the precision–recall curve as a step function; for K > 2 the mean over classes."""
    return _over_classes(y, p, weight, _average_precision)


def _over_classes(
    y: Vector, p: Array, weight: Vector | None, one: Callable[[NDArray[np.bool_], Array, Vector], float]
) -> float:
    w = np.ones(len(y)) if weight is None else weight
    parts = [one(y == k, p[:, k], w) for k in judged_classes(y, p)]
    return float(np.mean(parts)) if parts else float("nan")


def judged_classes(y: Vector, p: Array) -> list[int]:
    """Name the classes a one-against-the-rest metric averages over: those that occur (binary: the positive one)."""
    return [1] if p.shape[1] == 2 else [k for k in range(p.shape[1]) if np.any(y == k)]


def placements(positive: NDArray[np.bool_], score: Array, w: Vector) -> tuple[Vector, Vector]:
    """(n,) -> (n_pos,), (n_neg,): share of the other class' weight each row is ranked right against, ties half.

    The mean of either is the AUC; their variances are DeLong's (DeLong et al. 1988) structural components.
    """
    above = _share_below(score[positive], score[~positive], w[~positive])
    below = _share_below(score[~positive], score[positive], w[positive])
    return above, 1.0 - below


def _share_below(points: Array, others: Array, w: Vector) -> Vector:
    order = np.argsort(others, kind="stable")
    ranked = others[order]
    mass = np.concatenate(([0.0], np.cumsum(w[order])))
    left, right = np.searchsorted(ranked, points, "left"), np.searchsorted(ranked, points, "right")
    return np.asarray((mass[left] + mass[right]) / (2.0 * mass[-1]), dtype=np.float64)


def _auc(positive: NDArray[np.bool_], score: Array, w: Vector) -> float:
    if not w[positive].sum() > 0 or not w[~positive].sum() > 0:
        return float("nan")
    above, _ = placements(positive, score, w)
    return float(np.average(above, weights=w[positive]))


def precision_steps(positive: NDArray[np.bool_], score: Array, w: Vector) -> tuple[Array, Vector, Vector]:
    """Cut at each distinct score, highest first: (n,) group of each row, (g,) true positives and (g,) rows above."""
    _, group = np.unique(-score, return_inverse=True)
    return group, np.cumsum(np.bincount(group, w * positive)), np.cumsum(np.bincount(group, w))


def _average_precision(positive: NDArray[np.bool_], score: Array, w: Vector) -> float:
    _, found, looked = precision_steps(positive, score, w)
    if not found[-1] > 0:
        return float("nan")
    precision_at = np.divide(found, looked, out=np.zeros_like(found), where=looked > 0)
    return float((np.diff(found, prepend=0.0) * precision_at).sum() / found[-1])


def confusion(y: Vector, label: Array, weight: Vector | None = None, n_classes: int = 2) -> Vector:
    """(n,), (n,) -> (K, K) weighted counts: true class by predicted class."""
    k = max(n_classes, int(y.max(initial=0)) + 1, int(label.max(initial=0)) + 1)
    flat = np.bincount(y.astype(np.int64) * k + label.astype(np.int64), weights=weight, minlength=k * k)
    return np.asarray(flat.reshape(k, k), dtype=np.float64)


def _ratio(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom else float("nan")


def _per_class(y: Vector, label: Array, weight: Vector | None) -> tuple[Vector, Vector, Vector]:
    """Return true positives, predicted and true counts per class seen in ``y`` or ``label``: (K',) each."""
    table = confusion(y, label, weight)
    seen = (table.sum(axis=0) + table.sum(axis=1)) > 0
    return np.diag(table)[seen], table.sum(axis=0)[seen], table.sum(axis=1)[seen]


def accuracy(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Share of rows answered right."""
    return mean((y == label).astype(np.float64), weight)


def balanced_accuracy(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Mean recall over the classes that occur."""
    hit, _, true = _per_class(y, label, weight)
    return float(np.mean(hit[true > 0] / true[true > 0]))


def precision(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Share of predicted positives that are positive."""
    table = confusion(y, label, weight)
    return _ratio(table[1, 1], table[:, 1].sum())


def recall(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Share of positives that are found."""
    table = confusion(y, label, weight)
    return _ratio(table[1, 1], table[1].sum())


def specificity(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Share of negatives left alone."""
    table = confusion(y, label, weight)
    return _ratio(table[0, 0], table[0].sum())


def f1(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Harmonic mean of precision and recall of class 1."""
    table = confusion(y, label, weight)
    return _ratio(2 * table[1, 1], table[1].sum() + table[:, 1].sum())


def macro_f1(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Mean over classes of F1; a class never predicted counts 0."""
    hit, predicted, true = _per_class(y, label, weight)
    return float(np.mean(2 * hit / (predicted + true)))


def macro_precision(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Mean over classes of precision; a class never predicted counts 0."""
    hit, predicted, _ = _per_class(y, label, weight)
    return float(np.mean(np.divide(hit, predicted, out=np.zeros_like(hit), where=predicted > 0)))


def macro_recall(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Mean over classes of recall."""
    return balanced_accuracy(y, label, weight)


def mcc(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Matthews correlation, K classes (Gorodkin 2004)."""
    hit, predicted, true = _per_class(y, label, weight)
    n = true.sum()
    top = hit.sum() * n - (predicted * true).sum()
    return _ratio(top, float(np.sqrt((n**2 - (predicted**2).sum()) * (n**2 - (true**2).sum()))))


def kappa(y: Vector, label: Array, weight: Vector | None = None) -> float:
    """Cohen's kappa: agreement beyond chance."""
    hit, predicted, true = _per_class(y, label, weight)
    n = true.sum()
    chance = (predicted * true).sum() / n**2
    return _ratio(hit.sum() / n - chance, 1 - chance)


def calibration_gaps(y: Vector, p: Array) -> tuple[NDArray[np.int64], Vector]:
    """(n,) bin of the claimed probability (K > 2: of the top class, binary: of class 1), (n,) outcome minus claim."""
    top = p.argmax(axis=1) if p.shape[1] > 2 else np.ones(len(y), dtype=np.int64)
    claim = p[np.arange(len(y)), top]
    return np.minimum((claim * BINS).astype(np.int64), BINS - 1), (y == top) - claim


def calibration_error(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Average gap of claim and outcome over 15 equal-width bins of the claimed probability (ECE, Guo et al. 2017)."""
    w = np.ones(len(y)) if weight is None else weight
    bins, gap = calibration_gaps(y, p)
    return float(np.abs(np.bincount(bins, w * gap, minlength=BINS)).sum() / w.sum())
