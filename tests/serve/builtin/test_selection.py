"""SAGEMAKER_INFERENCE_OUTPUT: each objective's parts, and NaN for what it does not have."""

import math

import numpy as np
import pytest

from tarragon.serve.builtin.selection import selected
from tarragon.serve.protocol import RefusalError

KEYS = ("predicted_label", "probability", "probabilities", "labels")


def test_a_binary_answer_has_all_parts() -> None:
    found = selected(np.array([0.25, 0.75]), "binary:logistic", 0, KEYS)
    assert found == {
        "predicted_label": [0, 1],
        "probability": [0.25, 0.75],
        "probabilities": [[0.75, 0.25], [0.25, 0.75]],
        "labels": [[0, 1], [0, 1]],
    }


def test_several_classes() -> None:
    found = selected(np.array([[0.2, 0.5, 0.3]]), "multi:softprob", 3, KEYS)
    assert (found["predicted_label"], found["probability"], found["labels"]) == ([1], [0.5], [[0, 1, 2]])
    assert selected(np.array([2.0]), "multi:softmax", 3, ("predicted_label",)) == {"predicted_label": [2]}


def test_what_an_objective_lacks_is_nan() -> None:
    found = selected(np.array([1.5]), "reg:squarederror", 0, ("predicted_score", "probability"))
    assert found["predicted_score"] == [1.5]
    assert math.isnan(found["probability"][0])
    raw = selected(np.array([-1.0]), "binary:logitraw", 0, ("predicted_label", "probability"))
    assert raw["predicted_label"] == [0]
    assert math.isnan(raw["probability"][0])


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(RefusalError, match="nonsense"):
        selected(np.array([1.5]), "reg:squarederror", 0, ("nonsense",))
