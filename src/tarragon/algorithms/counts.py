"""What a topic model may take for granted about word counts, checked once at the door."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from tarragon.algorithms.inputs import same_columns
from tarragon.data import Tabular
from tarragon.errors import DataError, ParameterError


def counts_of(data: Tabular, feature_dim: int | None, who: str) -> "sp.csr_matrix":
    """Return documents to learn from, (D, V) float64, without stored zeros.

    Parameters
    ----------
    data : Tabular
    feature_dim : int, optional
        Words there should be.
    who : str
        The method's title, for the message.

    Raises
    ------
    ParameterError
        ``feature_dim`` is not the number of columns.
    DataError
        There are no documents, or counts are negative or missing.
    """
    data = _widened(data, feature_dim)
    if feature_dim is not None and feature_dim != data.n_features:
        raise ParameterError(
            f"feature_dim={feature_dim} is not the number of columns",
            why=f"The data have {data.n_features}",
            fix="Set feature_dim to it; a CSV file without labels is text/csv;label_size=0",
        )
    if data.n_rows == 0 or data.n_features == 0:
        raise DataError(
            f"{who} has nothing to learn from",
            why=f"The table is {data.n_rows} rows × {data.n_features} columns",
            fix="Give at least one of each",
        )
    return _clean(data, who)


def counted(data: Tabular, n_features: int | None, who: str) -> "sp.csr_matrix":
    """Return documents to answer, (n, V) float64. Raises ``NotFittedError`` or ``DataError``."""
    data = _widened(data, n_features)
    same_columns(data, n_features, who)
    return _clean(data, who)


def _widened(data: Tabular, width: int | None) -> Tabular:
    """Give sparse rows the vocabulary's width: they may end before its last word."""
    if width is None or not sp.issparse(data.X) or data.n_features >= width:
        return data
    X = data.X
    return replace(data, X=sp.csr_matrix((X.data, X.indices, X.indptr), shape=(X.shape[0], width)))


def _clean(data: Tabular, who: str) -> "sp.csr_matrix":
    X = data.X if sp.issparse(data.X) else np.asarray(data.X)
    rows = sp.csr_matrix(X, dtype=np.float64)
    if not np.isfinite(rows.data).all() or rows.data.min(initial=0.0) < 0:
        raise DataError(
            f"{who} takes counts of words",
            why="There are negative numbers" if np.isfinite(rows.data).all() else "There are gaps",
            fix="Give each document's counts, a column a word, 0 where it does not occur",
        )
    if not rows.has_canonical_format or (rows.data == 0).any():
        rows = rows.copy()
        rows.sum_duplicates()
        rows.eliminate_zeros()
    return rows
