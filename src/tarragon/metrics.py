"""Metrics: name, direction, what they need, and the function; shared by every stage.

Notation: n rows, K classes. ``y`` is (n,) class codes 0…K-1 or (n,) values; ``p`` is (n, K) class
probabilities, or (n,) predicted values for regression; ``label`` is (n,) predicted codes; ``weight`` is
(n,) or None. Binary metrics treat class 1 as positive.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import ParameterError, near_miss

Vector = NDArray[np.float64]
Array = NDArray[Any]
Task = Literal["binary", "multiclass", "regression"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
TINY = 1e-15  # probabilities are clipped here before a logarithm, as scikit-learn does for float64


@dataclass(frozen=True, slots=True)
class Metric:
    """A way to judge predictions.

    Parameters
    ----------
    name : str
        One word per idea across code, command line, pages and docs.
    title : str
        As a reader would write it.
    tasks : tuple of str
    greater_is_better : bool
    needs : {"probability", "label", "value"}
        What ``function`` takes as its second argument.
    function : callable
        (y, what it needs, weight) -> float; NaN where it is undefined.
    reading : str
        One plain sentence on what the number means.
    rowwise : callable or None
        (y, what it needs) -> (n,) losses whose mean (then ``finish``) is the metric; for paired tests and slices.
    finish : callable or None
        Applied to the mean of ``rowwise`` (a square root for RMSE).
    aliases : tuple of str
        Other names users and SageMaker give it.
    """

    name: str
    title: str
    tasks: tuple[Task, ...]
    greater_is_better: bool
    needs: Literal["probability", "label", "value"]
    function: Callable[[Vector, Array, Vector | None], float]
    reading: str
    rowwise: Callable[[Vector, Array], Vector] | None = None
    finish: Callable[[float], float] | None = None
    aliases: tuple[str, ...] = ()

    def score(self, y: Vector, p: Array, weight: Vector | None = None, *, threshold: float | None = None) -> float:
        """Judge probabilities (n, K) or values (n,) in units of the metric. NaN where undefined."""
        return float(self.function(y, self.view(p, threshold), weight))

    def view(self, p: Array, threshold: float | None = None) -> Array:
        """Turn probabilities into what the function needs."""
        return labels(p, threshold) if self.needs == "label" else p

    def utility(self, score: float) -> float:
        """Turn a score so that greater is better."""
        return score if self.greater_is_better else -score

    def losses(self, y: Vector, p: Array) -> Vector | None:
        """(n,) losses, where the metric is a mean over rows; None where it is not."""
        return None if self.rowwise is None else self.rowwise(y, self.view(p))


def labels(p: Array, threshold: float | None = None) -> Array:
    """(n, K) probabilities -> (n,) codes; ``threshold`` is for class 1 of binary tasks (default 0.5)."""
    if p.ndim == 1:
        return p
    if p.shape[1] == 2:
        return (p[:, 1] >= (0.5 if threshold is None else threshold)).astype(np.int64)
    return p.argmax(axis=1)


def _mean(values: Vector, weight: Vector | None) -> float:
    return float(np.average(values, weights=weight))


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

    Unweighted it is the Mann–Whitney statistic on average ranks (Hanley & McNeil 1982); ties count half.
    """
    if p.shape[1] > 2:
        parts = [_auc(y == k, p[:, k], weight) for k in range(p.shape[1]) if np.any(y == k)]
        return float(np.mean(parts)) if parts else float("nan")
    return _auc(y == 1, p[:, 1], weight)


def _auc(positive: NDArray[np.bool_], score: Array, weight: Vector | None) -> float:
    n_pos = int(positive.sum())
    n_neg = len(positive) - n_pos
    if n_pos == 0 or n_neg == 0:
        return float("nan")
    if weight is not None:
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(positive, score, sample_weight=weight))
    from scipy.stats import rankdata

    ranks = rankdata(score)
    return float((ranks[positive].sum() - n_pos * (n_pos + 1) / 2.0) / (n_pos * n_neg))


