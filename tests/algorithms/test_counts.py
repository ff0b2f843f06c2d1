"""Counts are held against what a topic model takes for granted."""

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.counts import counted, counts_of
from tarragon.data import Tabular
from tarragon.errors import DataError, NotFittedError, ParameterError


def test_dense_and_sparse_rows_become_one_form() -> None:
    dense = np.array([[0, 2, 0], [1, 0, 3]], np.float32)
    twice = sp.csr_matrix((np.array([1, 1, 0, 1, 3], "f4"), np.array([1, 1, 0, 0, 2]), np.array([0, 3, 5])), (2, 3))
    for X in (dense, sp.csr_matrix(dense), twice):
        found = counts_of(Tabular(X), None, "LDA")
        assert found.nnz == 3
        np.testing.assert_array_equal(found.toarray(), dense)


@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf])
def test_what_is_no_count_is_refused(value: float) -> None:
    rows = np.array([[1, value]], np.float32)
    with pytest.raises(DataError, match="counts of words"):
        counts_of(Tabular(rows), None, "LDA")
    with pytest.raises(DataError, match="counts of words"):
        counted(Tabular(rows), 2, "LDA")


def test_widths_must_agree() -> None:
    rows = np.ones((2, 3), np.float32)
    with pytest.raises(ParameterError, match="label_size=0"):
        counts_of(Tabular(rows), 4, "LDA")
    with pytest.raises(NotFittedError):
        counted(Tabular(rows), None, "LDA")
    with pytest.raises(DataError):
        counts_of(Tabular(rows[:0]), None, "LDA")


def test_sparse_rows_may_end_before_the_last_word() -> None:
    narrow = Tabular(sp.csr_matrix(np.ones((2, 2), np.float32)))
    assert counts_of(narrow, 5, "LDA").shape == (2, 5)
    assert counted(narrow, 5, "LDA").shape == (2, 5)
    with pytest.raises(ParameterError):
        counts_of(narrow, 1, "LDA")
