"""A k-fold job: a model per fold, and answers to every row by those that did not see it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

from tarragon.errors import ParameterError
from tarragon.serve.builtin import load

from .conftest import Heard, table

Train = Callable[..., Heard]


def predictions(heard: Heard) -> np.ndarray:
    return np.loadtxt(heard.folder.parent / "output" / "data" / "predictions.csv", delimiter=",")


def test_values_are_answered_by_the_models_that_did_not_see_them(train: Train) -> None:
    X, y = table(90)
    heard = train("xgboost", {"num_round": 4, "_kfold": 3, "_num_cv_round": 2, "seed": 5}, train=(X, y))
    assert sorted(path.name for path in heard.folder.iterdir()) == [f"xgboost-model-{i}" for i in range(6)]
    expected = np.zeros((2, 90))
    for i, (fit, valid) in enumerate(RepeatedKFold(n_splits=3, n_repeats=2, random_state=5).split(X)):
        booster = xgboost.train({"nthread": 1, "seed": 5}, xgboost.QuantileDMatrix(X[fit], y[fit]), 4)
        expected[i // 3, valid] = booster.inplace_predict(X[valid])
    found = predictions(heard)
    np.testing.assert_allclose(found[:, 0], y, atol=1e-5)
    np.testing.assert_allclose(found[:, 1], expected.mean(axis=0), atol=1e-5)
    assert len([line for line in heard.lines if line.startswith("[1]#011") and "validation-rmse" in line]) == 7


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_are_divided_alike_and_voted_on(train: Train, classes: int) -> None:
    X, y = table(90, classes)
    held = table(30, classes, seed=1)
    objective = {"objective": "binary:logistic"} if classes == 2 else {"objective": "multi:softprob", "num_class": 3}
    asked = {"num_round": 5, "_kfold": 3, "early_stopping_rounds": 3, **objective}
    heard = train("xgboost", asked, train=(X, y), validation=held)
    found = predictions(heard)
    assert found.shape == (120, 3)  # validation rows are divided too
    assert (found[:, 2] == found[:, 0]).mean() > 0.7
    if classes == 2:
        np.testing.assert_array_equal(found[:, 2], found[:, 1] > 0.5)
    rows = np.concatenate([X, held[0]])
    _, valid = next(RepeatedStratifiedKFold(n_splits=3, n_repeats=1, random_state=0).split(rows, found[:, 0]))
    model = xgboost.Booster(model_file=bytearray((heard.folder / "xgboost-model-0").read_bytes()))
    p = model.inplace_predict(rows[valid])
    np.testing.assert_allclose(found[valid, 1], p if classes == 2 else p.max(axis=1), atol=1e-5)
    assert len(load(heard.folder, {}).answer(b"1,2,3,4,5\n", "text/csv", "text/csv")[0].split(b",")) in (1, 3)


def test_too_many_folds_are_refused(train: Train, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="_kfold=9 is too many"):
        train("xgboost", {"num_round": 1, "_kfold": 9}, train=table(5))


def test_a_stop_keeps_the_models_so_far(train: Train) -> None:
    heard = train("xgboost", {"num_round": 3, "_kfold": 3}, Heard(stop=True), train=table(60))
    assert [path.name for path in heard.folder.iterdir()] == ["xgboost-model-0"]
