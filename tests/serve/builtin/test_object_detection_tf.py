"""Boxes, classes and scores, and the detector's own fields where a verbose answer is asked for."""

import json

import numpy as np

from tarragon.data import Pictures
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.object_detection_tf import written

PICTURE = Pictures.of([np.zeros((40, 80, 3), np.uint8)])


class Model:
    names_ = ("cat", "dog")

    def predict(self, data: Pictures) -> dict[str, np.ndarray]:
        return {"detection": np.array([[[1.0, 0.5, 0.25, 0.5, 0.75, 1.0], [-1.0] * 6]], np.float32)}


def test_formats() -> None:
    plain = {"normalized_boxes": [[0.25, 0.5, 0.75, 1.0]], "classes": [1], "scores": [0.5]}
    assert json.loads(written(Model(), PICTURE, reply.JSON, {})) == plain
    told = json.loads(written(Model(), PICTURE, reply.JSON, {"verbose": ""}))
    assert told["labels"] == ["cat", "dog"]
    assert told["tensorflow_model_output"]["detection_boxes"] == [[[0.5, 0.25, 1.0, 0.75]]]
    assert told["tensorflow_model_output"]["detection_classes"] == [[2.0]]
