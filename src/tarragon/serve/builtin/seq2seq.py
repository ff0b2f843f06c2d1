"""Seq2Seq as its container answers: sentences as JSON, JSON Lines or records of token numbers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import get
from tarragon.data import read_token_records, write_token_records
from tarragon.errors import DataError
from tarragon.serve.builtin import reply
from tarragon.serve.protocol import RefusalError

UNKNOWN = 1
KINDS = (reply.JSON, reply.LINES, reply.RECORDS)
TRUE = (True, "true", "True")


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A sentence: the numbers of its tokens, and whether attention is wanted."""

    tokens: NDArray[np.int64]
    matrix: bool = False


class Translator:
    """Answers with translations."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._numbers: Mapping[str, int] = model.source_words_
        self._words = {number: word for word, number in model.target_words_.items()}

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer a request. Raises ``RefusalError``: 415 content type, 400 sentences, 406 answer type."""
        kind = content_type.partition(";")[0].strip().lower() or reply.JSON
        kind = reply.SHORT.get(kind, kind)
        if kind not in KINDS:
            raise RefusalError(415, f"Content type {content_type[:80]} is not supported: use one of {', '.join(KINDS)}")
        wanted, _ = reply.wanted(accept, kind)
        if wanted not in KINDS:
            raise RefusalError(406, f"Accept type {accept[:80]} is not supported: use one of {', '.join(KINDS)}")
        asked = self._records(body) if kind == reply.RECORDS else self._sentences(body, lines=kind == reply.LINES)
        made = self._model.translate(tuple(one.tokens for one in asked))
        if wanted == reply.RECORDS:
            return write_token_records({"target": [words for words, _, _ in made]}), wanted
        answers = []
        for one, (words, _, looked) in zip(asked, made, strict=True):
            answer: dict[str, Any] = {"target": " ".join(self._words[int(word)] for word in words)}
            answers.append(answer | ({"matrix": looked.tolist()} if one.matrix else {}))
        if wanted == reply.JSON:
            return json.dumps({"predictions": answers}).encode(), wanted
        return b"".join(json.dumps(answer).encode() + b"\n" for answer in answers), wanted

    def _records(self, body: bytes) -> list[Asked]:
        try:
            found = [Asked(tokens) for tokens in read_token_records(BytesIO(body), "source", len(self._numbers))]
        except DataError as error:
            raise RefusalError(400, str(error)) from error
        if not found:
            raise RefusalError(400, "The request has no records")
        return found

    def _sentences(self, body: bytes, *, lines: bool) -> list[Asked]:
        try:
            found: Any
            if lines:
                found = [json.loads(line) for line in body.splitlines() if line.strip()]
            else:
                whole = json.loads(body)
                found = whole.get("instances") if isinstance(whole, dict) else whole
        except (ValueError, RecursionError) as error:
            raise RefusalError(400, f"The request is not JSON: {str(error)[:100]}") from error
        if not isinstance(found, list) or not found:
            raise RefusalError(400, 'The request has no list "instances" of at least one sentence')
        return [self._sentence(one) for one in found]

    def _sentence(self, one: Any) -> Asked:
        """Read {"data": "tokens between spaces"}, or the same under "source"."""
        text = one.get("data", one.get("source")) if isinstance(one, dict) else None
        configuration = one.get("configuration", {}) if isinstance(one, dict) else {}
        if not isinstance(text, str):
            raise RefusalError(400, f'An instance has no text under "data" or "source": {json.dumps(one)[:80]}')
        if not isinstance(configuration, dict):
            raise RefusalError(400, "configuration is not an object")
        tokens = np.array([self._numbers.get(word, UNKNOWN) for word in text.split()], np.int64)
        return Asked(tokens, configuration.get("attention_matrix") in TRUE)


def load(folder: Path, facts: Mapping[str, object], environment: Mapping[str, str]) -> Translator:
    """Load a model. Raises ``IntegrityError``."""
    kind: Any = get("seq2seq")
    return Translator(kind.load(folder))
