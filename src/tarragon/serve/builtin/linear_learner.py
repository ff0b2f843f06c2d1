"""Linear learner as its container answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.data import Tabular
from tarragon.serve.builtin.scored import Facts, Scored


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Scored:
    """Load a model. Raises ``IntegrityError``."""
    return Scored(folder, facts, environment, answer)


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with the score; a classifier also with its label."""
    found = model.predict(rows)
    if facts["predictor_type"] == "regressor":
        return {"score": found["score"].tolist()}
    p = found["probability"]
    if facts["predictor_type"] == "binary_classifier":
        positive = p[:, 1]
        return {
            "score": positive.tolist(),
            "predicted_label": (positive >= float(facts["threshold"])).astype(int).tolist(),
        }
    return {"score": p.tolist(), "predicted_label": p.argmax(axis=1).tolist()}
