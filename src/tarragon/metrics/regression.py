"""Regression metrics, from predicted values (n,); units of the target unless said otherwise."""

import numpy as np

from tarragon.metrics.protocol import Array, Vector, mean


def rmse(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Root of the mean squared error, units of the target."""
    return float(np.sqrt(mean((y - p) ** 2, weight)))


def r2(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Share of the target's variance explained; 0 is the mean's, below 0 is worse than the mean."""
    centre = mean(y, weight)
    spread = mean((y - centre) ** 2, weight)
    return 1.0 - mean((y - p) ** 2, weight) / spread if spread else float("nan")


def mape(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Mean |error| / |y| over rows with y ≠ 0."""
    keep = y != 0
    if not keep.any():
        return float("nan")
    return mean(np.abs((y[keep] - p[keep]) / y[keep]), None if weight is None else weight[keep])


def log_squares(y: Vector, p: Array) -> Vector:
    """(n,), (n,) -> (n,): squared differences of ln(1 + y); NaN where y ≤ −1; predictions are floored at 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        true = np.where(y > -1, np.log1p(y), np.nan)
    return np.asarray((true - np.log1p(np.maximum(p, 0.0))) ** 2, dtype=np.float64)


def rmsle(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Root mean squared difference of ln(1 + y); undefined where any y ≤ −1; predictions are floored at 0."""
    return float(np.sqrt(mean(log_squares(y, p), weight)))


def median_absolute_error(y: Vector, p: Array, weight: Vector | None = None) -> float:
    """Half of the rows are closer than this. Weights are not used."""
    return float(np.median(np.abs(y - p)))
