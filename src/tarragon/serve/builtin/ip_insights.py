"""IP Insights as its container answers: the dot product of a pair, and both vectors where a verbose answer is asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.algorithms import get
from tarragon.data import media, read_pairs
from tarragon.errors import DataError
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.scored import Facts
from tarragon.serve.protocol import RefusalError

KINDS = ("csv", "json", "jsonlines")


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> "Matched":
    """Load a model. Raises ``IntegrityError``."""
    return Matched(folder, environment)


class Matched:
    """Answers pairs of an entity and an address.

    Parameters
    ----------
    folder : Path
        What ``save`` wrote.
    environment : mapping of str to str
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        kind: Any = get("ip-insights")
        self._model = kind.load(folder)
        self._default = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", reply.JSON)

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415 another type, 400 no pairs, 406 unknown answer type."""
        asked, verbose = reply.wanted(accept, self._default)
        try:
            kind = media(content_type or reply.CSV).kind
        except DataError as error:
            raise RefusalError(415, str(error)) from error
        if kind not in KINDS:
            raise RefusalError(415, f"Content type {content_type[:100]} is not supported: use text/csv or JSON")
        try:
            pairs = read_pairs(body, content_type or reply.CSV)
        except DataError as error:
            raise RefusalError(400, str(error)) from error
        fields: dict[str, Any] = {"dot_product": self._model.predict(pairs)["dot_product"].tolist()}
        if verbose:
            entity, address = self._model.embed(pairs)
            fields |= {"entity_embedding": entity.tolist(), "ip_embedding": address.tolist()}
        return reply.written(fields, asked), asked
