from dataclasses import replace

import numpy as np
import pytest

from tarragon.algorithms.inputs import refused, same_columns, supervised
from tarragon.data import Tabular
from tarragon.errors import DataError, NotFittedError

ROWS = Tabular(np.zeros((4, 2), np.float32), y=np.array([0.0, 1.0, 2.0, 1.0]), n_classes=3)


def test_good_rows_pass() -> None:
    supervised(ROWS, "Toy")
    supervised(replace(ROWS, n_classes=0, y=np.array([-5.0, 1e9, 0.5, 2])), "Toy")
    supervised(replace(ROWS, weight=np.array([0.0, 1, 2, 3])), "Toy")


@pytest.mark.parametrize(
    "change",
    [
        {"y": None},
        {"y": np.zeros(3)},
        {"y": np.array([0, 1, np.nan, 1])},
        {"y": np.array([0, 1, np.inf, 1])},
        {"y": np.array([0.0, 1, 3, 1])},
        {"y": np.array([-1.0, 1, 2, 1])},
        {"n_classes": 1},
        {"X": np.zeros((0, 2), np.float32), "y": np.zeros(0)},
        {"X": np.zeros((4, 0), np.float32)},
        {"weight": np.zeros(4)},
        {"weight": np.array([1.0, -1, 1, 1])},
        {"weight": np.array([1.0, np.nan, 1, 1])},
        {"weight": np.ones(3)},
    ],
)
def test_bad_rows_are_refused_in_full_sentences(change: dict[str, object]) -> None:
    with pytest.raises(DataError) as caught:
        supervised(replace(ROWS, **change), "Toy")  # type: ignore[arg-type]
    assert caught.value.what
    assert caught.value.why
    assert caught.value.fix


def test_columns_at_predict() -> None:
    same_columns(ROWS, 2, "Toy")
    with pytest.raises(DataError, match="3 columns"):
        same_columns(ROWS, 3, "Toy")
    for unfitted in (0, None):
        with pytest.raises(NotFittedError):
            same_columns(ROWS, unfitted, "Toy")


def test_a_librarys_refusal_keeps_its_first_line() -> None:
    error = refused("Toy", RuntimeError("\n  label must be positive\nstack trace\n"))
    assert error.why == "label must be positive"
    assert refused("Toy", RuntimeError()).why == "RuntimeError"
