"""The linear learner: what it learns, how it chooses, what it writes, and that hosts and streams change nothing."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import Lasso, LogisticRegression, QuantileRegressor, Ridge

from tarragon.algorithms import Standalone
from tarragon.algorithms.artifact import SEAL
from tarragon.algorithms.linear_learner import LinearLearner
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.module_archive import EXTRA, FILE, MANIFEST, PARAMS, SYMBOL
from tarragon.data import Batches, Tabular, read_ndarrays, write_ndarrays
from tarragon.errors import DataError, IntegrityError, ParameterError

KINDS = {0: "regressor", 2: "binary_classifier", 3: "multiclass_classifier"}


def made(n: int, classes: int = 0, seed: int = 0, noise: float = 0.3) -> Tabular:
    """Rows of five columns in very different units, of which three matter."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    value = X[:, 0] * 2 - X[:, 1] + 0.5 * X[:, 2] + rng.normal(0, noise, n)
    if classes:
        value = np.digitize(value, np.quantile(value, np.linspace(0, 1, classes + 1)[1:-1])).astype(float)
    else:
        value = 40 + 10 * value
    return Tabular((X * [1, 100, 0.01, 5, 1] + [0, 300, 1, -7, 2]).astype(np.float32), y=value, n_classes=classes)


def learner(classes: int = 0, **more: Any) -> LinearLearner:
    named = {"num_classes": classes} if classes > 2 else {}
    return LinearLearner(predictor_type=KINDS[classes], mini_batch_size=50, **named, **more)


class Suite(ModelContract):
    iterative = True
    classes = 0

    def data(self, seed: int) -> Tabular:
        return made(200, self.classes, seed)

    def bad(self) -> Mapping[str, Any]:
        data = self.data(0)
        X = data.X.copy()
        X[3, 1] = np.nan
        assert data.y is not None
        y = data.y.copy()
        y[5] = np.nan
        return {
            "missing cells": replace(data, X=X),
            "missing labels": replace(data, y=y),
            "no labels": replace(data, y=None),
            "no rows": data.rows(np.arange(0)),
            "no columns": replace(data, X=data.X[:, :0]),
            "weights below zero": replace(data, weight=np.full(200, -1.0)),
        }


class TestRegressor(Suite):
    algorithm = LinearLearner(predictor_type="regressor", num_models=4, mini_batch_size=50)


class TestBinary(Suite):
    classes = 2
    algorithm = LinearLearner(predictor_type="binary_classifier", num_models=4, mini_batch_size=50, epochs=4)


class TestMulticlass(Suite):
    classes = 3
    algorithm = LinearLearner(
        predictor_type="multiclass_classifier", num_classes=3, num_models=4, mini_batch_size=50, epochs=4
    )


# What it learns.


def test_a_regression_is_least_squares() -> None:
    data = made(2000)
    assert data.y is not None
    model = learner().fit(data)
    expected = Ridge(1e-6).fit(data.X, data.y).predict(data.X)
    found = model.predict(data)["score"]
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.02 * expected.std()


def test_l1_and_l2_are_those_of_the_penalised_problem() -> None:
    data = made(3000, noise=1.0)
    assert data.y is not None
    X, y = np.asarray(data.X, float), data.y
    Z, v = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    fixed = {"epochs": 40, "early_stopping_patience": 40, "learning_rate": 0.05}
    ridge = learner(wd=0.2, l1=0.0, **fixed).fit(data)
    lasso = learner(wd=0.0, l1=0.2, **fixed).fit(data)
    assert ridge.weights_ is not None
    assert lasso.weights_ is not None
    scaled = X.std(0) / y.std()
    # theirs: ||v - Zw||² / (2n) + alpha |w|, and ||v - Zw||² + alpha ||w||²; ours: mean square + wd/2 w² + l1 |w|
    np.testing.assert_allclose(ridge.weights_[0] * scaled, Ridge(0.1 * 3000).fit(Z, v).coef_, atol=0.02)
    theirs = Lasso(0.1).fit(Z, v).coef_
    np.testing.assert_allclose(lasso.weights_[0] * scaled, theirs, atol=0.02)
    assert (lasso.weights_[0] == 0).sum() >= 2


