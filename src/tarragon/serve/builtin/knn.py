"""k-nearest neighbours as their container answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tarragon.data import Tabular
from tarragon.serve.builtin.scored import Facts, Scored


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Scored:
    """Load a model. Raises ``IntegrityError``."""
    return Scored(folder, facts, environment, answer)


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with the label; verbose ones also with the neighbours' squared distances and labels, nearest first."""
    found = model.predict(rows)
    label = found["score"] if facts["predictor_type"] == "regressor" else found["probability"].argmax(axis=1)
    fields: dict[str, list[Any]] = {"predicted_label": np.asarray(label, np.float64).tolist()}
    if verbose:
        distances, labels = model.nearest(rows)
        squared = distances**2 if model.metric == "L2" else distances
        fields |= {"distances": squared.tolist(), "labels": labels.tolist()}
    return fields
