"""Exact nearest rows by blocks of matrix products, in a space that may stretch what separates classes.

Source: the stretched space is the metric of Hastie & Tibshirani (1996), Discriminant adaptive nearest neighbor
classification, IEEE Transactions on Pattern Analysis 18, doi:10.1109/34.506411, taken once for all rows.
Cost:   O(m·n·r) for m queries; 16 MB of distances per block.

Notation: n rows, d columns handed in, r directions measured, W and B covariance within and between classes.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.target import Dense
from tarragon.data import Index, Matrix

Floats: TypeAlias = NDArray[np.floating[Any]]

BLOCK_CELLS = 4_000_000  # distances per block: 16 MB
SLACK = 8  # candidates beyond k that are measured exactly, for float32 may swap near ties
GROUP = 16
RIDGE = 0.05  # share of W's mean variance added to it: no direction is ever stretched without end
FLOORS = (np.inf, 0.3, 0.02)  # ε of the paper in units of the best separation; inf: only W counts
MOST_COLUMNS = 1_000  # an eigendecomposition of more takes longer than the search


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Rows that can be asked which of them are nearest.

    Parameters
    ----------
    rows : ndarray of shape (n, r), float32
        As placed by :meth:`place`.
    centre : ndarray of shape (d,), float32
        Subtracted first: distances about the origin lose less to rounding.
    space : ndarray of shape (d, r), float32, or (0, 0)
        Directions; (0, 0): the columns themselves.
    metric : {"L2", "L1", "COSINE"}
    square : ndarray of shape (n,), float32
        Squared length of each row.
    """

    rows: Matrix
    centre: Matrix
    space: Matrix
    metric: str
    square: Matrix

    @classmethod
    def of(cls, X: Matrix, space: Matrix, metric: str) -> "Neighbours":
        """Place training rows."""
        empty = cls.placed(X[:0], X.mean(axis=0, dtype=np.float64), space, metric)
        return cls.placed(empty.place(X), empty.centre, space, metric)

    @classmethod
    def placed(cls, rows: Floats, centre: Floats, space: Floats, metric: str) -> "Neighbours":
        """Take rows that were placed before."""
        rows, centre, space = (np.ascontiguousarray(a, dtype=np.float32) for a in (rows, centre, space))
        return cls(rows, centre, space, metric, np.einsum("ij,ij->i", rows, rows))

    @property
    def n_features(self) -> int:
        """D."""
        return len(self.centre)

    def place(self, X: Matrix) -> Matrix:
        """(n, d) -> (n, r) where distances are measured: for cosine on the unit sphere."""
        if self.metric == "COSINE":
            length = np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))[:, None]
            return np.asarray(X / np.where(length > 0.0, length, 1.0), dtype=np.float32)
        moved = X - self.centre
        # One row at a time in the order of its columns, so that a row is placed alike alone and among others.
        return moved if self.space.size == 0 else np.einsum("ij,jk->ik", moved, self.space)

    def search(self, Q: Matrix, k: int) -> tuple[Index, Dense]:
        """(m, r) placed queries -> (m, k) rows and distances, nearest first; equally near ones in training order."""
        X, n = self.rows, len(self.rows)
        near, distance = np.empty((len(Q), k), dtype=np.int64), np.empty((len(Q), k))
        step = max(1, BLOCK_CELLS // n)
        for start in range(0, len(Q), step):
            q = Q[start : start + step]
            row, column = candidates(self._far(q), min(n, k + SLACK))
            gap = X[column].astype(np.float64) - q[row]
            exact = np.abs(gap).sum(axis=1) if self.metric == "L1" else np.sqrt(np.einsum("ij,ij->i", gap, gap))
            order = np.lexsort((column, exact, row))
            best = order[np.searchsorted(row, np.arange(len(q)))[:, None] + np.arange(k)]
            near[start : start + step], distance[start : start + step] = column[best], exact[best]
        return near, distance

    def _far(self, q: Matrix) -> Floats:
        """(m, n) numbers that order as distances do: |x|² − 2qx for each |q|²."""
        if self.metric == "L1":
            from scipy.spatial.distance import cdist

            return np.asarray(cdist(q, self.rows, "cityblock"))
        far = q @ self.rows.T
        far *= -2.0
        far += self.square
        return far


def candidates(far: Floats, wide: int) -> tuple[Index, Index]:
    """(m, n) -> row and column numbers of at least the ``wide`` least of each row, row by row.

    The ``wide``-th least of the minima of groups is an upper bound for the ``wide``-th least of all; finding it reads
    each number once, a sixth of the time of a partition.
    """
    m, n = far.shape
    groups = n // GROUP
    if groups < 2 * wide:
        bound = np.partition(far, wide - 1, axis=1)[:, wide - 1]
    else:
        least = far[:, : groups * GROUP].reshape(m, GROUP, groups).min(axis=1)
        bound = np.partition(least, wide - 1, axis=1)[:, wide - 1]
    row, column = np.nonzero(far <= bound[:, None])
    if len(row) <= 4 * m * wide:
        return row, column
    some = np.argpartition(far, wide - 1, axis=1)[:, :wide]  # many equal rows: any of them will do
    return np.arange(m).repeat(wide), np.sort(some, axis=1).ravel()


def discriminant_spaces(X: Matrix, label: Index, count: Dense) -> list[Matrix]:
    """Return the maps (d, r) to try: W^{-1/2}, and (W^{-1/2} B W^{-1/2} + εI)^{1/2} after it; none for few rows.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    label : ndarray of shape (n,), int64
        Class, or slice of a value.
    count : ndarray of shape (n,)
        Weights.
    """
    n, d = X.shape
    if n < 4 * d or d > MOST_COLUMNS:
        return []
    Z = X.astype(np.float64) - np.average(X, axis=0, weights=count)
    sums = np.zeros((int(label.max()) + 1, d))
    np.add.at(sums, label, Z * count[:, None])
    size = np.bincount(label, weights=count)
    means = sums / np.maximum(size, 1e-300)[:, None]
    inside = (Z - means[label]) * np.sqrt(count / count.sum())[:, None]
    W = inside.T @ inside
    W += np.eye(d) * (RIDGE * np.trace(W) / d + 1e-9)
    values, vectors = np.linalg.eigh(W)
    white = vectors / np.sqrt(values)
    between = (means @ white) * np.sqrt(size / size.sum())[:, None]
    apart, axes = np.linalg.eigh(between.T @ between)
    if apart[-1] <= 1e-12:
        return []
    share = np.maximum(apart, 0.0) / apart[-1]
    maps = [white if eps == np.inf else white @ (axes * np.sqrt(share + eps)) for eps in FLOORS]
    return [m.astype(np.float32) for m in maps]
