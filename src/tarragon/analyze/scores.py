"""Every metric of the task as a value, its 95 % interval and a sentence with the actual number in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tarragon.analyze.predictive import Judged
from tarragon.analyze.protocol import Score
from tarragon.metrics import Metric, Task, for_task, interval, number

_WHY = {
    "mape": "every true value is 0",
    "rmsle": "a true value is −1 or less",
    "r2": "the target does not vary",
    "precision": "no row is called positive",
    "auc": "only one class occurs among the judged rows",
    "average_precision": "no positive row occurs among the judged rows",
    "mcc": "only one class occurs among the answers or the rows",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """Names a sentence needs.

    Parameters
    ----------
    target : str
        Column name.
    classes : sequence
        Label values; the last is the positive one of binary tasks. Empty for regression.
    """

    target: str
    classes: Sequence[Any] = ()

    @property
    def positive(self) -> str:
        """Text of the positive class."""
        return str(self.classes[-1]) if self.classes else ""


def every_score(task: Task, objective: Metric, rows: Judged, words: Wording, seed: int = 0) -> tuple[Score, ...]:
    """All metrics of the task but the objective."""
    return tuple(one_score(m, rows, words, seed) for m in for_task(task) if m.name != objective.name)


def one_score(metric: Metric, rows: Judged, words: Wording, seed: int = 0) -> Score:
    """One metric with the interval for the sampling of these rows."""
    rows = rows.known()
    value, low, high = interval(metric, rows.y, rows.p, rows.weight, threshold=rows.threshold, seed=seed)
    return as_score(metric, (value, low, high), rows, words)


def as_score(metric: Metric, ends: tuple[float, float, float], rows: Judged, words: Wording) -> Score:
    """Put a value with its interval into words."""
    value, low, high = ends
    if not np.isfinite(value):
        why = _WHY.get(metric.name, "it is not defined on the judged rows")
        sentence = f"{metric.title} cannot be said: {why}."
        return Score(metric.name, metric.title, metric.greater_is_better, None, None, None, len(rows.y), sentence, why)
    told = sentence_of(metric, value, rows, words)
    return Score(metric.name, metric.title, metric.greater_is_better, value, low, high, len(rows.y), told)


def sentence_of(metric: Metric, value: float, rows: Judged, words: Wording) -> str:
    """Say what the number means on these rows."""
    if rows.p.ndim == 1:
        return _about_values(metric, value, rows, words)
    if rows.p.shape[1] == 2:
        return _about_binary(metric, value, rows, words)
    return _about_classes(metric, value, rows, words)


def _hundred(share: float) -> str:
    """Count out of 100, finer where it is nearly all or nothing."""
    count = 100 * share
    return f"{count:.0f}" if 1 <= count <= 99 or count in (0, 100) else f"{count:.1f}"


def _about_binary(metric: Metric, value: float, rows: Judged, words: Wording) -> str:
    yes = f"{words.target} = {words.positive}"
    base = float(np.average(rows.y == 1, weights=rows.weight))
    said = {
        "auc": f"Of a row with {yes} and one without, it ranks the right one higher {_hundred(value)} times of 100.",
        "average_precision": f"Averaged over all recalls, {_hundred(value)} of 100 rows it picks as {yes} are; "
        f"picking at random finds {_hundred(base)}.",
        "recall": f"Of 100 rows with {yes}, it finds {_hundred(value)}.",
        "precision": f"Of 100 rows it calls {words.positive}, {_hundred(value)} are.",
        "specificity": f"Of 100 rows without {yes}, it leaves {_hundred(value)} alone.",
        "f1": f"Precision and recall for {yes} balance at {number(value)} of 1.",
        "brier": f"Its probabilities miss the outcome by {number(float(np.sqrt(value)))} (root mean square); "
        f"always saying {number(base)} misses by {number(float(np.sqrt(base * (1 - base))))}.",
    }
    return said.get(metric.name) or _about_classes(metric, value, rows, words)


def _about_classes(metric: Metric, value: float, rows: Judged, words: Wording) -> str:
    count = rows.p.shape[1]
    said = {
        "auc": f"Telling one class of {words.target} from the rest, it ranks the right row higher "
        f"{_hundred(value)} times of 100, averaged over {count} classes.",
        "log_loss": f"It gives the true class a probability of {number(float(np.exp(-value)))} (geometric mean).",
        "average_precision": f"Averaged over recalls and classes, {_hundred(value)} of 100 rows it picks are right.",
        "brier": f"Its probabilities miss the outcome by {number(float(np.sqrt(value)))} (root mean square).",
        "calibration_error": f"The chances it states are off by {_hundred(value)} in 100 on average.",
        "accuracy": f"Of 100 rows, {_hundred(value)} are answered right.",
        "balanced_accuracy": f"Of 100 rows of each class, {_hundred(value)} are answered right on average.",
        "macro_recall": f"Of 100 rows of each class, {_hundred(value)} are found on average.",
        "macro_precision": f"Of 100 rows it gives to a class, {_hundred(value)} belong there on average.",
        "macro_f1": f"Averaged over {count} classes, precision and recall balance at {number(value)} of 1.",
        "mcc": f"Answer and truth correlate at {number(value)}; guessing gives 0, perfection 1.",
        "kappa": f"It closes {_hundred(value)} of 100 parts of the gap between guessing and perfection.",
    }
    return said.get(metric.name, f"{metric.title} is {number(value)}: {metric.reading}.")


def _about_values(metric: Metric, value: float, rows: Judged, words: Wording) -> str:
    spread = number(float(np.std(rows.y)))
    said = {
        "rmse": f"It misses {words.target} by {number(value)} (root mean square); always saying the mean "
        f"misses by {spread}.",
        "mse": f"Its root, {number(float(np.sqrt(max(value, 0.0))))}, is the typical miss in units of {words.target}.",
        "mae": f"It misses {words.target} by {number(value)} on average.",
        "median_absolute_error": f"Half of the rows are missed by less than {number(value)}.",
        "r2": f"It explains {_hundred(value)} of 100 parts of the variance of {words.target}."
        if value >= 0
        else f"It is worse than always saying the mean of {words.target}.",
        "mape": f"It misses by {_hundred(value)} % of the true value on average.",
        "rmsle": f"It is typically off by a factor of {number(float(np.exp(value)))}.",
    }
    return said.get(metric.name, f"{metric.title} is {number(value)}: {metric.reading}.")
