"""The metrics there are, and how to find one by the names users and SageMaker give it."""

import numpy as np

from tarragon.errors import ParameterError, near_miss
from tarragon.metrics import classification as c
from tarragon.metrics import regression as r
from tarragon.metrics.protocol import Array, Metric, Task, Vector, mean

_CLASS: tuple[Task, ...] = ("binary", "multiclass")
_BINARY: tuple[Task, ...] = ("binary",)
_MULTI: tuple[Task, ...] = ("multiclass",)
_VALUE: tuple[Task, ...] = ("regression",)


def _right(y: Vector, label: Array) -> Vector:
    return np.asarray((y == label), dtype=np.float64)


METRICS: tuple[Metric, ...] = (
    Metric(
        "auc",
        "ROC AUC",
        _CLASS,
        True,
        "probability",
        c.auc,
        "the chance that a positive row is ranked above a negative one",
        aliases=("roc_auc", "AUC", "validation:auc"),
    ),
    Metric(
        "log_loss",
        "Log loss",
        _CLASS,
        False,
        "probability",
        lambda y, p, w: mean(c.log_losses(y, p), w),
        "the average surprise at the true class; 0 is perfect",
        c.log_losses,
        aliases=("logloss", "neg_log_loss", "cross_entropy", "LogLoss", "validation:logloss", "validation:mlogloss"),
    ),
    Metric(
        "average_precision",
        "Average precision",
        _CLASS,
        True,
        "probability",
        c.average_precision,
        "precision averaged over all recalls; chance level is the share of positives",
        aliases=("ap", "pr_auc", "aucpr"),
    ),
    Metric(
        "brier",
        "Brier score",
        _CLASS,
        False,
        "probability",
        lambda y, p, w: mean(c.brier_losses(y, p), w),
        "mean squared distance between probability and outcome; 0 is perfect",
        c.brier_losses,
        aliases=("brier_score",),
    ),
    Metric(
        "calibration_error",
        "Calibration error",
        _CLASS,
        False,
        "probability",
        c.calibration_error,
        "how far probabilities are from observed shares, on average",
        aliases=("ece",),
    ),
    Metric(
        "accuracy",
        "Accuracy",
        _CLASS,
        True,
        "label",
        c.accuracy,
        "the share of rows answered right",
        _right,
        aliases=("acc", "Accuracy"),
    ),
    Metric(
        "balanced_accuracy",
        "Balanced accuracy",
        _CLASS,
        True,
        "label",
        c.balanced_accuracy,
        "recall averaged over classes, so rare classes count as much as common ones",
        aliases=("BalancedAccuracy",),
    ),
    Metric("f1", "F1", _BINARY, True, "label", c.f1, "the harmonic mean of precision and recall", aliases=("F1",)),
    Metric(
        "precision",
        "Precision",
        _BINARY,
        True,
        "label",
        c.precision,
        "of the rows called positive, the share that are",
        aliases=("Precision",),
    ),
    Metric(
        "recall",
        "Recall",
        _BINARY,
        True,
        "label",
        c.recall,
        "of the positive rows, the share that are found",
        aliases=("Recall", "sensitivity", "tpr"),
    ),
    Metric(
        "specificity",
        "Specificity",
        _BINARY,
        True,
        "label",
        c.specificity,
        "of the negative rows, the share left alone",
        aliases=("tnr",),
    ),
    Metric(
        "macro_f1",
        "Macro F1",
        _MULTI,
        True,
        "label",
        c.macro_f1,
        "F1 averaged over classes",
        aliases=("f1_macro", "F1macro"),
    ),
    Metric(
        "macro_precision",
        "Macro precision",
        _MULTI,
        True,
        "label",
        c.macro_precision,
        "precision averaged over classes",
        aliases=("precision_macro", "PrecisionMacro"),
    ),
    Metric(
        "macro_recall",
        "Macro recall",
        _MULTI,
        True,
        "label",
        c.macro_recall,
        "recall averaged over classes",
        aliases=("recall_macro", "RecallMacro"),
    ),
    Metric(
        "mcc",
        "Matthews correlation",
        _CLASS,
        True,
        "label",
        c.mcc,
        "correlation of answer and truth; 0 is chance, 1 is perfect",
        aliases=("matthews",),
    ),
    Metric(
        "kappa", "Cohen's kappa", _CLASS, True, "label", c.kappa, "agreement beyond chance; 0 is chance, 1 is perfect"
    ),
    Metric(
        "rmse",
        "RMSE",
        _VALUE,
        False,
        "value",
        r.rmse,
        "the typical error in units of the target, large errors counting more",
        lambda y, p: np.asarray((y - p) ** 2),
        lambda m: float(np.sqrt(m)),
        aliases=("RMSE", "validation:rmse"),
    ),
    Metric(
        "mae",
        "MAE",
        _VALUE,
        False,
        "value",
        lambda y, p, w: mean(np.abs(y - p), w),
        "the average error in units of the target",
        lambda y, p: np.asarray(np.abs(y - p)),
        aliases=("MAE",),
    ),
    Metric(
        "mse",
        "MSE",
        _VALUE,
        False,
        "value",
        lambda y, p, w: mean((y - p) ** 2, w),
        "the average squared error",
        lambda y, p: np.asarray((y - p) ** 2),
        aliases=("MSE",),
    ),
    Metric(
        "median_absolute_error",
        "Median absolute error",
        _VALUE,
        False,
        "value",
        r.median_absolute_error,
        "half of the rows are closer than this",
        aliases=("medae",),
    ),
    Metric("r2", "R²", _VALUE, True, "value", r.r2, "the share of the target's variance explained", aliases=("R2",)),
    Metric(
        "mape",
        "MAPE",
        _VALUE,
        False,
        "value",
        r.mape,
        "the average error as a share of the true value",
        aliases=("MAPE",),
    ),
    Metric(
        "rmsle",
        "RMSLE",
        _VALUE,
        False,
        "value",
        r.rmsle,
        "the typical error on a logarithmic scale",
        r.log_squares,
        lambda m: float(np.sqrt(m)),
    ),
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
