"""Columns and values brought to one scale for stochastic steps, and the scale folded into the weights afterwards.

Mean and spread are those of the first rows (``num_point_for_scaler``); what varies in none of them keeps its unit.
Sparse rows are not centred, for that would fill them, unless it is asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.data import Tabular

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Reduce = Callable[[Mapping[str, NDArray[Any]]], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; None leaves it to the data: dense columns are centred, values of a regression scaled."""

    normalize_data: bool | None
    normalize_label: bool | None
    unbias_data: bool | None
    unbias_label: bool | None


@dataclass(frozen=True, slots=True)
class Scaler:
    """How a row is seen: (x - shift) · inverse, and its target (y - y_shift) / y_scale.

    Parameters
    ----------
    shift, inverse : ndarray of shape (d,), float32
    varies : ndarray of shape (d,), bool
        Whether the column takes more than one value among the first rows.
    y_shift, y_scale : float
    centred : bool
        Whether any shift is to be taken off.
    """

    shift: Floats
    inverse: Floats
    varies: NDArray[np.bool_]
    y_shift: float
    y_scale: float
    centred: bool

    @classmethod
    def learn(cls, sample: Tabular, wish: Wish, reduce: Reduce, *, regression: bool) -> "Scaler":
        """Learn from the first rows of every host.

        Parameters
        ----------
        sample : Tabular
        wish : Wish
        reduce : callable
            Sums arrays over hosts; called twice.
        regression : bool
            Whether there is a value to scale; class codes are left alone.
        """
        X, y = sample.X, sample.y
        assert y is not None
        n = np.array([sample.n_rows, y.sum()])
        found = reduce({"n": n, "sum": _columns(X, lambda part: part)})
        count, y_mean = float(found["n"][0]), float(found["n"][1] / found["n"][0])
        mean = np.asarray(found["sum"], np.float64) / count
        again = reduce({"n": np.array([((y - y_mean) ** 2).sum()]), "squares": _spread(X, mean)})
        spread = np.sqrt(np.maximum(again["squares"], 0.0) / count)
        y_spread = float(np.sqrt(again["n"][0] / count))
        varies = spread > 1e-7 * np.abs(mean) + 1e-30  # below it is rounding
        normalize = wish.normalize_data is not False
        centred = not sp.issparse(X) if wish.unbias_data is None else wish.unbias_data
        scale_y = regression if wish.normalize_label is None else wish.normalize_label and regression
        shift_y = regression and (scale_y if wish.unbias_label is None else wish.unbias_label)
        one = np.ones_like(spread)
        return cls(
            (mean * centred).astype(np.float32),
            (1.0 / np.where(varies, spread, one) if normalize else one).astype(np.float32),
            varies,
            y_mean if shift_y else 0.0,
            y_spread if scale_y and y_spread > 0 else 1.0,
            bool(centred),
        )

    def apply(self, X: "Floats | sp.csr_matrix") -> "Floats | sp.csr_matrix":
        """See rows as the method does, (n, d); sparse ones stay so unless they are centred."""
        if sp.issparse(X):
            if self.centred:
                X = np.asarray(X.toarray(), np.float32)
            else:
                return sp.csr_matrix((X.data * self.inverse[X.indices], X.indices, X.indptr), shape=X.shape)
        if not self.centred:
            return np.asarray(X * self.inverse)
        Z = X - self.shift
        Z *= self.inverse
        return Z

    def target(self, y: Numbers) -> Floats:
        """See targets as the method does, (n,)."""
        return np.asarray((y - self.y_shift) / self.y_scale, np.float32)

    def fold(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Return weights (K, d) and biases (K,) for raw rows and raw targets, from (d, K) and (K,)."""
        raw = (weights.T.astype(np.float64) * self.inverse * self.y_scale).astype(np.float32)
        moved = raw.astype(np.float64) @ self.shift.astype(np.float64)
        return raw, (bias.astype(np.float64) * self.y_scale + self.y_shift - moved).astype(np.float32)


def _columns(X: "Floats | sp.csr_matrix", of: Callable[[Any], Any]) -> Numbers:
    """Sum a function of the cells over the rows, (d,)."""
    if sp.issparse(X):
        return np.asarray(np.bincount(X.indices, of(X.data.astype(np.float64)), X.shape[1]), np.float64)
    return np.asarray(of(X.astype(np.float64)).sum(axis=0))


def _spread(X: "Floats | sp.csr_matrix", mean: Numbers) -> Numbers:
    """Sum squared distances from the mean, (d,); cells that a sparse table leaves out are zeros."""
    if not sp.issparse(X):
        return np.asarray(((X - mean) ** 2).sum(axis=0))
    squares = np.bincount(X.indices, weights=(X.data - mean[X.indices]) ** 2, minlength=X.shape[1])
    filled = np.bincount(X.indices, minlength=X.shape[1])
    return np.asarray(squares + (X.shape[0] - filled) * mean**2)