def test_two_classes_are_logistic_regression() -> None:
    data, fresh = made(3000, 2), made(3000, 2, seed=1)
    Z = (data.X - data.X.mean(0)) / data.X.std(0)
    expected = LogisticRegression(C=1e4).fit(Z, data.y)
    model = learner(2).fit(data)
    found = model.predict(fresh)["probability"][:, 1]
    theirs = expected.predict((fresh.X - data.X.mean(0)) / data.X.std(0))
    assert np.mean((found >= model.threshold_) == fresh.y) > np.mean(theirs == fresh.y) - 0.005


def test_several_classes_are_softmax_regression() -> None:
    data, fresh = made(3000, 3), made(3000, 3, seed=1)
    mean, spread = data.X.mean(0), data.X.std(0)
    expected = LogisticRegression(C=1e4).fit((data.X - mean) / spread, data.y).predict((fresh.X - mean) / spread)
    found = learner(3).fit(data).predict(fresh)["probability"]
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert np.mean(found.argmax(axis=1) == fresh.y) > np.mean(expected == fresh.y) - 0.01


def test_robust_losses_forgive_outliers() -> None:
    data = made(1500)
    assert data.y is not None
    y = data.y.copy()
    y[::20] += 3000
    bad = replace(data, y=y)
    errors = {}
    for loss in ("squared_loss", "absolute_loss", "huber_loss", "eps_insensitive_absolute_loss"):
        found = learner(loss=loss, huber_delta=0.05).fit(bad).predict(data)["score"]
        errors[loss] = np.median(np.abs(found - data.y))
    assert all(errors[loss] < errors["squared_loss"] / 5 for loss in errors if loss != "squared_loss")


def test_the_quantile_asked_for_is_the_quantile_given() -> None:
    data = made(2000, noise=1.0)
    model = learner(loss="quantile_loss", quantile=0.8, epochs=30).fit(data)
    found = model.predict(data)["score"]
    expected = QuantileRegressor(quantile=0.8, alpha=0.0).fit((data.X - data.X.mean(0)) / data.X.std(0), data.y)
    theirs = expected.predict((data.X - data.X.mean(0)) / data.X.std(0))
    assert np.mean(data.y < found) == pytest.approx(0.8, abs=0.02)
    assert np.corrcoef(found, theirs)[0, 1] > 0.999


def test_hinge_loss_has_margins_and_cuts_them() -> None:
    data = made(1000, 2)
    model = learner(2, loss="hinge_loss").fit(data)
    margin = model.predict(data)["score"]
    assert margin.min() < -1
    assert margin.max() > 1
    assert np.mean((margin >= model.threshold_) == data.y) > 0.93


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_every_optimizer_gets_there(optimizer: str) -> None:
    data = made(2000, 2)
    model = learner(2, optimizer=optimizer).fit(data)
    assert np.mean((model.predict(data)["probability"][:, 1] >= model.threshold_) == data.y) > 0.93


# Choosing.


def test_a_target_recall_is_reached() -> None:
    data, valid = made(2000, 2, noise=2.0), made(2000, 2, seed=1, noise=2.0)
    model = learner(
        2, binary_classifier_model_selection_criteria="precision_at_target_recall", target_recall=0.9, epochs=5
    ).fit(data, valid=valid)
    guess = model.predict(valid)["probability"][:, 1] >= model.threshold_
    assert 0.9 <= guess[valid.y == 1].mean() < 0.93


def test_classes_can_be_weighed_alike() -> None:
    data = made(2000, 2, noise=2.0)
    rare = data.rows(np.flatnonzero((data.y == 0) | (np.arange(2000) % 10 == 0)))
    shares = {}
    for weight in ("1.0", "balanced", "5"):
        model = learner(
            2,
            positive_example_weight_mult=weight,
            binary_classifier_model_selection_criteria="loss_function",
            epochs=5,
        ).fit(rare)
        shares[weight] = model.predict(rare)["probability"][:, 1].mean()
    assert shares["balanced"] > shares["5"] > shares["1.0"] + 0.1
    auto = learner(2, positive_example_weight_mult="auto", binary_classifier_model_selection_criteria="f1", epochs=2)
    assert auto.fit(rare).best_ is not None
    several = made(1500, 3)
    few = several.rows(np.flatnonzero((several.y != 1) | (np.arange(1500) % 15 == 0)))
    plain, even = (learner(3, balance_multiclass_weights=b, epochs=5).fit(few) for b in (False, True))
    middle = few.y == 1
    assert even.predict(few)["probability"][middle, 1].mean() > plain.predict(few)["probability"][middle, 1].mean()


