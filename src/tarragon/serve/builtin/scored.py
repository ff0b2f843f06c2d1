"""A model of the catalogue that answers rows of numbers with named fields, as the first-party containers do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

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


class Scored:
    """Answers requests with a model of the catalogue.

    Parameters
    ----------
    folder : Path
        What ``save`` wrote.
    facts : mapping
        What training left for serving: the algorithm's name, the kind of predictor, the threshold.
    environment : mapping of str to str
    answer : Answer
    plural : str
        The list's name in a JSON answer.
    kind : class, optional
        What loads the folder, where that is not the catalogue's algorithm of the name.

    The number of columns is the model's own where training left none: a model that SageMaker trained.
    """

    def __init__(
        self,
        folder: Path,
        facts: Facts,
        environment: Mapping[str, str],
        answer: Answer,
        plural: str = "predictions",
        kind: Any = None,
    ) -> None:
        kind = kind or get(str(facts["algorithm"]))
        self._model, self._facts, self._answer, self._plural = kind.load(folder), facts, answer, plural
        try:
            self._width = int(facts.get("feature_dim", getattr(self._model, "feature_dim", None)))
        except (TypeError, ValueError) as error:
            raise IntegrityError(
                "The model cannot be loaded", why="Its facts lack feature_dim", fix="Train it again"
            ) from error
        self._default = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", reply.JSON)

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415 unreadable, 400 other columns, 406 unknown answer type."""
        kind, verbose = reply.wanted(accept, self._default)
        X = reply.fitting(reply.rows_of(body, content_type), self._width)
        try:
            fields = self._answer(self._model, Tabular(X), self._facts, verbose=verbose)
        except DataError as error:
            raise RefusalError(400, str(error)) from error
        return reply.written(fields, kind, plural=self._plural), kind
