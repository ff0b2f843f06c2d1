"""The probability from which the positive class is answered, when the objective judges answers."""

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Vector
from tarragon.metrics import Metric

CANDIDATES = 200


def choose_threshold(metric: Metric, y: Vector, p: NDArray[np.float64], weight: Vector | None = None) -> float:
    """Return the threshold with the best objective on (n,) codes and (n, 2) probabilities; 0.5 if it needs none.

    Candidates are quantiles of the predicted probabilities and 0.5; among equals the one closest to 0.5 wins.
    """
    if metric.needs != "label" or p.ndim != 2 or p.shape[1] != 2:
        return 0.5
    candidates = np.unique(np.append(np.quantile(p[:, 1], np.linspace(0.005, 0.995, CANDIDATES)), 0.5))
    scores = [metric.utility(metric.score(y, p, weight, threshold=float(t))) for t in candidates]
    filled = np.nan_to_num(np.asarray(scores), nan=-np.inf)
    best = np.flatnonzero(filled >= filled.max() - 1e-12)
    return float(candidates[best[np.argmin(np.abs(candidates[best] - 0.5))]])
