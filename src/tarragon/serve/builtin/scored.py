"""Linear learner and k-nearest neighbours as their containers answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tarragon.algorithms import get
from tarragon.data import Tabular
from tarragon.errors import DataError, IntegrityError
from tarragon.serve.builtin import reply
from tarragon.serve.protocol import RefusalError

Facts = Mapping[str, Any]


class Answer(Protocol):
    """The fields of an answer, one entry a row."""

    def __call__(self, model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
        """Answer rows."""


def linear(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
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


def nearest(model: Any, rows: Tabular, facts: Facts, *, verbose: bool) -> dict[str, list[Any]]:
    """Answer with the label; verbose ones also with the neighbours' squared distances and labels, nearest first."""
    found = model.predict(rows)
    label = found["score"] if facts["predictor_type"] == "regressor" else found["probability"].argmax(axis=1)
    fields: dict[str, list[Any]] = {"predicted_label": np.asarray(label, np.float64).tolist()}
    if verbose:
        distances, labels = model.nearest(rows)
        squared = distances**2 if model.metric == "L2" else distances
        fields |= {"distances": squared.tolist(), "labels": labels.tolist()}
    return fields


ANSWERS: Mapping[str, Answer] = {"linear-learner": linear, "knn": nearest}


class Scored:
    """Answers requests with a model of the catalogue.

    Parameters
    ----------
    folder : Path
        What ``save`` wrote.
    facts : mapping
        What training left for serving: the algorithm's name, the kind of predictor, the threshold.
    environment : mapping of str to str
    """

    def __init__(self, folder: Path, facts: Facts, environment: Mapping[str, str]) -> None:
        name = str(facts.get("algorithm", ""))
        if name not in ANSWERS:
            raise IntegrityError(f"No built-in algorithm {name!r} answers", why="The model names it", fix="Train again")
        kind: Any = get(name)
        self._model, self._facts, self._answer = kind.load(folder), facts, ANSWERS[name]
        self._width = int(facts["feature_dim"])
        self._default = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", reply.JSON)

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415 unreadable, 400 other columns, 406 unknown answer type."""
        kind, verbose = reply.wanted(accept, self._default)
        X = reply.fitting(reply.rows_of(body, content_type), self._width)
        try:
            fields = self._answer(self._model, Tabular(X), self._facts, verbose=verbose)
        except DataError as error:
            raise RefusalError(400, str(error)) from error
        return reply.written(fields, kind), kind
