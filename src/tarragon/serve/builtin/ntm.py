"""Neural topic model as its container answers: each document's weights of topics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.data import Tabular
from tarragon.serve.builtin.scored import Facts, Scored


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Scored:
    """Load a model. Raises ``IntegrityError``."""
    return Scored(folder, facts, environment, answer)


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with ``topic_weights``."""
    return {"topic_weights": model.predict(rows)["topic_weights"].astype(float).tolist()}
