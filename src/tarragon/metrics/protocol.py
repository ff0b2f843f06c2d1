"""What a metric is: name, direction, what it needs, and the function.

Notation: n rows, K classes. ``y`` is (n,) class codes 0…K-1 or (n,) values; ``p`` is (n, K) class
probabilities, or (n,) predicted values for regression; ``label`` is (n,) predicted codes; ``weight`` is
(n,) or None. Binary metrics treat class 1 as positive.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Array = NDArray[Any]
Task = Literal["binary", "multiclass", "regression"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


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

    def losses(self, y: Vector, p: Array, *, threshold: float | None = None) -> Vector | None:
        """(n,) row values whose mean is the metric (before ``finish``); None where it is no such mean."""
        return None if self.rowwise is None else self.rowwise(y, self.view(p, threshold))


def labels(p: Array, threshold: float | None = None) -> Array:
    """(n, K) probabilities -> (n,) codes; ``threshold`` is for class 1 of binary tasks (default 0.5)."""
    if p.ndim == 1:
        return p
    if p.shape[1] == 2:
        return (p[:, 1] >= (0.5 if threshold is None else threshold)).astype(np.int64)
    return np.asarray(p.argmax(axis=1))


def mean(values: Vector, weight: Vector | None) -> float:
    """(n,) -> the weighted mean."""
    return float(np.average(values, weights=weight))
