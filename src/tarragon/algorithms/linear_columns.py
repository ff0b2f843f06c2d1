"""Columns as a linear method sees them: centred, brought to one scale, and multiplied with each other.

Notation: n rows, d columns handed in, m products, K outputs.
"""

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.algorithms.target import Dense, shares
from tarragon.data import Tabular

Table: TypeAlias = NDArray[Any] | sp.csr_matrix

EXACT_CELLS = 1_000_000  # larger tables are multiplied in float32, twice as fast, and sparse ones stay sparse
TOP_COLUMNS = 40  # columns whose products are tried: at most 820 of them


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What is done to columns.

    Parameters
    ----------
    n_features : int
        d, as handed in.
    centre, scale : ndarray of shape (d,)
    pairs : ndarray of shape (m, 2), int64
        Columns that are multiplied, after standardising.
    pair_centre, pair_scale : ndarray of shape (m,)
        Of the products.
    """

    n_features: int
    centre: Dense
    scale: Dense
    pairs: NDArray[np.int64]
    pair_centre: Dense
    pair_scale: Dense

    @classmethod
    def learn(cls, data: Tabular, *, normalize: str, products: bool) -> "Columns":
        """Measure columns; ``normalize`` and ``products`` as the hyperparameters say."""
        d, centre, scale = data.n_features, np.zeros(data.n_features), np.ones(data.n_features)
        if not thin(data.X):
            centre = shares(data) @ plain(data.X)
        if normalize != "false":
            spread, high = _spread(data)
            least = 1.0 if normalize == "auto" else 1e-7 * (1.0 + high)
            scale = np.where(spread > least, spread, 1.0)
        made = cls(d, centre, scale, np.zeros((0, 2), dtype=np.int64), np.zeros(0), np.ones(0))
        return made._with_products(data) if products else made

    def _with_products(self, data: Tabular) -> "Columns":
        best = np.sort(strongest(data, TOP_COLUMNS))
        left, right = np.triu_indices(len(best))
        made = replace(self, pairs=np.column_stack([best[left], best[right]]).astype(np.int64))
        P = made.products(data.X)
        share = shares(data)
        centre = share @ P
        spread = np.sqrt(np.maximum(share @ (P - centre) ** 2, 0.0))
        keep = spread > 1e-6  # products of exclusive levels, and squares of signs, say nothing
        return replace(made, pairs=made.pairs[keep], pair_centre=centre[keep], pair_scale=np.maximum(spread[keep], 1.0))

    def products(self, X: Table) -> Dense:
        """(n, d) -> (n, m) products of standardised columns."""
        if len(self.pairs) == 0:
            return np.zeros((X.shape[0], 0))
        used = np.unique(self.pairs)
        part = X[:, used].toarray() if sp.issparse(X) else X[:, used]
        S = (part - self.centre[used]) / self.scale[used]
        at = np.searchsorted(used, self.pairs)
        return np.asarray(S[:, at[:, 0]] * S[:, at[:, 1]], dtype=np.float64)

    def raw(self, X: Table) -> Table:
        """(n, d) -> (n, d + m): what the weights on disk multiply."""
        if len(self.pairs) == 0:
            return X if sp.issparse(X) else np.asarray(X, dtype=np.float64)
        return _beside(X, self.products(X))

    def apply(self, data: Tabular) -> Table:
        """Return (n, d + m) Z: standardised, in float32 where the table is large."""
        products = (self.products(data.X) - self.pair_centre) / self.pair_scale
        if thin(data.X):
            scaled = sp.csr_matrix(data.X).multiply((1.0 / self.scale).astype(np.float32))
            return _beside(sp.csr_matrix(scaled), products.astype(np.float32))
        kind = np.float64 if data.n_rows * (self.n_features + len(self.pairs)) <= EXACT_CELLS else np.float32
        Z = (plain(data.X) - self.centre) / self.scale
        return _beside(Z.astype(kind), products.astype(kind))

    def fold(self, weights: Dense, bias: Dense) -> tuple[Dense, Dense]:
        """Turn weights of Z, (d + m, K), into weights of what ``raw`` gives, (K, d + m), and the intercept."""
        folded = weights / np.concatenate([self.scale, self.pair_scale])[:, None]
        return np.ascontiguousarray(folded.T), bias - np.concatenate([self.centre, self.pair_centre]) @ folded

    def terms(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Name each coefficient."""
        base = names or tuple(f"x{j}" for j in range(self.n_features))
        return (*base, *(f"{base[i]}²" if i == j else f"{base[i]} × {base[j]}" for i, j in self.pairs.tolist()))


def _beside(X: Table, P: NDArray[Any]) -> Table:
    """Put products to the right of columns, sparse where the columns are."""
    if not sp.issparse(X):
        return np.hstack([X, P])
    both: Table = sp.hstack([X, sp.csr_matrix(P)], format="csr") if P.shape[1] else sp.csr_matrix(X)
    return both


def thin(X: Table) -> bool:
    """Whether to keep a sparse table sparse: it is large, and mostly empty."""
    return bool(sp.issparse(X) and X.shape[0] * X.shape[1] > EXACT_CELLS and X.nnz < 0.2 * X.shape[0] * X.shape[1])


def plain(X: Table) -> Dense:
    """(n, d) in full, float64."""
    return np.asarray(X.toarray() if sp.issparse(X) else X, dtype=np.float64)


def _spread(data: Tabular) -> tuple[Dense, Dense]:
    """Return standard deviation and largest size of each column: (d,) each."""
    share = shares(data)
    if sp.issparse(data.X):
        S = data.X.astype(np.float64)
        square, mean = S.multiply(S).T @ share, S.T @ share
        return np.sqrt(np.maximum(square - mean**2, 0.0)), abs(S).max(axis=0).toarray().ravel()
    X = plain(data.X)
    return np.sqrt(share @ (X - share @ X) ** 2), np.abs(X).max(axis=0)


def strongest(data: Tabular, n: int) -> NDArray[np.int64]:
    """Return the ``n`` columns most correlated with the target (with any class)."""
    assert data.y is not None
    goals = data.y[:, None] if data.n_classes == 0 else np.eye(data.n_classes)[data.y.astype(np.int64)]
    goals = goals - goals.mean(axis=0)
    X = data.X if sp.issparse(data.X) else np.asarray(data.X, dtype=np.float64)
    mean = np.asarray(X.mean(axis=0)).ravel()
    square = np.asarray((X.multiply(X) if sp.issparse(X) else X * X).mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    strength = np.abs(np.asarray(X.T @ goals)).max(axis=1) / np.maximum(spread, 1e-9) * (spread > 1e-6)
    return np.argsort(-strength, kind="stable")[:n]