def test_row_weights_count() -> None:
    data = made(1000, 2)
    assert data.y is not None
    heavy = learner(2, epochs=5).fit(replace(data, weight=np.where(data.y == 1, 9.0, 1.0)))
    plain = learner(2, epochs=5).fit(data)
    assert heavy.predict(data)["probability"][:, 1].mean() > plain.predict(data)["probability"][:, 1].mean() + 0.01


def test_training_ends_when_nothing_gets_better_and_keeps_the_best() -> None:
    context = Standalone()
    model = learner(epochs=200).fit(made(500), valid=made(500, seed=1), context=context)
    assert 4 < len(context.epochs) < 100
    assert len(model.history_) == len(context.epochs)
    assert "validation:mse_objective" in context.epochs[0]


def test_no_bias_no_shift() -> None:
    data = made(500)
    model = learner(use_bias=False, unbias_data=False, unbias_label=False, normalize_label=False, epochs=3).fit(data)
    assert model.bias_.tolist() == [0.0]


def test_a_model_that_runs_away_is_not_chosen_nor_saved() -> None:
    data = made(500, noise=0.0)
    assert learner(optimizer="sgd").fit(data).best_ is not None
    with pytest.raises(DataError, match="stayed finite"):
        learner(optimizer="sgd", learning_rate=1e9, use_lr_scheduler=False).fit(data)


# Data.


def test_sparse_rows_mean_what_dense_ones_do() -> None:
    rng = np.random.default_rng(0)
    X = (rng.random((2000, 300)) < 0.02).astype(np.float32)
    y = (X @ rng.normal(size=300) > 0).astype(float)
    data, same = Tabular(X, y, n_classes=2), Tabular(sp.csr_matrix(X), y, n_classes=2)
    dense = learner(2, unbias_data=False).fit(data)
    sparse = learner(2).fit(same)
    for model in (dense, sparse):
        np.testing.assert_allclose(model.predict(data)["probability"], model.predict(same)["probability"], atol=1e-6)
    ours = [np.mean((m.predict(data)["probability"][:, 1] >= m.threshold_) == y) for m in (dense, sparse)]
    assert min(ours) > 0.9
    filled = learner(2, unbias_data=True, epochs=2).fit(same)
    again = learner(2, unbias_data=True, epochs=2).fit(data)
    np.testing.assert_allclose(filled.predict(data)["probability"], again.predict(data)["probability"], atol=1e-3)


def test_a_column_never_seen_to_vary_has_no_say() -> None:
    data = made(300)
    X = np.column_stack([data.X, np.full(300, 7.0)]).astype(np.float32)
    model = learner(epochs=2).fit(replace(data, X=X))
    assert model.weights_ is not None
    assert model.weights_[0, 5] == 0


def streamed(data: Tabular, size: int) -> Batches:
    def opened() -> Any:
        for at in range(0, data.n_rows, size):
            yield data.rows(np.arange(at, min(at + size, data.n_rows)))

    return Batches(opened, data.n_features, data.n_classes)


@pytest.mark.parametrize("size", [7, 130, 10_000])
def test_a_stream_is_as_good_as_a_table(size: int) -> None:
    data, fresh = made(1200, 2), made(1000, 2, seed=1)
    model = learner(2, epochs=5).fit(streamed(data, size), valid=streamed(fresh, 90))
    assert np.mean((model.predict(streamed(fresh, 90))["probability"][:, 1] >= model.threshold_) == fresh.y) > 0.92


@dataclass(slots=True)
class Keeping(Standalone):
    """A context that ends after some epochs, and goes on from there when asked again."""

    after: int = 3
    kept: Any = None

    def stop_asked(self) -> bool:
        return len(self.epochs) >= self.after

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        self.kept = {name: np.array(array) for name, array in state.items()}

    def resume(self) -> Any:
        return self.kept


