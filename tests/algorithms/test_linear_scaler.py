import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms.linear_scaler import Scaler, Wish
from tarragon.data import Tabular

AUTO = Wish(True, None, None, None)


def same(arrays):  # type: ignore[no-untyped-def]
    return arrays


def made(n: int = 300) -> Tabular:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3)) * [1, 1000, 0.01] + [0, 1e5, 3]
    return Tabular(np.column_stack([X, np.full(n, 7.0)]).astype(np.float32), y=50 + 10 * rng.normal(size=n))


def test_columns_and_values_get_one_scale() -> None:
    data = made()
    scaler = Scaler.learn(data, AUTO, same, regression=True)
    Z = scaler.apply(data.X)
    np.testing.assert_allclose(Z[:, :3].mean(axis=0), 0, atol=1e-2)
    np.testing.assert_allclose(Z[:, :3].std(axis=0), 1, rtol=1e-3)
    assert scaler.varies.tolist() == [True, True, True, False]
    assert (Z[:, 3] == 0).all()
    v = scaler.target(data.y)
    assert v.mean() == pytest.approx(0, abs=1e-5)
    assert v.std() == pytest.approx(1, rel=1e-5)


def test_folded_weights_say_the_same_of_raw_rows() -> None:
    data = made()
    scaler = Scaler.learn(data, AUTO, same, regression=True)
    w, b = np.array([[0.5], [-1], [2], [0]], np.float32), np.array([0.3], np.float32)
    raw, shift = scaler.fold(w, b)
    direct = (scaler.apply(data.X) @ w + b)[:, 0] * scaler.y_scale + scaler.y_shift
    np.testing.assert_allclose(data.X.astype(float) @ raw[0] + shift[0], direct, rtol=1e-3)


def test_sparse_rows_are_scaled_and_not_centred() -> None:
    X = np.array([[0, 2, 0], [4, 0, 0], [0, 6, 0]], np.float32)
    sparse = Scaler.learn(Tabular(sp.csr_matrix(X), y=np.zeros(3)), AUTO, same, regression=False)
    dense = Scaler.learn(Tabular(X, y=np.zeros(3)), AUTO, same, regression=False)
    np.testing.assert_allclose(sparse.inverse, dense.inverse)
    assert not sparse.centred
    np.testing.assert_allclose(sparse.apply(sp.csr_matrix(X)).toarray(), X * sparse.inverse)
    filled = Scaler.learn(
        Tabular(sp.csr_matrix(X), y=np.zeros(3)), Wish(True, None, True, None), same, regression=False
    )
    np.testing.assert_allclose(filled.apply(sp.csr_matrix(X)), dense.apply(X))


def test_what_is_not_wanted_is_left_alone() -> None:
    data = made()
    scaler = Scaler.learn(data, Wish(False, False, False, False), same, regression=True)
    np.testing.assert_array_equal(scaler.apply(data.X), data.X)
    np.testing.assert_allclose(scaler.target(data.y), data.y, rtol=1e-6)
    classes = Scaler.learn(data, AUTO, same, regression=False)
    assert (classes.y_shift, classes.y_scale) == (0.0, 1.0)
