"""What algorithms are handed: arrays with names, nothing about files or jobs.

Notation: n rows, d features, K classes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float32]
Vector: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Prediction: TypeAlias = Mapping[str, NDArray[Any]]
"""Named arrays. Supervised tabular methods answer ``score`` (n,) or ``probability`` (n, K)."""


@dataclass(frozen=True, slots=True, eq=False)
class Tabular:
    """A block of rows as numbers.

    Parameters
    ----------
    X : ndarray or csr_matrix of shape (n, d), float32
        NaN is missing (only where the algorithm's card accepts it).
    y : ndarray of shape (n,), float64, optional
        Class codes 0…K-1, or values.
    weight : ndarray of shape (n,), float64, optional
    names : tuple of str
        One name per column of ``X``.
    n_classes : int
        0 for regression, 2 for binary, K for multiclass. Algorithms choose their loss from this.
    categorical : tuple of int
        Columns of ``X`` that hold category codes 0, 1, 2 … (NaN missing) without order.
    query : ndarray of shape (n,), int64, optional
        For ranking: rows of one query lie side by side and have one number, which rises from query to query.
    """

    X: "Matrix | sp.csr_matrix"
    y: Vector | None = None
    weight: Vector | None = None
    names: tuple[str, ...] = ()
    n_classes: int = 0
    categorical: tuple[int, ...] = ()
    query: Index | None = None

    @property
    def n_rows(self) -> int:
        """Rows in the block."""
        return int(self.X.shape[0])

    @property
    def n_features(self) -> int:
        """Columns of ``X``."""
        return int(self.X.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether ``X`` is a sparse matrix."""
        return sp.issparse(self.X)

    def rows(self, index: Index) -> "Tabular":
        """Take rows by number, (m,) -> a block of m rows."""
        return replace(
            self,
            X=self.X[index],
            y=None if self.y is None else self.y[index],
            weight=None if self.weight is None else self.weight[index],
            query=None if self.query is None else self.query[index],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """A stream of blocks that can be read again from the start, for tables larger than memory.

    Parameters
    ----------
    open : callable
        Returns a fresh iterator over :class:`Tabular` blocks, in the same order each time.
    n_features, n_classes, names, categorical
        As in :class:`Tabular`, equal for every block.
    """

    open: Callable[[], Iterator[Tabular]]
    n_features: int
    n_classes: int = 0
    names: tuple[str, ...] = ()
    categorical: tuple[int, ...] = ()

    def __iter__(self) -> Iterator[Tabular]:
        return self.open()


Data: TypeAlias = Tabular | Batches
