"""Object detection as its container answers: rows of class, score and corners in shares, or annotations in pixels."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.data import Pictures
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.pictured import Pictured, Told

Facts = Mapping[str, Any]


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Pictured:
    """Load a model. Raises ``IntegrityError``."""
    return Pictured(folder, "object-detection", (reply.JSON, reply.LINES), written, environment)


def written(model: Any, picture: Pictures, kind: str, told: Told) -> bytes:
    """Write ``{"prediction": [[class, score, xmin, ymin, xmax, ymax], …]}``; with ``annotation=1`` pixels."""
    detection = model.predict(picture)["detection"][0]
    rows = detection[detection[:, 0] >= 0].tolist()
    found: dict[str, Any] = {"prediction": rows}
    if told.get("annotation") == "1":
        height, width = picture.read(0).shape[:2]
        found = {
            "image_size": [{"width": width, "height": height, "depth": 3}],
            "annotations": [
                {
                    "class_id": int(c), "score": score, "left": round(left * width), "top": round(top * height),
                    "width": round((right - left) * width), "height": round((bottom - top) * height),
                }
                for c, score, left, top, right, bottom in rows
            ],
        }  # fmt: skip
    return json.dumps(found).encode() + (b"\n" if kind == reply.LINES else b"")
