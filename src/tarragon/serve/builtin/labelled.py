"""Answers as the model hub's tabular scripts give them: CSV rows without the label in, predictions out.

``{"prediction": […]}`` for a value, ``{"probabilities": [[…], …]}`` for classes; with ``;verbose`` also the labels and
the likeliest of them. Categories arrive as they were in training, as text too.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tarragon.algorithms import get
from tarragon.data import Tabular, media
from tarragon.errors import DataError, IntegrityError
from tarragon.serve.builtin import reply
from tarragon.serve.protocol import RefusalError
from tarragon.train.builtin import labelled

Facts = Mapping[str, Any]


class Labelled:
    """Answers requests with a model of the catalogue.

    Parameters
    ----------
    folder : Path
        What ``save`` wrote.
    facts : mapping
        What training left for serving: the algorithm's name, the number of columns, the classes, the levels of text.
    environment : mapping of str to str
    """

    def __init__(self, folder: Path, facts: Facts, environment: Mapping[str, str]) -> None:
        kind: Any = get(str(facts["algorithm"]))
        self._model = kind.load(folder)
        try:
            self._width = int(facts["feature_dim"])
            self._classes = list(facts["classes"])
            self._levels = {int(j): tuple(map(str, names)) for j, names in facts["levels"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise IntegrityError(
                "The model cannot be loaded", why=f"Its facts are not complete ({error})", fix="Train it again"
            ) from error
        self._default = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", reply.JSON)

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415 unreadable, 400 other columns, 406 unknown answer type."""
        kind, verbose = reply.wanted(accept, self._default)
        X = reply.fitting(self._rows(body, content_type), self._width)
        try:
            answer = self._model.predict(Tabular(X))
        except DataError as error:
            raise RefusalError(400, str(error)) from error
        if not self._classes:
            return written({"prediction": answer["score"].tolist()}, kind), kind
        p = answer["probability"]
        fields: dict[str, list[Any]] = {"probabilities": p.tolist()}
        if verbose:
            fields["labels"] = self._classes
            fields["predicted_label"] = [self._classes[i] for i in np.argmax(p, axis=1)]
        return written(fields, kind), kind

    def _rows(self, body: bytes, content_type: str) -> Any:
        if not self._levels:
            return reply.rows_of(body, content_type)
        try:
            if media(content_type or reply.CSV).kind != "csv":
                raise RefusalError(
                    415, f"Content type {content_type[:80]} is not supported by this model: use text/csv"
                )
            frame = pl.read_csv(io.BytesIO(body), has_header=False, infer_schema_length=None)
        except DataError as error:
            raise RefusalError(415, str(error)) from error
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise RefusalError(415, f"The body is not CSV: {str(error).splitlines()[0]}") from error
        if frame.width != self._width:
            raise RefusalError(
                400, f"Feature size of inference data {frame.width} is not that of the trained model, {self._width}"
            )
        try:
            return labelled.features(frame, self._levels)
        except DataError as error:
            raise RefusalError(400, str(error)) from error


def written(fields: dict[str, list[Any]], kind: str) -> bytes:
    """Write columns as one object, as the scripts do; row by row where the content type has rows."""
    if kind == reply.JSON:
        return json.dumps(fields).encode()
    n = max(len(column) for name, column in fields.items() if name != "labels")
    columns = {name: [column] * n if name == "labels" else column for name, column in fields.items()}
    return reply.written(columns, kind)