def average_precision(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Area under the precision–recall curve as a step function; for K > 2 the mean over classes."""
    from sklearn.metrics import average_precision_score

    if p.shape[1] == 2:
        if not np.any(y == 1):
            return float("nan")
        return float(average_precision_score(y == 1, p[:, 1], sample_weight=weight))
    parts = [average_precision_score(y == k, p[:, k], sample_weight=weight) for k in range(p.shape[1]) if np.any(y == k)]
    return float(np.mean(parts))


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
    return _mean((y == label).astype(np.float64), weight)


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


def calibration_error(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Expected calibration error: 15 equal-width bins of the top probability (Guo et al. 2017)."""
    top = p.argmax(axis=1) if p.shape[1] > 2 else np.ones(len(y), dtype=np.int64)
    confidence = p[np.arange(len(y)), top]
    right = (y == top).astype(np.float64)
    w = np.ones(len(y)) if weight is None else weight
    bins = np.minimum((confidence * 15).astype(np.int64), 14)
    gap = np.abs(np.bincount(bins, w * (right - confidence), minlength=15))
    return float(gap.sum() / w.sum())


def rmse(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Root of the mean squared error, units of the target."""
    return float(np.sqrt(_mean((y - p) ** 2, weight)))


def r2(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Share of the target's variance explained; 0 is the mean's, below 0 is worse than the mean."""
    centre = np.average(y, weights=weight)
    return 1.0 - _ratio(_mean((y - p) ** 2, weight), _mean((y - centre) ** 2, weight))


def mape(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Mean |error| / |y| over rows with y ≠ 0."""
    keep = y != 0
    if not keep.any():
        return float("nan")
    return _mean(np.abs((y[keep] - p[keep]) / y[keep]), None if weight is None else weight[keep])


def rmsle(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Root mean squared difference of ln(1 + y); undefined where y ≤ −1; predictions are floored at 0."""
    if (y <= -1).any():
        return float("nan")
    return rmse(np.log1p(y), np.log1p(np.maximum(p, 0.0)), weight)


def median_absolute_error(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Half of the rows are closer than this. Weights are not used."""
    return float(np.median(np.abs(y - p)))


_CLASS: tuple[Task, ...] = ("binary", "multiclass")
_BINARY: tuple[Task, ...] = ("binary",)
_MULTI: tuple[Task, ...] = ("multiclass",)
_VALUE: tuple[Task, ...] = ("regression",)


def _right(y: Vector, label: Array) -> Vector:
    return np.asarray((y == label), dtype=np.float64)


METRICS: tuple[Metric, ...] = (
    Metric("auc", "ROC AUC", _CLASS, True, "probability", auc,
           "the chance that a positive row is ranked above a negative one", aliases=("roc_auc", "AUC", "validation:auc")),
    Metric("log_loss", "Log loss", _CLASS, False, "probability", lambda y, p, w: _mean(log_losses(y, p), w),
           "the average surprise at the true class; 0 is perfect", log_losses,
           aliases=("logloss", "neg_log_loss", "cross_entropy", "LogLoss", "validation:logloss", "validation:mlogloss")),
    Metric("average_precision", "Average precision", _CLASS, True, "probability", average_precision,
           "precision averaged over all recalls; chance level is the share of positives", aliases=("ap", "pr_auc", "aucpr")),
    Metric("brier", "Brier score", _CLASS, False, "probability", lambda y, p, w: _mean(brier_losses(y, p), w),
           "mean squared distance between probability and outcome; 0 is perfect", brier_losses, aliases=("brier_score",)),
    Metric("calibration_error", "Calibration error", _CLASS, False, "probability", calibration_error,
           "how far probabilities are from observed shares, on average", aliases=("ece",)),
    Metric("accuracy", "Accuracy", _CLASS, True, "label", accuracy,
           "the share of rows answered right", _right, aliases=("acc", "Accuracy")),
    Metric("balanced_accuracy", "Balanced accuracy", _CLASS, True, "label", balanced_accuracy,
           "recall averaged over classes, so rare classes count as much as common ones", aliases=("BalancedAccuracy",)),
    Metric("f1", "F1", _BINARY, True, "label", f1,
           "the harmonic mean of precision and recall", aliases=("F1",)),
    Metric("precision", "Precision", _BINARY, True, "label", precision,
           "of the rows called positive, the share that are", aliases=("Precision",)),
    Metric("recall", "Recall", _BINARY, True, "label", recall,
           "of the positive rows, the share that are found", aliases=("Recall", "sensitivity", "tpr")),
    Metric("specificity", "Specificity", _BINARY, True, "label", specificity,
           "of the negative rows, the share left alone", aliases=("tnr",)),
    Metric("macro_f1", "Macro F1", _MULTI, True, "label", macro_f1,
           "F1 averaged over classes", aliases=("f1_macro", "F1macro")),
    Metric("macro_precision", "Macro precision", _MULTI, True, "label", macro_precision,
           "precision averaged over classes", aliases=("precision_macro", "PrecisionMacro")),
    Metric("macro_recall", "Macro recall", _MULTI, True, "label", macro_recall,
           "recall averaged over classes", aliases=("recall_macro", "RecallMacro")),
    Metric("mcc", "Matthews correlation", _CLASS, True, "label", mcc,
           "correlation of answer and truth; 0 is chance, 1 is perfect", aliases=("matthews",)),
    Metric("kappa", "Cohen's kappa", _CLASS, True, "label", kappa,
           "agreement beyond chance; 0 is chance, 1 is perfect"),
    Metric("rmse", "RMSE", _VALUE, False, "value", rmse,
           "the typical error in units of the target, large errors counting more",
           lambda y, p: np.asarray((y - p) ** 2), lambda m: float(np.sqrt(m)), aliases=("RMSE", "validation:rmse")),
    Metric("mae", "MAE", _VALUE, False, "value", lambda y, p, w: _mean(np.abs(y - p), w),
           "the average error in units of the target", lambda y, p: np.asarray(np.abs(y - p)), aliases=("MAE",)),
    Metric("mse", "MSE", _VALUE, False, "value", lambda y, p, w: _mean((y - p) ** 2, w),
           "the average squared error", lambda y, p: np.asarray((y - p) ** 2), aliases=("MSE",)),
    Metric("median_absolute_error", "Median absolute error", _VALUE, False, "value", median_absolute_error,
           "half of the rows are closer than this", aliases=("medae",)),
    Metric("r2", "R²", _VALUE, True, "value", r2,
           "the share of the target's variance explained", aliases=("R2",)),
    Metric("mape", "MAPE", _VALUE, False, "value", mape,
           "the average error as a share of the true value", aliases=("MAPE",)),
    Metric("rmsle", "RMSLE", _VALUE, False, "value", rmsle,
           "the typical error on a logarithmic scale"),
)
DEFAULT: dict[Task, str] = {"binary": "auc", "multiclass": "log_loss", "regression": "rmse"}


def metric(name: str, task: Task | None = None) -> Metric:
    """Find a metric by name or alias.

    Raises
    ------
    ParameterError
        If there is none, or none for the task.

    Examples
    --------
    >>> metric("logloss").name
    'log_loss'
    """
    wanted = name.strip()
    for m in METRICS:
        if wanted.lower() in {m.name, *(a.lower() for a in m.aliases)}:
            if task is not None and task not in m.tasks:
                break
            return m
    for_task = [m.name for m in METRICS if task is None or task in m.tasks]
    raise ParameterError(
        f"Unknown metric {name!r}" + (f" for a {task} task" if task else ""),
        why=f"Metrics here are {', '.join(for_task)}",
        fix=near_miss(wanted.lower(), for_task),
    )


def for_task(task: Task) -> tuple[Metric, ...]:
    """All metrics of a task, the default objective first."""
    return tuple(sorted((m for m in METRICS if task in m.tasks), key=lambda m: m.name != DEFAULT[task]))
