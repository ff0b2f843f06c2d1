"""Semantic segmentation as its container answers: a PNG of class ids, or a record of probabilities."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tarragon.data import Pictures, write_png, write_tensors
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.pictured import Pictured, Told

Facts = Mapping[str, Any]
PNG, PROTOBUF = "image/png", "application/x-protobuf"


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Pictured:
    """Load a model. Raises ``IntegrityError``."""
    return Pictured(folder, "semantic-segmentation", (PNG, PROTOBUF, reply.RECORDS), written, environment)


def written(model: Any, picture: Pictures, kind: str, told: Told) -> bytes:
    """Write the mask; or the features ``target``, float32, and ``shape``, int32: 1, classes, height, width."""
    answer = model.predict(picture)
    if kind == PNG:
        return write_png(answer["mask"][0])
    p = answer["probability"].astype(np.float32)
    return write_tensors({"target": p.reshape(-1), "shape": np.array(p.shape, np.int32)})
