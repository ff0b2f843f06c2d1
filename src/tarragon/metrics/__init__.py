"""Metrics, how sure a score is, and how two models compare on the same rows. Shared by every stage."""

from tarragon.metrics.catalogue import DEFAULT, METRICS, for_task, metric
from tarragon.metrics.classification import (
    TINY,
    accuracy,
    auc,
    average_precision,
    balanced_accuracy,
    brier_losses,
    calibration_error,
    confusion,
    f1,
    kappa,
    log_losses,
    macro_f1,
    macro_precision,
    macro_recall,
    mcc,
    precision,
    recall,
    specificity,
)
from tarragon.metrics.compare import influence, interval, judged, paired, standard_error, wilson
from tarragon.metrics.protocol import TASKS, Array, Metric, Task, Vector, labels
from tarragon.metrics.regression import mape, median_absolute_error, r2, rmse, rmsle
from tarragon.metrics.wording import number

__all__ = [
    "DEFAULT", "METRICS", "TASKS", "TINY", "Array", "Metric", "Task", "Vector",
    "accuracy", "auc", "average_precision", "balanced_accuracy", "brier_losses", "calibration_error", "confusion", "f1",
    "for_task", "influence", "interval", "judged", "kappa", "labels", "log_losses", "macro_f1", "macro_precision",
    "macro_recall", "mape", "mcc", "median_absolute_error", "metric", "number", "paired", "precision", "r2", "recall",
    "rmse", "rmsle", "specificity", "standard_error", "wilson",
]  # fmt: skip
