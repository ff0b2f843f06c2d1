"""k-nearest neighbours against scikit-learn's, and against leaving out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors

from tarragon.algorithms.contract import AlgorithmContract, made, values
from tarragon.algorithms.knn import CHOICES, KNN
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Tabular
from tarragon.errors import DataError


class TestKNN(AlgorithmContract):
    algorithm = KNN()
    takes_sparse = False


class TestPlainKNN(AlgorithmContract):
    algorithm = KNN(k=7, weights="uniform", smoothing=0.1, space="plain")
    takes_sparse = False


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("metric", ["L2", "L1", "COSINE"])
def test_plain_votes_equal_scikit_learn(task: str, metric: str) -> None:
    train, rows = made(task, "dense"), made(task, "dense", seed=1)
    kind = KNeighborsRegressor if task == "regression" else KNeighborsClassifier
    named = {"L2": "euclidean", "L1": "manhattan", "COSINE": "cosine"}[metric]
    peer = kind(9, metric=named, algorithm="brute").fit(train.X, train.y)
    expected = peer.predict(rows.X) if task == "regression" else peer.predict_proba(rows.X)
    ours = KNN(k=9, weights="uniform", metric=metric, space="plain", smoothing=0.0).fit(train)
    np.testing.assert_allclose(values(ours.predict(rows)), expected, atol=1e-9)


def test_choice_is_the_best_of_leaving_each_row_out() -> None:
    data = made("multiclass", "dense", rows=120)
    model = KNN(weights="uniform", space="plain", smoothing=1.0).fit(data)
    code, share = data.y.astype(int), np.bincount(data.y.astype(int)) / 120
    losses = {}
    for k in CHOICES:
        near = NearestNeighbors(n_neighbors=k).fit(data.X).kneighbors(return_distance=False)  # without the row itself
        hits = (code[near] == code[:, None]).sum(axis=1)
        losses[k] = -np.log((hits + share[code]) / (k + 1)).mean()
    assert model.k_ == min(losses, key=losses.get)


def test_stretched_space_finds_classes_that_noise_hides() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 600)
    X = np.column_stack([y + 0.2 * rng.normal(size=600), rng.normal(size=(600, 20))]).astype(np.float32)
    train, rows = Tabular(X[:400], y=y[:400].astype(float), n_classes=3), X[400:]
    plain = KNN(space="plain").fit(train).predict(Tabular(rows))["probability"].argmax(axis=1)
    found = KNN().fit(train).predict(Tabular(rows))["probability"].argmax(axis=1)
    assert (plain == y[400:]).mean() < 0.75
    assert (found == y[400:]).mean() > 0.95


def test_weight_of_two_is_a_vote_of_two() -> None:
    X = np.array([[0.0], [1.0], [9.0]], dtype=np.float32)
    data = Tabular(X, y=np.array([0.0, 1.0, 1.0]), weight=np.array([2.0, 1.0, 1.0]), n_classes=2)
    model = KNN(k=2, weights="uniform", space="plain", smoothing=0.0).fit(data)
    np.testing.assert_allclose(model.predict(Tabular(X[:1]))["probability"], [[2 / 3, 1 / 3]])


def test_many_equal_rows_do_not_swamp_the_search() -> None:
    X = np.repeat(np.eye(3, dtype=np.float32), 2_000, axis=0)
    data = Tabular(X, y=np.repeat([0.0, 1.0, 2.0], 2_000), n_classes=3)
    p = KNN(k=5, space="plain").fit(data).predict(Tabular(np.eye(3, dtype=np.float32)))["probability"]
    assert (p.argmax(axis=1) == [0, 1, 2]).all()


def test_sample_is_drawn_by_the_seed() -> None:
    data = made("regression", "dense")
    one = KNN(k=3, sample_size=100).fit(data, context=Standalone(seed=1))
    two = KNN(k=3, sample_size=100).fit(data, context=Standalone(seed=2))
    assert len(one.neighbours_.rows) == 100
    assert values(one.predict(data)).tobytes() != values(two.predict(data)).tobytes()


def test_missing_values_are_refused() -> None:
    data = made("regression", "dense")
    with pytest.raises(DataError, match="missing"):
        KNN().fit(replace(data, X=np.where(data.X > 2, np.nan, data.X)))
