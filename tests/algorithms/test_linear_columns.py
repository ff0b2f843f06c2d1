"""Columns as the linear learner sees them."""

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import linear_columns
from tarragon.algorithms.linear_columns import Columns
from tarragon.data import Tabular


def table() -> Tabular:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(5.0, 3.0, 300), rng.integers(0, 2, 300), rng.uniform(0.0, 0.2, 300)])
    return Tabular(X.astype(np.float32), y=X[:, 0] * X[:, 1], weight=rng.uniform(0.5, 2.0, 300))


def test_wide_columns_get_unit_variance_small_ones_stay() -> None:
    data = table()
    columns = Columns.learn(data, normalize="auto", products=False)
    w = data.weight / data.weight.sum()
    spread = np.sqrt(w @ (data.X - w @ data.X) ** 2)
    np.testing.assert_allclose(columns.scale, [spread[0], 1.0, 1.0], rtol=1e-5)
    np.testing.assert_allclose(Columns.learn(data, normalize="true", products=False).scale, spread, rtol=1e-4)
    np.testing.assert_allclose(w @ columns.apply(data), 0.0, atol=1e-6)


def test_folded_weights_answer_raw_columns_as_weights_answer_theirs() -> None:
    data = table()
    columns = Columns.learn(data, normalize="true", products=True)
    rng = np.random.default_rng(1)
    Z = columns.apply(data)
    weights, bias = rng.normal(size=(Z.shape[1], 2)), rng.normal(size=2)
    folded, intercept = columns.fold(weights, bias)
    np.testing.assert_allclose(columns.raw(data.X) @ folded.T + intercept, Z @ weights + bias, atol=1e-5)


def test_products_of_a_flag_with_itself_are_kept_once_and_constants_never() -> None:
    X = np.column_stack([np.tile([-1.0, 1.0], 50), np.arange(100.0)]).astype(np.float32)
    columns = Columns.learn(Tabular(X, y=X[:, 1].astype(float)), normalize="true", products=True)
    assert columns.pairs.tolist() == [[0, 1], [1, 1]]
    assert columns.terms(("a", "b")) == ("a", "b", "a × b", "b²")


def test_large_sparse_tables_stay_sparse_and_mean_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    X = sp.random(200, 50, density=0.05, format="csr", dtype=np.float32, random_state=0)
    X.data -= 0.5
    data = Tabular(X, y=np.ones(200))
    dense = Columns.learn(data, normalize="auto", products=False)
    Z = dense.apply(data)
    monkeypatch.setattr(linear_columns, "EXACT_CELLS", 10)
    thin = Columns.learn(data, normalize="auto", products=False)
    S = thin.apply(data)
    assert sp.issparse(S)
    np.testing.assert_allclose(thin.scale, dense.scale, rtol=1e-6)
    np.testing.assert_allclose(S.toarray() - S.toarray().mean(axis=0), Z, atol=1e-5)
