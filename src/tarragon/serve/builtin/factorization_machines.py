"""Factorization machines as their container answers: JSON, JSON Lines or records, never CSV."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.scored import Facts, Scored
from tarragon.serve.protocol import RefusalError


class Machines(Scored):
    """Answers requests; CSV is refused either way, as rows of so many columns make no sense in it."""

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415, 400 or 406."""
        if content_type.partition(";")[0].strip().lower() in ("", "csv", reply.CSV):
            raise RefusalError(415, f"Content type {content_type or reply.CSV} is not supported: send JSON or records")
        if reply.wanted(accept, reply.JSON)[0] == reply.CSV:
            raise RefusalError(406, "Accept type text/csv is not supported: ask for JSON or records")
        return super().answer(body, content_type, accept)


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Machines:
    """Load a model. Raises ``IntegrityError``."""
    if "feature_dim" not in facts:  # trained elsewhere
        kind: Any = get("factorization-machines")
        model = kind.load(folder)
        facts = {**facts, "feature_dim": model.feature_dim, "predictor_type": model.predictor_type}
    return Machines(folder, facts, environment, answer)


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with the score; a classifier also with its label, 1 from one half on."""
    found = model.predict(rows)
    if facts["predictor_type"] == "regressor":
        return {"score": found["score"].tolist()}
    positive = found["probability"][:, 1]
    return {"score": positive.tolist(), "predicted_label": np.asarray(positive >= 0.5, int).tolist()}
