import sys
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms.catboost import CatBoost
from tarragon.algorithms.contract import AlgorithmContract
from tarragon.algorithms.examples import made, values
from tarragon.algorithms.inputs import dense
from tarragon.data import Tabular
from tarragon.errors import MissingExtraError, ParameterError


class TestCatBoost(AlgorithmContract):
    algorithm = CatBoost(iterations=16, depth=3, learning_rate=0.3, max_ctr_complexity=1)
    iterative = True
    rounds = "iterations"


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_is_the_library_with_its_own_early_stopping(task: str) -> None:
    catboost = pytest.importorskip("catboost")
    train, valid = made(task), made(task, seed=1)
    ours = CatBoost(iterations=200, learning_rate=0.3, early_stopping_rounds=5).fit(train, valid=valid)

    def pool(data: Tabular) -> object:
        rows = [[int(v) if i in data.categorical else v for i, v in enumerate(row)] for row in dense(data).tolist()]
        return catboost.Pool(rows, data.y, cat_features=list(data.categorical))

    theirs = catboost.CatBoost(
        {
            "loss_function": {0: "RMSE", 2: "Logloss"}.get(train.n_classes, "MultiClass"),
            "iterations": 200, "learning_rate": 0.3, "depth": 6, "l2_leaf_reg": 3, "random_seed": 0, "thread_count": 1,
            "early_stopping_rounds": 5, "use_best_model": True, "allow_writing_files": False, "logging_level": "Silent",
        }
    ).fit(pool(train), eval_set=pool(valid))  # fmt: skip
    assert ours.rounds_ == theirs.tree_count_ < ours.rounds_done_ < 200
    (expected,) = theirs.get_evals_result()["validation"].values()
    np.testing.assert_allclose([loss for _, loss in ours.history_], expected)
    kind = "RawFormulaVal" if task == "regression" else "Probability"
    np.testing.assert_allclose(
        values(ours.predict(valid)), theirs.predict(pool(valid), prediction_type=kind), rtol=1e-9
    )


def test_metric_that_should_rise() -> None:
    train, valid = made("binary"), made("binary", seed=1)
    model = CatBoost(iterations=150, learning_rate=0.2, eval_metric="AUC", early_stopping_rounds=10)
    model.fit(train, valid=valid)
    losses = [loss for _, loss in model.history_]
    assert model.rounds_ == 1 + int(np.argmax(losses)) < model.rounds_done_


@pytest.mark.parametrize(
    "settings",
    [
        {"bootstrap_type": "Bayesian", "bagging_temperature": 0.5},
        {"bootstrap_type": "Bernoulli", "subsample": 0.7},
        {"bootstrap_type": "No"},
        {"bagging_temperature": 2.0},
        {"sampling_frequency": "PerTreeLevel"},
        {"grow_policy": "Lossguide", "max_leaves": 8, "min_data_in_leaf": 5},
        {"grow_policy": "Depthwise", "min_data_in_leaf": 5},
        {"boosting_type": "Ordered"},
        {"max_bin": 32, "rsm": 0.7, "one_hot_max_size": 10, "leaf_estimation_iterations": 1},
        {"monotone_constraints": "1,0,0,0,0"},
    ],
)
def test_settings_that_depend_on_each_other_are_accepted(settings: dict[str, object]) -> None:
    data = made("binary")
    p = values(CatBoost(iterations=15, learning_rate=0.3, depth=4, **settings).fit(data).predict(data))  # type: ignore[arg-type]
    assert np.mean(np.argmax(p, axis=1) == data.y) > 0.8


def test_an_objective_must_suit_the_target() -> None:
    with pytest.raises(ParameterError, match="MultiClass"):
        CatBoost(objective="Logloss").fit(made("multiclass"))


def test_a_target_of_one_value_is_answered_from_the_seal_alone(tmp_path: Path) -> None:
    data = made("multiclass", rows=20)
    model = CatBoost(iterations=5).fit(Tabular(data.X, y=np.full(20, 2.0), n_classes=5, categorical=(4,)))
    model.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".tarragon.json"]
    assert values(CatBoost.load(tmp_path).predict(data)).tolist() == [[0, 0, 1, 0, 0]] * 20


def test_many_rows_and_few_are_handed_over_differently_and_answered_alike() -> None:
    data = made("regression")
    model = CatBoost(iterations=15, learning_rate=0.3).fit(data)
    few = np.concatenate([model.predict(data.rows(np.arange(i, i + 20)))["score"] for i in range(0, 400, 20)])
    np.testing.assert_array_equal(few, model.predict(data)["score"])


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "catboost", None)
    with pytest.raises(MissingExtraError) as caught:
        CatBoost().fit(made("binary"))
    assert caught.value.fix == 'pip install "tarragon[catboost]"'


def test_the_file_is_the_librarys_own(tmp_path: Path) -> None:
    catboost = pytest.importorskip("catboost")
    data = made("regression", "dense")
    model = CatBoost(iterations=10).fit(data)
    model.save(tmp_path)
    theirs = catboost.CatBoost().load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(theirs.predict(data.X), model.predict(data)["score"])
