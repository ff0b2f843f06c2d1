"""Rows come in pieces of one size, however they arrive."""

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.row_batches import batches_of, dense_blocks, fitting_width
from tarragon.data import Batches, Tabular
from tarragon.errors import DataError

X = np.arange(46, dtype=np.float32).reshape(23, 2)


def stream(parts: int) -> Batches:
    return Batches(lambda: (Tabular(part) for part in np.array_split(X, parts)), 2)


@pytest.mark.parametrize("data", [Tabular(X), stream(1), stream(5), stream(23), Tabular(sp.csr_matrix(X))])
def test_batches_have_one_size_and_all_rows(data) -> None:
    found = [rows for rows, _ in batches_of(data, 5, "It")]
    assert [len(rows) for rows in found] == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(np.concatenate(found), X)


def test_weights_go_along() -> None:
    w = np.arange(1.0, 24.0)
    found = list(batches_of(Tabular(X, weight=w), 4, "It"))
    assert np.concatenate([weight for _, weight in found]).tolist() == w.tolist()
    assert set(np.concatenate([weight for _, weight in batches_of(Tabular(X), 4, "It")])) == {1.0}


def test_blocks_hold_no_more_cells_than_asked() -> None:
    assert [len(rows) for rows, _ in dense_blocks(Tabular(X), "It", 10)] == [5, 5, 5, 5, 3]
    assert [len(rows) for rows, _ in dense_blocks(Tabular(X), "It", 1)] == [1] * 23


def test_what_does_not_fit_is_refused() -> None:
    gap = X.copy()
    gap[1, 1] = np.nan
    odd = Batches(lambda: iter([Tabular(X), Tabular(X[:, :1])]), 2)
    for data in (Tabular(gap), odd, Tabular(X, weight=-np.ones(23))):
        with pytest.raises(DataError):
            list(dense_blocks(data, "It"))
    with pytest.raises(DataError, match="feature_dim is 3"):
        fitting_width(Tabular(X), 3, "It")
    with pytest.raises(DataError, match="nothing to learn"):
        fitting_width(Tabular(X[:, :0]), None, "It")
    assert fitting_width(Tabular(X), None, "It") == 2
