"""Text classification as the model hub's container answers: one text in, the probabilities of its classes out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.algorithms import get
from tarragon.data import Texts
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.scored import Facts
from tarragon.serve.protocol import RefusalError

TEXT = ("application/x-text", "text/plain")
MOST_BYTES = 6 << 20  # of a request, as SageMaker takes


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> "Read":
    """Load a model. Raises ``IntegrityError``."""
    kind: Any = get("text-classification")
    return Read(kind.load(folder))


class Read:
    """Answers a text with probabilities; verbose answers also name the classes and the likeliest."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one text. Raises ``RefusalError``: 415 no text, 406 another type out than JSON."""
        kind = content_type.partition(";")[0].strip().lower() or TEXT[0]
        if kind not in TEXT:
            raise RefusalError(415, f"Content type {kind[:100]} is not supported: use {TEXT[0]}")
        wanted, verbose = reply.wanted(accept, reply.JSON)
        if wanted != reply.JSON:
            raise RefusalError(406, f"Accept type {accept[:100]} is not supported: use {reply.JSON}")
        try:
            text = body[:MOST_BYTES].decode("utf-8")
        except UnicodeDecodeError as error:
            raise RefusalError(400, f"The text is not UTF-8: {error}") from error
        if not text.strip():
            raise RefusalError(400, "There is no text")
        p = self._model.predict(Texts((text,)))["probability"][0]
        answer: dict[str, Any] = {"probabilities": p.tolist()}
        if verbose:
            labels = list(range(len(p)))
            answer |= {"labels": labels, "predicted_label": labels[int(p.argmax())]}
        return json.dumps(answer).encode(), reply.JSON
