"""Linear learner as its container answers; also models whose files come from AWS and say all there is to know."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.serve.builtin.scored import Facts, Scored


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Scored:
    """Load a model. Raises ``IntegrityError``."""
    if "feature_dim" not in facts:
        kind: Any = get("linear-learner")
        model = kind.load(folder)
        facts = {
            **facts,
            "feature_dim": model.n_features,
            "predictor_type": model.predictor_type,
            "threshold": model.threshold_,
        }
    return Scored(folder, facts, environment, answer)


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with the score; a classifier also with its label."""
    found = model.predict(rows)
    if facts["predictor_type"] == "regressor":
        return {"score": found["score"].tolist()}
    if facts["predictor_type"] == "binary_classifier":
        positive = found["probability"][:, 1] if "probability" in found else found["score"]
        return {
            "score": positive.tolist(),
            "predicted_label": (positive >= float(facts["threshold"])).astype(int).tolist(),
        }
    p = found["probability"]
    return {"score": p.tolist(), "predicted_label": p.argmax(axis=1).tolist()}
