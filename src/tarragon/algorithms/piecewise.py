"""Piecewise-linear encoding: a number becomes how far it fills each of a few quantile bins.

Idea:   a network reads one smooth number poorly where effects bend; given the filled share of each bin, one linear
        layer can draw any line with corners at the quantiles.
Source: Gorishniy, Rubachev & Babenko (2022), On embeddings for numerical features in tabular deep learning, NeurIPS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.weights import Weights, broken
from tarragon.data import Matrix

FEW_VALUES = 4  # columns with fewer distinct quantiles are left as they are
REACH = 3.0  # bins' widths to which the outer bins go on beyond what was seen


@dataclass(frozen=True, slots=True, eq=False)
class Piecewise:
    """Bins of columns.

    Parameters
    ----------
    column : ndarray of shape (bins,), int64
        The column a bin belongs to.
    low, width : ndarray of shape (bins,), float32
    first, last : ndarray of shape (bins,), bool
        The outer bins, which go on in a straight line.
    n_features : int
    """

    column: NDArray[np.int64]
    low: Matrix
    width: Matrix
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]
    n_features: int

    @classmethod
    def learn(cls, X: Matrix, bins: int) -> "Piecewise":
        """Cut each column at quantiles; 0 bins: none."""
        column, low, width, first, last = [], [], [], [], []
        levels = np.linspace(0.0, 1.0, bins + 1)
        for j in range(X.shape[1] if bins else 0):
            edges = np.unique(np.quantile(X[:, j], levels).astype(np.float32))
            if len(edges) < FEW_VALUES:
                continue
            n = len(edges) - 1
            column += [j] * n
            low += edges[:-1].tolist()
            width += np.diff(edges).tolist()
            first += [i == 0 for i in range(n)]
            last += [i == n - 1 for i in range(n)]
        return cls(
            np.array(column, dtype=np.int64), np.array(low, dtype=np.float32), np.array(width, dtype=np.float32),
            np.array(first, dtype=bool), np.array(last, dtype=bool), X.shape[1],
        )  # fmt: skip

    @property
    def width_out(self) -> int:
        """Columns after encoding."""
        return self.n_features + len(self.column)

    def encode(self, X: Matrix) -> Matrix:
        """(n, d) -> (n, d + bins): the columns, then the filled share of each bin."""
        if len(self.column) == 0:
            return X
        share = (X[:, self.column] - self.low) / self.width
        np.clip(share, np.where(self.first, -REACH, 0.0), np.where(self.last, 1.0 + REACH, 1.0), out=share)
        return np.hstack([X, share])

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Return what :meth:`of` needs, by name."""
        return {
            "bin_column": self.column, "bin_low": self.low, "bin_width": self.width,
            "bin_first": self.first.astype(np.uint8), "bin_last": self.last.astype(np.uint8),
        }  # fmt: skip

    @classmethod
    def read(cls, found: Weights, n_features: int) -> "Piecewise":
        """Make what :meth:`arrays` gave. Raises ``IntegrityError``."""
        column = found.get("bin_column", "i", (-1,))
        size = column.shape
        if n_features < 1 or (len(column) and (column.min() < 0 or column.max() >= n_features)):
            raise broken("a bin belongs to a column that is not there")
        low, width = found.get("bin_low", "f", size), found.get("bin_width", "f", size)
        first, last = found.get("bin_first", "u", size), found.get("bin_last", "u", size)
        return cls(column, low, width, first.astype(bool), last.astype(bool), n_features)
