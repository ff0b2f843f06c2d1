"""Latent Dirichlet allocation as its container answers: each document's mixture of topics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.serve.builtin.scored import Facts, Scored


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Scored:
    """Load a model, one that SageMaker trained too. Raises ``IntegrityError``."""
    if "feature_dim" not in facts:
        kind: Any = get("lda")
        facts = {**facts, "feature_dim": kind.load(folder).feature_dim}
    return Scored(folder, facts, environment, answer)


def answer(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with ``topic_mixture``."""
    return {"topic_mixture": model.predict(rows)["topic_mixture"].tolist()}
