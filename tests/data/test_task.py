import datetime as dt

import numpy as np
import polars as pl
import pytest

from tarragon.data.task import infer
from tarragon.errors import DataError, ParameterError


def target(values):
    return pl.Series("y", values)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["yes", "no", "no"] * 10, "binary", ("no", "yes")),
        ([True, False] * 10, "binary", (False, True)),
        ([0, 1, 1] * 10, "binary", (0, 1)),
        ([1, 2] * 10, "binary", (1, 2)),
        ([0.0, 1.0] * 10, "binary", (0.0, 1.0)),
        (["spam", "ham", "ham"] * 10, "binary", ("ham", "spam")),
        (["good", "bad", "good"] * 10, "binary", ("good", "bad")),
        (["NEG", "POS"] * 10, "binary", ("NEG", "POS")),
        (["b", "a"] * 10, "binary", ("a", "b")),
        (["c", "a", "b"] * 10, "multiclass", ("a", "b", "c")),
        ([0, 1, 2, 3] * 20, "multiclass", (0, 1, 2, 3)),
        ([1, 2, 3] * 20, "multiclass", (1, 2, 3)),
        ([0, 1, 2, 3] * 5, "regression", ()),
        ([1, 2, 3, 4, 5] * 20, "regression", ()),
        ([0.5, 1.5, 2.5] * 20, "regression", ()),
        (list(range(60)), "regression", ()),
    ],
)
def test_the_values_decide(values, task, classes):
    found = infer(target(values))
    assert (found.task, found.classes) == (task, classes)
    assert found.notes


def test_positive_comes_last():
    assert infer(target(["a", "b"] * 10), positive="a").classes == ("b", "a")
    assert infer(target([0, 1] * 10), positive="0").classes == (1, 0)
    assert infer(target([True, False] * 10), positive="False").classes == (True, False)
    with pytest.raises(ParameterError, match='Did you mean "churned"'):
        infer(target(["churned", "stayed"] * 10), positive="chruned")
    with pytest.raises(ParameterError, match="needs two classes"):
        infer(target(["a", "b", "c"] * 10), positive="a")
    with pytest.raises(ParameterError, match="needs classes"):
        infer(target(np.arange(50.0)), positive="1")


def test_asked_tasks():
    assert infer(target([1, 2, 3, 4, 5] * 20), task="multiclass").classes == (1, 2, 3, 4, 5)
    assert infer(target([0, 1, 2] * 20), task="regression").task == "regression"
    assert infer(target(["a", "b"] * 10), task="classification").task == "binary"
    for values, task in ((["a", "b"] * 10, "regression"), ([1, 2, 3] * 9, "binary"), ([1, 2] * 9, "clustering")):
        with pytest.raises(ParameterError):
            infer(target(values), task=task)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([1] * 30, "never varies"),
        (["a"] * 29 + ["b"] * 29 + ["rare"], 'Only one row has "rare"'),
        ([f"text {i}" for i in range(30)], "no class and no number"),
        ([dt.datetime(2020, 1, 1) + dt.timedelta(days=i) for i in range(30)], "is a date"),
    ],
)
def test_targets_that_cannot_be_learned(values, what):
    with pytest.raises(DataError, match=what):
        infer(target(values))


def test_thin_classes_are_named():
    assert '"c" (3)' in " ".join(infer(target(["a"] * 20 + ["b"] * 20 + ["c"] * 3)).notes)
