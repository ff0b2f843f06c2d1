from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.minibatch import MiniBatches, blocks, joined, learnable
from tarragon.data import Batches, Tabular
from tarragon.errors import DataError


def made(n: int, *, sparse: bool = False) -> Tabular:
    X = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    return Tabular(sp.csr_matrix(X) if sparse else X, y=np.arange(n, dtype=float), weight=np.ones(n))


def streamed(data: Tabular, *sizes: int) -> Batches:
    def opened() -> Any:
        at = 0
        for size in sizes:
            yield data.rows(np.arange(at, at + size))
            at += size

    return Batches(opened, data.n_features)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("sizes", [(10,), (1, 2, 3, 4), (0, 7, 0, 3), (3, 3, 3, 1)])
def test_every_row_comes_once_with_its_label(sizes: tuple[int, ...], sparse: bool) -> None:
    data = made(10, sparse=sparse)
    for source in (data, streamed(data, *sizes)):
        batches = list(MiniBatches(source, 4, 0).epoch(1))
        assert [b.n_rows for b in batches] == [4, 4, 2]
        y = np.concatenate([b.y for b in batches if b.y is not None])
        assert sorted(y) == list(range(10))
        for batch in batches:
            X = batch.X.toarray() if sp.issparse(batch.X) else batch.X
            np.testing.assert_array_equal(X[:, 0], 2 * batch.y)


def test_passes_differ_and_can_be_repeated() -> None:
    def order(seed: int, epoch: int) -> list[float]:
        return [v for b in MiniBatches(made(30), 8, seed).epoch(epoch) for v in b.y]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_the_first_rows_come_in_their_order() -> None:
    for source in (made(10), streamed(made(10), 3, 3, 4)):
        found = MiniBatches(source, 4, 0).first(5)
        assert found.y is not None
        assert found.y.tolist() == [0, 1, 2, 3, 4]
        assert MiniBatches(source, 4, 0).first(99).n_rows == 10
    with pytest.raises(DataError, match="no rows"):
        MiniBatches(made(0), 4, 0).first(5)


def test_blocks_are_cut_and_of_one_width() -> None:
    assert [b.n_rows for b in blocks(made(10), most=4)] == [4, 4, 2]
    odd = Batches(lambda: iter([made(2), Tabular(np.zeros((1, 5), np.float32))]), 2)
    with pytest.raises(DataError, match="5 columns"):
        list(blocks(odd))


def test_joining_sparse_and_dense_is_sparse() -> None:
    both = joined([made(2), made(2, sparse=True)])
    assert both.is_sparse
    assert both.n_rows == 4


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (None, "label"),
        ([0, 1], "label"),
        ([0, 1, np.nan], "gaps"),
        ([0, 1, 2], "no classes"),
        ([0, 0.5, 1], "no classes"),
    ],
)
def test_rows_that_cannot_be_learnt_from_are_refused(y: Any, words: str) -> None:
    labels = None if y is None else np.array(y, float)
    with pytest.raises(DataError, match=words):
        learnable(2, "A method")(Tabular(np.zeros((3, 2), np.float32), y=labels))
    with pytest.raises(DataError, match="missing"):
        learnable(0, "A method")(Tabular(np.full((3, 2), np.inf, np.float32), y=np.zeros(3)))
