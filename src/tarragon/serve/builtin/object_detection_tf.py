"""Object detection as the model hub's TensorFlow container answers: boxes, classes, scores; verbose ones with names."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.data import Pictures
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.image_classification_tf import verbose
from tarragon.serve.builtin.pictured import Pictured, Told

Facts = Mapping[str, Any]


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Pictured:
    """Load a model. Raises ``IntegrityError``."""
    return Pictured(folder, "object-detection-tf", (reply.JSON,), written, environment)


def written(model: Any, picture: Pictures, kind: str, told: Told) -> bytes:
    """Write boxes as xmin, ymin, xmax, ymax in shares, the surest first.

    A verbose answer also has the labels, and the detector's own fields under ``tensorflow_model_output``: boxes there
    are ymin, xmin, ymax, xmax, and classes count from 1.
    """
    detection = model.predict(picture)["detection"][0]
    rows = detection[detection[:, 0] >= 0]
    kinds = rows[:, 0].astype(int)
    fields: dict[str, Any] = {
        "normalized_boxes": rows[:, 2:].tolist(), "classes": kinds.tolist(), "scores": rows[:, 1].tolist(),
    }  # fmt: skip
    if verbose(told):
        fields["labels"] = list(model.names_)
        fields["tensorflow_model_output"] = {
            "num_detections": [float(len(rows))], "detection_boxes": [rows[:, [3, 2, 5, 4]].tolist()],
            "detection_classes": [(kinds + 1.0).tolist()], "detection_scores": [rows[:, 1].tolist()],
        }  # fmt: skip
    return json.dumps(fields).encode()
