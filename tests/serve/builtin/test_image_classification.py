"""Probabilities as a list, and as a line."""

import json

import numpy as np

from tarragon.data import Pictures
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.image_classification import written

PICTURE = Pictures.of([np.zeros((4, 6, 3), np.uint8)])


class Model:
    def predict(self, data: Pictures) -> dict[str, np.ndarray]:
        return {"probability": np.tile([[0.25, 0.75]], (len(data), 1))}


def test_formats() -> None:
    assert json.loads(written(Model(), PICTURE, reply.JSON, {})) == [0.25, 0.75]
    assert written(Model(), PICTURE, reply.LINES, {}) == b'{"prediction": [0.25, 0.75]}\n'
