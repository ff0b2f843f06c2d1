"""Losses of linear models: what each score costs, and the slope, for many models in one go.

Notation: n rows, M models, K classes; scores z are (n, M), or (n, K, M) for softmax; targets y are (n,).

Binary targets are 0 and 1. Values of a regression are in whatever unit the caller works in: margins (δ, ε) are in the
same unit.
Source: Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, ch. 10.6; Koenker & Bassett (1978)
        for quantiles; Vapnik (1995) for ε-insensitive losses.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
BINARY = ("logistic", "hinge_loss")
SEVERAL = ("softmax_loss",)
VALUES = (
    "squared_loss", "absolute_loss", "eps_insensitive_squared_loss", "eps_insensitive_absolute_loss", "quantile_loss",
    "huber_loss",
)  # fmt: skip
OBJECTIVES = {
    "logistic": "binary_classification_cross_entropy_objective", "hinge_loss": "binary_classification_hinge_objective",
    "softmax_loss": "multiclass_cross_entropy_objective", "squared_loss": "mse_objective",
}  # fmt: skip
SQUARES = ("squared_loss", "eps_insensitive_squared_loss", "huber_loss")  # their unit is that of y squared


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss with its constants.

    Parameters
    ----------
    name : str
        As SageMaker spells it.
    margin : float
        Of hinge_loss: scores beyond it, on the right side, cost nothing.
    insensitivity : float
        ε of the ε-insensitive losses.
    quantile : float in (0, 1)
    delta : float
        Of huber_loss: errors beyond it count linearly.
    """

    name: str
    margin: float = 1.0
    insensitivity: float = 0.01
    quantile: float = 0.5
    delta: float = 1.0

    @property
    def objective(self) -> str:
        """The name under which it is logged; those of rarer losses are not published, and end alike."""
        return OBJECTIVES.get(self.name, f"{self.name}_objective")

    def unit(self, scale: float) -> float:
        """Return what a cost of targets divided by ``scale`` is to be multiplied with."""
        return scale * scale if self.name in SQUARES else scale if self.name in VALUES else 1.0

    def __call__(self, z: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return costs (n, M) and slopes of the shape of ``z``; ``z`` may be used up."""
        if self.name == "softmax_loss":
            return _softmax(z, y.astype(np.int64))
        if self.name == "logistic":
            return _logistic(z, y[:, None])
        if self.name == "hinge_loss":
            sign = (2 * y - 1)[:, None]
            gap = self.margin - sign * z
            return np.maximum(gap, 0), np.where(gap > 0, -sign, np.float32(0))
        return self._values(z - y[:, None])

    def _values(self, error: Floats) -> tuple[Floats, Floats]:
        """Return costs and slopes of errors, score minus target."""
        size = np.abs(error)
        if self.name == "squared_loss":
            return error * error, 2 * error
        if self.name == "absolute_loss":
            return size, np.sign(error)
        if self.name == "quantile_loss":
            q = np.float32(self.quantile)
            over = error > 0
            return np.where(over, (1 - q) * error, -q * error), np.where(over, 1 - q, -q) * (size > 0)
        if self.name == "huber_loss":
            d = np.float32(max(self.delta, 1e-6))
            return np.where(size <= d, error * error / 2, d * (size - d / 2)), np.clip(error, -d, d)
        beyond = np.maximum(size - np.float32(self.insensitivity), 0)
        sign = np.sign(error)
        if self.name == "eps_insensitive_absolute_loss":
            return beyond, sign * (beyond > 0)
        return beyond * beyond, 2 * beyond * sign


def _logistic(z: Floats, y: Floats) -> tuple[Floats, Floats]:
    small = np.abs(z)
    np.negative(small, out=small)
    np.exp(small, out=small)  # e^-|z|, never too large
    cost = np.maximum(z, 0)
    cost -= z * y
    slope = np.where(z >= 0, np.float32(1), small)
    small += 1
    slope /= small
    cost += np.log(small, out=small)
    slope -= y
    return cost, slope


def _softmax(z: Floats, y: NDArray[np.int64]) -> tuple[Floats, Floats]:
    z -= z.max(axis=1, keepdims=True)
    rows = np.arange(len(y))
    own = z[rows, y]
    np.exp(z, out=z)
    total = z.sum(axis=1, keepdims=True)
    z /= total
    z[rows, y] -= 1
    return np.log(total[:, 0]) - own, z


def probability(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn scores of a logistic or softmax model, (n,) or (n, K), into probabilities of the same shape."""
    if z.ndim == 1:
        small = np.exp(-np.abs(z))
        return np.asarray(np.where(z >= 0, 1.0, small) / (1.0 + small))
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
