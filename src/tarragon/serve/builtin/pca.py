"""Principal components as their container answers: each row's projection, smallest component first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.data import Tabular
from tarragon.serve.builtin.scored import Facts, Scored


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Scored:
    """Load a model, one trained by SageMaker included. Raises ``IntegrityError``."""
    return Scored(folder, facts, environment, answer, plural="projections")


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with the projection."""
    return {"projection": model.predict(rows)["projection"].tolist()}
