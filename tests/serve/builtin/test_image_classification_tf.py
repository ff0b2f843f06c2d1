"""Probabilities, and names where a verbose answer is asked for."""

import json

import numpy as np

from tarragon.data import Pictures
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.image_classification_tf import written
from tarragon.serve.builtin.pictured import wanted

PICTURE = Pictures.of([np.zeros((4, 6, 3), np.uint8)])


class Model:
    names_ = ("rose", "tulip")

    def predict(self, data: Pictures) -> dict[str, np.ndarray]:
        return {"probability": np.array([[0.25, 0.75]])}


def test_formats() -> None:
    assert json.loads(written(Model(), PICTURE, reply.JSON, {})) == {"probabilities": [0.25, 0.75]}
    told = wanted("application/json;verbose", (reply.JSON,), reply.JSON)[1]
    assert json.loads(written(Model(), PICTURE, reply.JSON, told)) == {
        "probabilities": [0.25, 0.75], "labels": ["rose", "tulip"], "predicted_label": "tulip",
    }  # fmt: skip
