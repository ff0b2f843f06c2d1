"""Object2Vec as its container answers: scores of pairs, or the embedding of one sequence."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.algorithms import get
from tarragon.data import LabelledPairs, read_pair_request
from tarragon.errors import DataError
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.scored import Facts
from tarragon.serve.protocol import RefusalError

LINES = ("application/jsonlines", "application/x-jsonlines")
LONGEST = 5_000


class Compared:
    """Answers requests of pairs.

    Parameters
    ----------
    folder : Path
        What ``save`` wrote.
    environment : mapping of str to str
        ``INFERENCE_PREFERRED_MODE`` only steers what a GPU keeps ready in the container, and is not needed here.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        kind: Any = get("object2vec")
        self._model = kind.load(folder)
        self._default = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", reply.JSON)

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415 unreadable, 400 unknown tokens, 406 unknown answer type."""
        kind, _ = reply.wanted(accept, self._default)
        if kind not in (reply.JSON, reply.LINES):
            raise RefusalError(406, f"Accept type {kind} is not supported: use {reply.JSON} or {reply.LINES}")
        pairs, longest = asked(body, content_type or reply.JSON)
        try:
            found = self._model.predict(pairs, longest=longest)
        except DataError as error:
            raise RefusalError(400, str(error)) from error
        fields = {name: values.astype(float).tolist() for name, values in found.items()}
        return reply.written(fields, kind), kind


def asked(body: bytes, content_type: str) -> tuple[LabelledPairs, tuple[int, int] | None]:
    """Read a request and the lengths it asks for.

    Raises
    ------
    RefusalError
        415 for a content type or a body that cannot be read, 400 for lengths that are none.
    """
    name, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if name not in (reply.JSON, *LINES):
        raise RefusalError(415, f"Content type {name[:80]} is not supported: use {reply.JSON} or {LINES[0]}")
    longest = None
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "infer_max_seqlens":
            found = re.fullmatch(r"\s*(\d{1,4})\s*,\s*(\d{1,4})\s*", value)
            longest = (int(found[1]), int(found[2])) if found else (0, 0)
            if not all(1 <= length <= LONGEST for length in longest):
                raise RefusalError(400, f"infer_max_seqlens={value[:40]} is not two lengths from 1 to {LONGEST}")
    try:
        return read_pair_request(body, lines=name in LINES), longest
    except DataError as error:
        raise RefusalError(415, str(error)) from error


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> Compared:
    """Load a model. Raises ``IntegrityError``."""
    return Compared(folder, environment)
