from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost

from tarragon.algorithms.contract import AlgorithmContract
from tarragon.algorithms.examples import made, values
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.xgboost import XGBoost
from tarragon.data import Tabular
from tarragon.errors import DataError, ParameterError


class TestXGBoost(AlgorithmContract):
    algorithm = XGBoost(num_round=16, early_stopping_rounds=4, max_depth=3, min_child_weight=0.5)
    iterative = True
    rounds = "num_round"
    repeats = 1e-3


def binned(data: Tabular) -> xgboost.DMatrix:
    kinds = ["c" if i in data.categorical else "q" for i in range(data.n_features)]
    return xgboost.DMatrix(data.X, data.y, feature_types=kinds, enable_categorical=True, nthread=1)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_is_the_library_with_its_own_early_stopping(task: str) -> None:
    train, valid = made(task), made(task, seed=1)
    ours = XGBoost(num_round=200, eta=0.3, early_stopping_rounds=5).fit(train, valid=valid)
    objective = {0: "reg:squarederror", 2: "binary:logistic"}.get(train.n_classes, "multi:softprob")
    settings = {"objective": objective, "eta": 0.3, "nthread": 1, "verbosity": 0, "num_class": train.n_classes}
    if train.n_classes < 3:
        del settings["num_class"]
    lines: dict[str, dict[str, list[float]]] = {}
    theirs = xgboost.train(
        settings,
        binned(train),
        200,
        evals=[(binned(valid), "v")],
        early_stopping_rounds=5,
        evals_result=lines,
        verbose_eval=False,
    )
    assert ours.rounds_ == theirs.best_iteration + 1
    assert ours.rounds_done_ == theirs.num_boosted_rounds() < 200
    (expected,) = lines["v"].values()
    np.testing.assert_allclose([loss for _, loss in ours.history_], expected, rtol=1e-6)
    answer = theirs.predict(binned(valid), iteration_range=(0, ours.rounds_))
    got = values(ours.predict(valid))
    np.testing.assert_allclose(got[:, 1] if task == "binary" else got, answer, atol=1e-5)


def test_metric_that_should_rise() -> None:
    train, valid = made("binary"), made("binary", seed=1)
    model = XGBoost(num_round=100, eval_metric="auc", early_stopping_rounds=10).fit(train, valid=valid)
    losses = [loss for _, loss in model.history_]
    assert model.rounds_ == 1 + int(np.argmax(losses)) < model.rounds_done_


@pytest.mark.parametrize(
    "objective", ["binary:logitraw", "binary:hinge", "reg:logistic", "multi:softprob", "multi:softmax"]
)
def test_every_binary_objective_answers_probabilities(objective: str) -> None:
    data = made("binary")
    p = values(XGBoost(num_round=20, objective=objective).fit(data).predict(data))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert np.mean(np.argmax(p, axis=1) == data.y) > 0.8
    if objective == "binary:hinge":
        assert set(np.unique(p)) == {0.0, 1.0}


@pytest.mark.parametrize(
    "objective", ["reg:gamma", "reg:tweedie", "count:poisson", "reg:absoluteerror", "reg:pseudohubererror"]
)
def test_every_regression_objective_learns(objective: str) -> None:
    data = made("regression")
    assert data.y is not None
    data = replace(data, y=np.exp(data.y / 10))
    score = XGBoost(num_round=40, objective=objective).fit(data).predict(data)["score"]
    assert np.corrcoef(score, data.y)[0, 1] > 0.8
    assert np.mean(score) == pytest.approx(np.mean(data.y), rel=0.2)


def test_an_objective_must_suit_the_target() -> None:
    with pytest.raises(ParameterError, match="multi:softprob"):
        XGBoost(objective="binary:logistic").fit(made("multiclass"))
    with pytest.raises(ParameterError):
        XGBoost(objective="multi:softprob").fit(made("regression"))


def test_the_librarys_refusal_is_told_in_our_words() -> None:
    with pytest.raises(DataError, match="XGBoost refused"):
        XGBoost(objective="count:poisson").fit(replace(made("regression"), y=np.full(400, -1.0)))


def test_monotone_constraint_holds() -> None:
    data = made("regression")
    model = XGBoost(num_round=30, monotone_constraints="(0,1,0,0,0)").fit(data)
    sweep = np.tile(np.nan_to_num(np.asarray(data.X)[:1]), (50, 1))
    sweep[:, 1] = np.linspace(-3, 3, 50)
    assert (np.diff(model.predict(Tabular(sweep))["score"]) >= 0).all()


def test_the_file_is_the_librarys_own(tmp_path: Path) -> None:
    data = made("regression")
    model = XGBoost(num_round=10).fit(data, context=Standalone())
    model.save(tmp_path)
    theirs = xgboost.Booster(model_file=str(tmp_path / "xgboost-model"))
    np.testing.assert_array_equal(theirs.inplace_predict(data.X, validate_features=False), model.predict(data)["score"])
