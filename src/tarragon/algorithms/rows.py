"""Rows for methods that need every cell: checked, dense where asked."""

import numpy as np
import scipy.sparse as sp

from tarragon.data import Matrix, Tabular
from tarragon.errors import DataError


def finite(data: Tabular, who: str) -> None:
    """Refuse missing values. Raises ``DataError``."""
    values = data.X.data if sp.issparse(data.X) else data.X
    if not np.isfinite(values).all():
        why = "NaN or infinity among the columns"
        raise DataError(f"{who} cannot read missing values", why=why, fix="Fill the gaps, or drop those rows")


def full(data: Tabular, who: str) -> Matrix:
    """(n, d) float32 rows, every cell finite. Raises ``DataError`` for missing values and sparse tables."""
    if data.is_sparse:
        raise DataError(f"{who} reads dense tables", why="The rows are sparse", fix="Give a dense array")
    finite(data, who)
    return np.ascontiguousarray(data.X, dtype=np.float32)
