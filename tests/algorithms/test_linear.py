"""The linear learner against normal equations, scikit-learn's solvers and brute-force leave-one-out."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import HuberRegressor, LogisticRegression, Ridge

from tarragon.algorithms.contract import AlgorithmContract, made, values
from tarragon.algorithms.linear import Linear
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Tabular
from tarragon.errors import DataError


class TestLinear(AlgorithmContract):
    algorithm = Linear()


class TestFixedPenalty(AlgorithmContract):
    algorithm = Linear(l2=0.01)
    repeats = 1e-4


class TestInteractions(AlgorithmContract):
    algorithm = Linear(interactions=True, l2=0.05)
    repeats = 1e-3


def table(task: str, n: int = 500, d: int = 6, seed: int = 0) -> Tabular:
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, d)) * np.arange(1, d + 1) + 3.0).astype(np.float32)
    Z = (X - X.mean(0)) / X.std(0)
    signal = Z @ rng.normal(size=(d, 4))
    if task == "regression":
        return Tabular(X, y=50.0 + 7.0 * signal[:, 0] + rng.normal(size=n) * 5.0)
    if task == "binary":
        return Tabular(X, y=(signal[:, 0] + rng.logistic(size=n) > 0).astype(float), n_classes=2)
    return Tabular(X, y=np.argmax(signal + rng.gumbel(size=(n, 4)), axis=1).astype(float), n_classes=4)


def standard(data: Tabular) -> np.ndarray:
    X = np.asarray(data.X, dtype=np.float64)
    return (X - X.mean(0)) / X.std(0)


def test_ridge_equals_the_normal_equations() -> None:
    data, penalty = table("regression"), 0.03
    model = Linear(l2=penalty, normalize_data="true").fit(data)
    expected = Ridge(alpha=penalty * data.n_rows).fit(standard(data), data.y).predict(standard(data))
    np.testing.assert_allclose(model.predict(data)["score"], expected, rtol=1e-6)


def test_weighted_ridge_equals_scikit_learn() -> None:
    data = table("regression")
    weight = np.random.default_rng(1).uniform(0.0, 3.0, data.n_rows)
    model = Linear(l2=0.1, normalize_data="false").fit(replace(data, weight=weight))
    expected = Ridge(alpha=0.1 * weight.sum()).fit(data.X.astype(float), data.y, sample_weight=weight)
    np.testing.assert_allclose(model.coefficients_[0] * model._target.unit, expected.coef_, rtol=1e-4)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classification_equals_scikit_learn(task: str) -> None:
    data, penalty = table(task), 0.01
    model = Linear(l2=penalty, normalize_data="true").fit(data)
    peer = LogisticRegression(C=1 / (penalty * data.n_rows), tol=1e-10, max_iter=10_000).fit(standard(data), data.y)
    np.testing.assert_allclose(model.predict(data)["probability"], peer.predict_proba(standard(data)), atol=2e-4)


def test_leave_one_out_error_is_what_leaving_one_out_gives() -> None:
    data, penalty = table("regression", n=40, d=5), 0.05
    model = Linear(l2=penalty, normalize_data="false").fit(data)
    X, y = np.asarray(data.X, dtype=float), (data.y - data.y.mean()) / data.y.std()
    X = X - X.mean(0)
    errors = []
    for i in range(len(y)):
        keep = np.arange(len(y)) != i
        # The leverage formula holds the penalty on the sum, and the centring of all rows, fixed.
        A = np.column_stack([np.ones(len(y)), X])
        gram = A[keep].T @ A[keep] + np.diag([0.0, *[penalty * len(y)] * X.shape[1]])
        errors.append(y[i] - A[i] @ np.linalg.solve(gram, A[keep].T @ y[keep]))
    assert model.path_[0][2] == pytest.approx(np.mean(np.square(errors)) / 2.0, rel=1e-9)


def test_penalty_falls_with_signal_and_rises_with_noise() -> None:
    clear, rng = table("regression"), np.random.default_rng(3)
    noisy = replace(clear, y=rng.normal(size=clear.n_rows))
    assert Linear().fit(clear).l2_ < 0.1 < Linear().fit(noisy).l2_


def test_separable_classes_are_hardly_shrunk() -> None:
    X = np.random.default_rng(0).normal(size=(150, 3)).astype(np.float32)
    X[:, 0] += np.sign(X[:, 0]) * 0.5
    data = Tabular(X, y=(X[:, 0] > 0).astype(float), n_classes=2)
    p = Linear().fit(data).predict(data)["probability"]
    assert -np.log(p[np.arange(150), data.y.astype(int)]).mean() < 0.01


def test_large_sparse_table_is_solved_as_the_dense_one() -> None:
    rng = np.random.default_rng(0)
    X = sp.random(1_500, 900, density=0.02, format="csr", dtype=np.float32, random_state=1)
    y = (X @ rng.normal(size=900) + 0.2 * rng.normal(size=1_500) > 0).astype(float)
    sparse = Tabular(X, y=y, n_classes=2)
    model = Linear(l2=1e-3)
    thin = values(model.fit(sparse).predict(sparse))
    full = values(model.fit(replace(sparse, X=X.toarray())).predict(sparse))
    np.testing.assert_allclose(thin, full, atol=2e-3)


def test_huber_agrees_with_scikit_learn_and_shrugs_off_outliers() -> None:
    data = table("regression", n=300)
    y = data.y.copy()
    y[:15] += 400.0
    bad = replace(data, y=y)
    # Both are far from the outliers: the robust fits agree to a fraction of the noise (5), least squares does not.
    truth = Ridge(alpha=1e-9).fit(standard(data)[15:], data.y[15:]).predict(standard(data))
    robust = Linear(loss="huber_loss", huber_delta=0.05, l2=0.0).fit(bad).predict(data)["score"]
    absolute = Linear(loss="absolute_loss", l2=0.0).fit(bad).predict(data)["score"]
    peer = HuberRegressor(alpha=0.0, epsilon=1.01, max_iter=1000).fit(standard(data), y).predict(standard(data))
    squared = Linear(l2=0.0).fit(bad).predict(data)["score"]
    assert np.abs(robust - truth).mean() < 1.5
    assert np.abs(absolute - truth).mean() < 1.5
    assert np.abs(robust - peer).mean() < 1.0
    assert np.abs(squared - truth).mean() > 5.0


def test_products_find_what_no_single_column_shows() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4)).astype(np.float32)
    data = Tabular(X, y=X[:, 0] * X[:, 1] * 1.0 + X[:, 2].astype(float) ** 2, names=("a", "b", "c", "d"))
    plain, both = Linear().fit(data), Linear(interactions=True).fit(data)
    assert np.var(plain.predict(data)["score"] - data.y) > 0.8 * np.var(data.y)
    assert np.var(both.predict(data)["score"] - data.y) < 1e-4 * np.var(data.y)
    strongest = np.argsort(-np.abs(both.coefficients_[0]))[:2]
    assert {both.terms_[i] for i in strongest} == {"a × b", "c²"}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_validation_rows_choose_the_penalty_of_large_tables(task: str) -> None:
    train, valid = table(task, n=3_000), table(task, n=3_000).rows(np.arange(1_000))
    model = Linear(loss="huber_loss" if task == "regression" else "auto").fit(train, valid=valid)
    best = min(model.path_, key=lambda line: line[2])
    assert best[2] <= model.path_[0][2]
    assert model.l2_ in [line[0] for line in model.path_]
    fixed = replace(model, l2=model.l2_).fit(train)
    np.testing.assert_allclose(values(fixed.predict(valid)), values(model.predict(valid)), rtol=5e-3, atol=5e-3)


def test_coefficients_are_per_unit_of_the_columns_handed_in() -> None:
    data = table("regression")
    model = Linear(l2=1e-6).fit(data)
    step = replace(data, X=data.X + np.eye(6, dtype=np.float32)[2])
    rise = (model.predict(step)["score"] - model.predict(data)["score"]) / model._target.unit
    np.testing.assert_allclose(rise, model.coefficients_[0, 2], rtol=1e-4)


def test_two_threads_and_one_agree() -> None:
    data = table("multiclass")
    one = values(Linear().fit(data, context=Standalone(threads=1)).predict(data))
    two = values(Linear().fit(data, context=Standalone(threads=2)).predict(data))
    np.testing.assert_allclose(one, two, atol=1e-3)


def test_missing_values_are_refused() -> None:
    data = made("regression", "codes")
    with pytest.raises(DataError, match="missing"):
        Linear().fit(data)
    model = Linear().fit(made("regression", "onehot"))
    with pytest.raises(DataError, match="missing"):
        model.predict(replace(made("regression", "onehot"), X=np.full((3, 8), np.nan, np.float32)))


def test_loss_of_another_task_is_refused() -> None:
    with pytest.raises(DataError, match="logistic"):
        Linear(loss="logistic").fit(table("regression"))
    with pytest.raises(DataError, match="squared_loss"):
        Linear(loss="squared_loss").fit(table("binary"))
