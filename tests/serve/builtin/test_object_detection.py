"""Boxes in shares, and as annotations in pixels."""

import json

import numpy as np

from tarragon.data import Pictures
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.object_detection import written

PICTURE = Pictures.of([np.zeros((40, 80, 3), np.uint8)])
ROW = [1.0, 0.5, 0.25, 0.5, 0.75, 1.0]


class Model:
    def predict(self, data: Pictures) -> dict[str, np.ndarray]:
        return {"detection": np.array([[ROW, [-1.0] * 6]], np.float32)}


def test_formats() -> None:
    assert json.loads(written(Model(), PICTURE, reply.JSON, {})) == {"prediction": [ROW]}
    assert written(Model(), PICTURE, reply.LINES, {}).endswith(b"]]}\n")
    assert json.loads(written(Model(), PICTURE, reply.JSON, {"annotation": "1"})) == {
        "image_size": [{"width": 80, "height": 40, "depth": 3}],
        "annotations": [{"class_id": 1, "score": 0.5, "left": 20, "top": 20, "width": 40, "height": 20}],
    }
