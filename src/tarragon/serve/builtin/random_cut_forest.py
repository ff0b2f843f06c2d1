"""Random cut forest as its container answers: one score a row, in JSON under ``scores``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.data import Tabular
from tarragon.serve.builtin.scored import Facts, Scored


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Scored:
    """Load a model. Raises ``IntegrityError``."""
    return Scored(folder, facts, environment, answer, plural="scores")


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with the score."""
    return {"score": model.predict(rows)["score"].tolist()}
