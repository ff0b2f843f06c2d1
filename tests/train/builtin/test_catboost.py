"""The hub's CatBoost is the library's CatBoost: the same answers, to the last bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.errors import ParameterError

from .conftest import Heard, csv, table

catboost = pytest.importorskip("catboost")
Hub = Callable[..., Heard]
DEFAULTS = {
    "iterations": 60, "learning_rate": 0.009, "depth": 6, "l2_leaf_reg": 3, "random_strength": 1.0, "rsm": 1.0,
    "sampling_frequency": "PerTreeLevel", "random_seed": 1, "thread_count": 1, "allow_writing_files": False,
    "logging_level": "Silent", "early_stopping_rounds": 5, "use_best_model": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("task", "classes", "loss", "metric"),
    [
        ("regression", 0, "RMSE", "RMSE"), ("classification", 2, "Logloss", "AUC"),
        ("classification", 3, "MultiClass", "MultiClass"),
    ],
)  # fmt: skip
def test_its_answers_are_the_librarys(hub: Hub, task: str, classes: int, loss: str, metric: str) -> None:
    train, valid = table(300, classes), table(150, classes, seed=1)
    files = {"training__a": csv(*train), "validation__a": csv(*valid)}
    heard = hub(f"catboost-{task}-model", {"iterations": 60}, **files)
    expected = catboost.CatBoost({**DEFAULTS, "loss_function": loss, "eval_metric": metric})
    expected.fit(catboost.Pool(*train), eval_set=catboost.Pool(*valid))
    found = catboost.CatBoost().load_model(str(heard.folder / "model"))
    assert found.tree_count_ == expected.tree_count_
    np.testing.assert_array_equal(found.predict(valid[0]), expected.predict(valid[0]))
    best = expected.get_best_score()["validation"][metric]
    assert heard.metrics == {metric: pytest.approx(best, rel=1e-9)}
    assert f"bestTest = {best:.10g}" in heard.lines
    assert f"bestIteration = {expected.get_best_iteration()}" in heard.lines


def test_categories_are_the_librarys_too(hub: Hub) -> None:
    X, y = table(300)
    X[:, 4] = np.arange(300) % 7
    files = {
        "training__a": csv(X, y),
        "validation__a": csv(X, y),
        "training__categorical_index": '{"cat_index_list": [5]}',
    }
    heard = hub("catboost-regression-model", {"iterations": 30, "depth": 4}, **files)
    rows = [[*row[:4], int(row[4])] for row in X.tolist()]
    pool = catboost.Pool(rows, y, cat_features=[4])
    expected = catboost.CatBoost({**DEFAULTS, "iterations": 30, "depth": 4, "loss_function": "RMSE"}).fit(
        pool, eval_set=pool
    )
    found = catboost.CatBoost().load_model(str(heard.folder / "model"))
    np.testing.assert_array_equal(found.predict(pool), expected.predict(pool))


def test_text_categories_are_answered_from_a_loaded_model(hub: Hub) -> None:
    rng = np.random.default_rng(0)
    names = rng.choice(["red", "green", "blue"], 200)
    rows = "\n".join(
        f"{'yes' if name == 'red' else 'no'},{name},{x:.3f}"
        for name, x in zip(names, rng.normal(size=200), strict=True)
    )
    asked = {"iterations": 100, "learning_rate": 0.3, "early_stopping_rounds": 0}
    index = '{"cat_index_list": [1]}'
    heard = hub("catboost-classification-model", asked, training__a=rows, training__categorical_index=index)
    model = get("catboost").load(heard.folder)
    p = model.predict(Tabular(np.array([[2.0, 0.0], [0.0, 0.0]], np.float32)))["probability"]  # red, blue
    assert p[0, 1] > 0.8
    assert p[1, 1] < 0.2


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"depth": 0}, "depth"), ({"learning_rate": 1}, "learning_rate"), ({"max_bin": "70000"}, "max_bin"),
        ({"eval_metric": "nonsense"}, "eval_metric"), ({"grow": 1}, "grow"),
    ],
)  # fmt: skip
def test_hyperparameters_out_of_range_are_refused(hub: Hub, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        hub("catboost-classification-model", asked, training__a=csv(*table(60, 2)))
