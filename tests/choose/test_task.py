"""The objective and the words for it."""

import numpy as np
import pytest

from tarragon.choose import objective
from tarragon.errors import ParameterError


@pytest.mark.parametrize(
    ("y", "name"),
    [(np.arange(50) % 2, "auc"), (np.arange(50) % 3, "log_loss"), (np.linspace(0, 1, 50), "rmse")],
)
def test_defaults(table_of, y, name):
    assert objective(table_of({"x": np.arange(50.0), "y": y}), "auto")[0] == name


def test_asked_by_an_alias(table_of):
    table = table_of({"x": np.arange(50.0), "y": np.arange(50) % 2})
    assert objective(table, "logloss")[0] == "log_loss"
    with pytest.raises(ParameterError):
        objective(table, "rmse")


def test_rare_class_is_a_suggestion_not_a_change(table_of):
    y = np.r_[np.zeros(95, int), np.ones(5, int)]
    name, why = objective(table_of({"x": np.arange(100.0), "y": y}))
    assert name == "auc"
    assert "average_precision" in why
