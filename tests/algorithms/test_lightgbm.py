from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from tarragon.algorithms.contract import AlgorithmContract
from tarragon.algorithms.examples import made, values
from tarragon.algorithms.lightgbm import LightGBM
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Tabular
from tarragon.errors import DataError, ParameterError


class TestLightGBM(AlgorithmContract):
    algorithm = LightGBM(num_boost_round=16, learning_rate=0.2, num_leaves=8)
    iterative = True
    rounds = "num_boost_round"


class TestExtremelyRandom(AlgorithmContract):
    algorithm = LightGBM(num_boost_round=16, learning_rate=0.2, num_leaves=8, extra_trees=True)
    iterative = True
    rounds = "num_boost_round"


class TestLinearLeaves(AlgorithmContract):
    algorithm = LightGBM(
        num_boost_round=16, learning_rate=0.2, num_leaves=4, linear_tree=True, linear_lambda=1.0, min_data_in_leaf=20
    )
    iterative = True
    rounds = "num_boost_round"


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_is_the_library_with_its_own_early_stopping(task: str) -> None:
    train, valid = made(task), made(task, seed=1)
    ours = LightGBM(num_boost_round=200, early_stopping_rounds=5).fit(train, valid=valid, context=Standalone(seed=9))
    objective = {0: "regression", 2: "binary"}.get(train.n_classes, "multiclass")
    settings = {
        "objective": objective, "metric": "rmse" if objective == "regression" else "", "num_leaves": 64, "max_depth": 6,
        "num_class": train.n_classes if train.n_classes > 2 else 1, "feature_fraction": 0.9, "bagging_fraction": 0.9,
        "bagging_freq": 1, "min_data_in_leaf": 3, "learning_rate": 0.1, "seed": 9, "deterministic": True,
        "force_row_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    lines: dict[str, dict[str, list[float]]] = {}
    rows = lightgbm.Dataset(train.X, train.y, categorical_feature=list(train.categorical))
    stop = lightgbm.early_stopping(5, verbose=False)
    theirs = lightgbm.train(
        settings,
        rows,
        200,
        [rows.create_valid(valid.X, valid.y)],
        ["v"],
        callbacks=[stop, lightgbm.record_evaluation(lines)],
    )
    assert ours.rounds_ == theirs.best_iteration < ours.rounds_done_ < 200
    (expected,) = lines["v"].values()
    np.testing.assert_array_equal([loss for _, loss in ours.history_], expected)
    got = values(ours.predict(valid))
    np.testing.assert_array_equal(
        got[:, 1] if task == "binary" else got, theirs.predict(valid.X)
    ) if task != "multiclass" else (np.testing.assert_allclose(got, theirs.predict(valid.X), rtol=1e-12))


def test_metric_that_should_rise() -> None:
    train, valid = made("binary"), made("binary", seed=1)
    model = LightGBM(num_boost_round=150, metric="auc", early_stopping_rounds=10).fit(train, valid=valid)
    losses = [loss for _, loss in model.history_]
    assert model.rounds_ == 1 + int(np.argmax(losses)) < model.rounds_done_


@pytest.mark.parametrize("off", [0, -1])
def test_early_stopping_can_be_off(off: int) -> None:
    train, valid = made("binary"), made("binary", seed=1)
    model = LightGBM(num_boost_round=60, early_stopping_rounds=off).fit(train, valid=valid)
    assert model.rounds_ == model.rounds_done_ == 60


def test_ends_when_no_row_or_column_allows_a_split() -> None:
    data = Tabular(np.ones((50, 2), np.float32), y=np.arange(50.0))
    model = LightGBM(num_boost_round=1_000_000).fit(data)
    assert model.rounds_done_ < 100
    assert model.predict(data)["score"] == pytest.approx(np.full(50, 24.5))


def test_one_against_all_sums_to_one() -> None:
    data = made("multiclass")
    p = values(LightGBM(num_boost_round=20, objective="multiclassova").fit(data).predict(data))
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_objectives_must_suit_the_target_and_each_other() -> None:
    with pytest.raises(ParameterError, match="multiclass"):
        LightGBM(objective="binary").fit(made("multiclass"))
    with pytest.raises(ParameterError, match="exclude"):
        LightGBM(is_unbalance=True, scale_pos_weight=2.0).fit(made("binary"))


def test_the_librarys_refusal_is_told_in_our_words() -> None:
    with pytest.raises(DataError, match="LightGBM refused"):
        LightGBM(objective="poisson").fit(replace(made("regression"), y=np.full(400, -1.0)))


def test_positive_class_can_weigh_more() -> None:
    data = made("binary")
    plain = values(LightGBM(num_boost_round=20).fit(data).predict(data))[:, 1].mean()
    heavy = values(LightGBM(num_boost_round=20, scale_pos_weight=5.0).fit(data).predict(data))[:, 1].mean()
    assert heavy > plain + 0.05


def test_linear_leaves_go_on_past_the_training_range() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, size=(400, 1)).astype(np.float32)
    data = Tabular(X, y=5.0 * X[:, 0])
    beyond = Tabular(np.array([[1.5]], np.float32))
    line = LightGBM(num_boost_round=100, linear_tree=True, num_leaves=2).fit(data).predict(beyond)["score"][0]
    step = LightGBM(num_boost_round=100, num_leaves=2).fit(data).predict(beyond)["score"][0]
    assert line > 6.5
    assert step < 5.1


def test_the_file_is_the_librarys_own(tmp_path: Path) -> None:
    data = made("regression")
    model = LightGBM(num_boost_round=10).fit(data)
    model.save(tmp_path)
    theirs = lightgbm.Booster(model_file=str(tmp_path / "model.txt"))
    np.testing.assert_array_equal(theirs.predict(data.X), model.predict(data)["score"])
