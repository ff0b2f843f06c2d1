"""A native table model as an AutoML container answers: rows of CSV without a header in, labels out.

SAGEMAKER_INFERENCE_OUTPUT names the parts of the answer: predicted_label, probability, probabilities, labels.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tarragon.data import media
from tarragon.errors import DataError
from tarragon.refine import TableModel
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.selection import chosen
from tarragon.serve.protocol import RefusalError


class Tabled:
    """Answers requests with a table model.

    Parameters
    ----------
    folder : Path
        What ``TableModel.save`` wrote; a ``columns.json`` beside it names the columns that rows have.
    environment : mapping of str to str
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._model = TableModel.load(folder)
        said = folder / "columns.json"
        self._columns = [str(each) for each in json.loads(said.read_text())] if said.is_file() else []
        given = environment.get("SAGEMAKER_INFERENCE_OUTPUT", "predicted_label")
        self._outputs = tuple(part.strip() for part in given.split(",") if part.strip())
        self._default = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", reply.CSV)

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415 unreadable, 400 other columns, 406 unknown answer type."""
        kind, _ = reply.wanted(accept, self._default)
        frame, _ = self._model.encoder.align(self._frame(body, content_type))
        response = self._model.respond(frame)
        labels = self._model.decide(response).tolist()
        parts: dict[str, list[Any]] = {"predicted_label": labels}
        if self._model.task == "regression":
            parts["predicted_score"] = labels
        else:
            names = list(self._model.classes)
            parts |= {
                "labels": [names] * len(labels),
                "probability": response[np.arange(len(labels)), [names.index(label) for label in labels]].tolist(),
                "probabilities": response.tolist(),
            }
        return reply.written(chosen(parts, self._outputs, len(labels)), kind), kind

    def _frame(self, body: bytes, content_type: str) -> pl.DataFrame:
        """Read cells as text under the model's column names; a header that says them is skipped."""
        columns = self._columns or list(self._model.columns)
        try:
            if media(content_type or reply.CSV).kind != "csv":
                raise RefusalError(
                    415, f"Content type {content_type[:80]} is not supported by this model: use text/csv"
                )
            frame = pl.read_csv(io.BytesIO(body), has_header=False, infer_schema=False)
        except DataError as error:
            raise RefusalError(415, str(error)) from error
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise RefusalError(415, f"The body is not CSV: {str(error).splitlines()[0]}") from error
        if frame.width == len(self._model.columns) != len(columns):  # without those that the model does not read
            columns = list(self._model.columns)
        if frame.width != len(columns):
            raise RefusalError(
                400, f"The rows have {frame.width} columns, the model reads {len(columns)}: {columns[:20]}"
            )
        if list(frame.row(0)) == columns:
            frame = frame.slice(1)
        return frame.rename(dict(zip(frame.columns, columns, strict=True)))