def test_a_fit_goes_on_from_its_checkpoint() -> None:
    data = made(600)
    whole = learner(epochs=6).fit(data)
    first = Keeping()
    learner(epochs=6).fit(data, context=first)
    second = Keeping(after=99, kept=first.kept)
    resumed = learner(epochs=6).fit(data, context=second)
    assert second.epochs[0]["epoch"] in (3, 4)
    np.testing.assert_array_equal(whole.weights_, resumed.weights_)
    with pytest.raises(IntegrityError):
        learner(epochs=6, num_models=2).fit(data, context=Keeping(kept=first.kept))


def test_what_does_not_fit_together_is_refused() -> None:
    data = made(100)
    with pytest.raises(ParameterError, match="hinge_loss does not suit"):
        learner(loss="hinge_loss").fit(data)
    with pytest.raises(ParameterError, match="num_classes"):
        LinearLearner(predictor_type="multiclass_classifier").fit(made(100, 3))
    with pytest.raises(DataError, match="feature_dim is 9"):
        learner(feature_dim=9).fit(data)
    with pytest.raises(DataError, match="no classes"):
        learner(2).fit(made(100, 3))
    with pytest.raises(DataError, match="Validation rows have 4"):
        learner().fit(data, valid=replace(data, X=data.X[:, :4]))


def test_one_row_is_a_table() -> None:
    data = made(1)
    assert np.isfinite(learner().fit(data).predict(data)["score"]).all()


# The artifact.


def test_the_archive_is_sagemakers(tmp_path: Path) -> None:
    model = learner(3, epochs=2).fit(made(200, 3))
    model.save(tmp_path)
    with zipfile.ZipFile(tmp_path / FILE) as archive:
        assert set(archive.namelist()) == {PARAMS, SYMBOL, EXTRA, MANIFEST}
        arrays = read_ndarrays(archive.read(PARAMS))
        symbol = json.loads(archive.read(SYMBOL))
    np.testing.assert_array_equal(arrays["arg:fc0_weight"], model.weights_)
    np.testing.assert_array_equal(arrays["arg:fc0_bias"], model.bias_)
    assert [n["name"] for n in symbol["nodes"]] == ["data", "fc0_weight", "fc0_bias", "fc0", "out_label", "out"]


@pytest.mark.parametrize(
    ("operator", "outputs", "kind"),
    [
        ("LogisticRegressionOutput", 1, "binary_classifier"),
        ("LinearRegressionOutput", 1, "regressor"),
        ("SoftmaxOutput", 4, "multiclass_classifier"),
    ],
)
def test_a_model_of_aws_is_read_without_a_seal(tmp_path: Path, operator: str, outputs: int, kind: str) -> None:
    weights, bias = np.ones((outputs, 3), np.float32), np.arange(outputs, dtype=np.float32)
    with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
        archive.writestr(PARAMS, write_ndarrays({"arg:fc0_weight": weights, "arg:fc0_bias": bias}))
        archive.writestr(SYMBOL, json.dumps({"nodes": [{"op": operator, "name": "out"}]}))
    model = LinearLearner.load(tmp_path)
    assert model.predictor_type == kind
    assert model.n_features == 3
    answer = model.predict(Tabular(np.ones((1, 3), np.float32)))
    assert len(next(iter(answer.values()))) == 1


def test_archives_that_lie_are_refused(tmp_path: Path) -> None:
    model = learner(epochs=1).fit(made(50))
    model.save(tmp_path)
    (tmp_path / SEAL).unlink()
    cases = {
        "shape": {"arg:fc0_weight": np.ones((2, 3), np.float32), "arg:fc0_bias": np.ones(1, np.float32)},
        "missing": {"arg:fc0_weight": np.ones((1, 3), np.float32)},
        "no number": {"arg:fc0_weight": np.full((1, 3), np.nan, np.float32), "arg:fc0_bias": np.ones(1, np.float32)},
    }
    for arrays in cases.values():
        with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
            archive.writestr(PARAMS, write_ndarrays(arrays))
        with pytest.raises(IntegrityError):
            LinearLearner.load(tmp_path)
    (tmp_path / FILE).write_bytes(b"no zip")
    with pytest.raises(IntegrityError):
        LinearLearner.load(tmp_path)
