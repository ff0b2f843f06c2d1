"""k-nearest neighbours as their container answers: a label, and the neighbours it came from where asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.algorithms import KNNIndex
from tarragon.data import Tabular
from tarragon.serve.builtin.scored import Facts, Scored


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Scored:
    """Load a model, one trained by SageMaker included. Raises ``IntegrityError``."""
    return Scored(folder, facts, environment, answer, kind=KNNIndex)


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with the label; verbose ones also with the neighbours' distances and labels, nearest first."""
    distances, labels = model.nearest(rows)
    fields: dict[str, list[Any]] = {"predicted_label": model.decided(labels).tolist()}
    return fields | {"distances": distances.tolist(), "labels": labels.tolist()} if verbose else fields
