"""The hub's LightGBM is the library's LightGBM: the same trees, to the last bit."""

import json
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pytest

from tarragon.errors import DataError, ParameterError

from .conftest import Heard, csv, table

Hub = Callable[..., Heard]
DEFAULTS = {
    "learning_rate": 0.1, "num_leaves": 64, "feature_fraction": 0.9, "bagging_fraction": 0.9, "bagging_freq": 1,
    "max_depth": 6, "min_data_in_leaf": 3, "deterministic": True, "force_row_wise": True, "verbosity": -1,
    "num_threads": 1,
}  # fmt: skip
"""The script's, and what keeps the library's sums in one order."""


def library(params: dict[str, Any], train: Any, valid: Any, stop: int = 10, **more: Any) -> Any:
    rows = lightgbm.Dataset(*train, **more, params=dict(params))
    held = rows.create_valid(*valid)
    stopping = [lightgbm.early_stopping(stop, verbose=False)] if stop else []
    return lightgbm.train(params, rows, 100, valid_sets=[held], callbacks=stopping)


def trees(text: str) -> str:
    return text[text.index("Tree=0") : text.index("end of trees")]


@pytest.mark.parametrize(
    ("task", "classes", "more"),
    [
        ("regression", 0, {"objective": "regression", "metric": "rmse"}),
        ("classification", 2, {"objective": "binary"}),
        ("classification", 3, {"objective": "multiclass", "num_class": 3}),
    ],
)
def test_its_trees_are_the_librarys(hub: Hub, task: str, classes: int, more: dict[str, Any]) -> None:
    train, valid = table(500, classes), table(200, classes, seed=1)
    heard = hub(f"lightgbm-{task}-model", {}, train__a=csv(*train), validation__a=csv(*valid))
    expected = library({**DEFAULTS, **more}, train, valid)
    found = (heard.folder / "model.txt").read_text()
    assert trees(found) == trees(expected.model_to_string(num_iteration=expected.best_iteration))
    np.testing.assert_array_equal(lightgbm.Booster(model_str=found).predict(valid[0]), expected.predict(valid[0]))
    metric = {0: "rmse", 2: "binary_logloss", 3: "multi_logloss"}[classes]
    assert set(heard.metrics) == {metric}
    assert heard.epochs[-1] == expected.best_iteration + 10


def test_categories_and_hyperparameters_reach_the_library(hub: Hub) -> None:
    X, y = table(400)
    X[:, 4] = np.arange(400) % 7
    asked = {"num_leaves": 8, "lambda_l1": 0.5, "boosting": "goss", "early_stopping_rounds": -1, "metric": "l1"}
    files = {"train__a": csv(X, y), "validation__a": csv(X, y), "train__categorical_index": '{"cat_index_list": [5]}'}
    heard = hub("lightgbm-regression-model", asked, **files)
    params = {
        **DEFAULTS,
        "num_leaves": 8,
        "lambda_l1": 0.5,
        "metric": "l1",
        "bagging_freq": 0,
        "data_sample_strategy": "goss",
    }
    expected = library({**params, "objective": "regression"}, (X, y), (X, y), 0, categorical_feature=[4])
    assert trees((heard.folder / "model.txt").read_text()) == trees(expected.model_to_string())
    assert heard.epochs == list(range(1, 101))


@pytest.mark.parametrize("boosting", ["dart", "rf"])
def test_other_kinds_of_boosting(hub: Hub, boosting: str) -> None:
    train, valid = table(200), table(100, seed=1)
    asked = {"boosting": boosting, "num_boost_round": 20}
    heard = hub("lightgbm-regression-model", asked, train__a=csv(*train), validation__a=csv(*valid))
    answer = lightgbm.Booster(model_file=str(heard.folder / "model.txt")).predict(valid[0])
    assert np.corrcoef(answer, valid[1])[0, 1] > 0.8


def test_what_answers_need_lies_beside_the_model(hub: Hub) -> None:
    heard = hub("lightgbm-classification-model", {"num_boost_round": 2}, train__a=csv(*table(60, 3)))
    facts = json.loads((heard.folder / ".tarragon-serving.json").read_text())
    assert facts == {
        "algorithm": "lightgbm", "model_id": "lightgbm-classification-model", "feature_dim": 5, "classes": [0, 1, 2],
        "levels": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"num_leaves": 1}, "num_leaves"), ({"learning_rate": 1}, "learning_rate"), ({"trees": 3}, "trees"),
        ({"metric": "nonsense"}, "metric"), ({"is_unbalance": "True", "scale_pos_weight": 2}, "exclude each other"),
    ],
)  # fmt: skip
def test_hyperparameters_out_of_range_are_refused(hub: Hub, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        hub("lightgbm-classification-model", asked, train__a=csv(*table(60, 2)))


def test_one_row_is_too_few(hub: Hub) -> None:
    with pytest.raises(DataError, match="too few rows"):
        hub("lightgbm-regression-model", {}, train__a="1,2,3\n")
