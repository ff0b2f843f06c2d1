"""Image classification as the model hub's TensorFlow container answers: probabilities; verbose ones also with names."""

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
    return Pictured(folder, "image-classification-tf", (reply.JSON,), written, environment)


def written(model: Any, picture: Pictures, kind: str, told: Told) -> bytes:
    """Write ``{"probabilities": [p, …]}``, with ``labels`` and ``predicted_label`` when verbose."""
    p = model.predict(picture)["probability"][0]
    fields: dict[str, Any] = {"probabilities": p.tolist()}
    if verbose(told):
        fields |= {"labels": list(model.names_), "predicted_label": model.names_[int(p.argmax())]}
    return json.dumps(fields).encode()


def verbose(told: Told) -> bool:
    """Whether a verbose answer is asked for."""
    return told.get("verbose") in ("", "true", "1")
