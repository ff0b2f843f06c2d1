"""Rows for methods that need every cell."""

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.rows import finite, full
from tarragon.data import Tabular
from tarragon.errors import DataError


def test_dense_rows_come_in_row_order_as_float32() -> None:
    X = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    found = full(Tabular(X), "A method")
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_cells_are_refused_dense_and_sparse(bad: float) -> None:
    X = np.array([[1.0, bad]], dtype=np.float32)
    for table in (X, sp.csr_matrix(X)):
        with pytest.raises(DataError, match="A method cannot read missing"):
            finite(Tabular(table), "A method")
    with pytest.raises(DataError, match="dense"):
        full(Tabular(sp.csr_matrix(np.eye(2, dtype=np.float32))), "A method")
