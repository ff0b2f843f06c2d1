import numpy as np
import scipy.sparse as sp

from tarragon.data import Batches, Tabular


def test_rows_are_taken_with_their_target_and_weight():
    X = np.arange(12, dtype=np.float32).reshape(6, 2)
    data = Tabular(X, np.arange(6.0), np.arange(6.0) * 2, ("a", "b"), 0, (1,))
    for block in (data, Tabular(sp.csr_matrix(X), data.y, data.weight, data.names, 0, (1,))):
        some = block.rows(np.array([4, 1]))
        np.testing.assert_array_equal(some.X.toarray() if some.is_sparse else some.X, X[[4, 1]])
        assert (some.y.tolist(), some.weight.tolist(), some.categorical) == ([4.0, 1.0], [8.0, 2.0], (1,))
        assert (some.n_rows, some.n_features) == (2, 2)


def test_batches_can_be_read_again():
    blocks = [Tabular(np.ones((2, 1), dtype=np.float32)), Tabular(np.zeros((1, 1), dtype=np.float32))]
    found = Batches(lambda: iter(blocks), 1)
    assert [b.n_rows for b in found] == [b.n_rows for b in found] == [2, 1]
