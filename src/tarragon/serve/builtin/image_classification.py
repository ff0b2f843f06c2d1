"""Image classification as its container answers: a list of probabilities, or a line with them."""

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
    return Pictured(folder, "image-classification", (reply.JSON, reply.LINES), written, environment)


def written(model: Any, picture: Pictures, kind: str, told: Told) -> bytes:
    """Write ``[p, …]``, or ``{"prediction": [p, …]}`` as a line."""
    p = model.predict(picture)["probability"][0].tolist()
    return json.dumps(p).encode() if kind == reply.JSON else json.dumps({"prediction": p}).encode() + b"\n"
