"""Make probabilities mean what they say, if that is better beyond noise.

Binary: Platt scaling of the log-odds, p' = σ(a·logit p + b) (Platt 1999). More classes: one temperature,
p' ∝ p^(1/T) (Guo et al. 2017). Both are fitted by maximum likelihood on out-of-fold predictions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, softmax

from tarragon.data import Vector
from tarragon.metrics import log_losses, metric, paired

FLOOR = 1e-7  # float32 learners answer exact zeros and ones; their log-odds are kept finite
PARTS = 5
FIT_ROWS = 8_000  # two numbers are known well enough from these
RIDGE = 1e-3  # on distance from the identity: with few rows no map is better than a wild one


@dataclass(frozen=True, slots=True)
class Calibration:
    """Slope and offset of log-odds (binary), or slope 1/T alone; the identity is (1, 0)."""

    slope: float = 1.0
    offset: float = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.slope == 1.0 and self.offset == 0.0

    def apply(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, K) -> (n, K)."""
        if self.is_identity:
            return p
        logs = np.log(np.clip(p, FLOOR, 1.0))
        if p.shape[1] == 2:
            positive = expit(self.slope * (logs[:, 1] - logs[:, 0]) + self.offset)
            return np.column_stack([1.0 - positive, positive])
        return np.asarray(softmax(self.slope * logs, axis=1))


def fit(y: Vector, p: NDArray[np.float64], weight: Vector | None = None) -> Calibration:
    """Fit on (n,) codes and (n, K) probabilities."""
    binary = p.shape[1] == 2
    step = -(-len(y) // FIT_ROWS)
    y, p, weight = y[::step], p[::step], None if weight is None else weight[::step]

    def loss(theta: Vector) -> float:
        calibrated = Calibration(float(theta[0]), float(theta[1]) if binary else 0.0).apply(p)
        penalty = RIDGE * ((theta[0] - 1.0) ** 2 + (theta[1] ** 2 if binary else 0.0))
        return float(np.average(log_losses(y, calibrated), weights=weight) + penalty)

    found = minimize(
        loss, np.array([1.0, 0.0] if binary else [1.0]), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8}
    )
    slope = float(np.clip(found.x[0], 0.05, 20.0))
    return Calibration(slope, float(found.x[1]) if binary else 0.0)


def calibrate(
    y: Vector, p: NDArray[np.float64], weight: Vector | None = None, *, seed: int = 0
) -> tuple[Calibration, str]:
    """Return the calibration worth applying, and why.

    Cross-fitted: each row is judged under a map fitted without it. Kept if log loss gains more than one standard error.
    """
    if p.ndim != 2 or len(y) < 50:
        return Calibration(), "too few rows to calibrate" if p.ndim == 2 else ""
    part = np.random.default_rng(seed).permutation(len(y)) % PARTS
    crossed = np.empty_like(p)
    for k in range(PARTS):
        learn = part != k
        crossed[part == k] = fit(y[learn], p[learn], None if weight is None else weight[learn]).apply(p[part == k])
    gain, low, high = paired(metric("log_loss"), y, crossed, p, weight)
    noise = (high - low) / (2 * 1.96)
    if gain > noise and gain > 0:
        return fit(y, p, weight), f"log loss {gain:.2g} ± {noise:.1g} lower after calibration"
    return Calibration(), f"probabilities are as good as calibrated ones (log loss gain {gain:.2g} ± {noise:.1g})"
