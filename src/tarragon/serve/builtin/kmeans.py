"""K-means as its container answers: the nearest centre's number and the Euclidean distance to it, both as floats."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.data import Tabular
from tarragon.serve.builtin.scored import Facts, Scored


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Scored:
    """Load a model, one trained by SageMaker included. Raises ``IntegrityError``."""
    return Scored(folder, facts, environment, answer)


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with the nearest centre and the distance."""
    return {name: values.tolist() for name, values in model.predict(rows).items()}
