"""A view read back is the view that was written."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.data import Fold, Split, Tabular
from tarragon.train.view import ensure_view, has_view, read_fold, read_view, write_folds, write_view

X = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize("matrix", [X, sp.csr_matrix(X)], ids=["dense", "sparse"])
def test_round_trip(tmp_path: Path, matrix: object) -> None:
    data = Tabular(matrix, np.arange(4.0), np.ones(4), ("a", "b", "c"), 4, (1,))
    write_view(data, tmp_path / "v")
    back = read_view(tmp_path / "v")
    taken = back.rows(np.array([2, 0]))
    dense = taken.X.toarray() if sp.issparse(taken.X) else taken.X
    np.testing.assert_array_equal(dense, X[[2, 0]])
    np.testing.assert_array_equal(taken.y, [2.0, 0.0])
    assert (back.names, back.n_classes, back.categorical) == (("a", "b", "c"), 4, (1,))


def test_half_a_view_is_none(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    np.save(tmp_path / "v" / "X.npy", X)
    assert not has_view(tmp_path / "v")


def test_a_view_is_made_once(tmp_path: Path) -> None:
    made = []

    def make() -> Tabular:
        made.append(1)
        return Tabular(X)

    ensure_view(tmp_path / "v", make)
    ensure_view(tmp_path / "v", make)
    assert len(made) == 1


def test_folds_round_trip(tmp_path: Path) -> None:
    folds = (Fold(np.array([0, 1]), np.array([2, 3])), Fold(np.array([2, 3]), np.array([0, 1])))
    write_folds(Split(folds, 2, 1, "random", np.array([], dtype=np.int64), 0), tmp_path / "folds.npz")
    np.testing.assert_array_equal(read_fold(tmp_path / "folds.npz", 1).train, [2, 3])
    np.testing.assert_array_equal(read_fold(tmp_path / "folds.npz", 0).valid, [2, 3])
