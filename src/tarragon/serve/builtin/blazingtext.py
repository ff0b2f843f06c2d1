"""BlazingText as its container answers: vectors of words, or the likeliest labels of texts, as JSON or JSON Lines."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tarragon.algorithms import get
from tarragon.data import Lines
from tarragon.serve.builtin import reply
from tarragon.serve.builtin.scored import Facts
from tarragon.serve.protocol import RefusalError

KINDS = (reply.JSON, reply.LINES)


def load(folder: Path, facts: Facts, environment: Mapping[str, str]) -> "Worded":
    """Load a model. Raises ``IntegrityError``."""
    kind: Any = get("blazingtext")
    return Worded(kind.load(folder))


class Worded:
    """Answers requests with a model of words."""

    def __init__(self, model: Any) -> None:
        self._model = model
        model.asked()  # what answers is made now, not at the first request

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request. Raises ``RefusalError``: 415 other than JSON, 406 another type out, 400 unreadable."""
        asked = content_type.partition(";")[0].strip().lower() or reply.JSON
        kind = reply.SHORT.get(asked, asked)
        if kind not in KINDS:
            raise RefusalError(415, f"Content type {asked[:100]} is not supported: use one of {', '.join(KINDS)}")
        if reply.wanted(accept, kind)[0] != kind:
            raise RefusalError(406, f"Accept type {accept[:100]} is not that of the request, {kind}")
        texts, counts = _json(body) if kind == reply.JSON else _lines(body)
        rows = self._labels(texts, counts) if self._model.supervised else self._vectors(texts)
        if kind == reply.JSON:
            return json.dumps(rows).encode(), kind
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows), kind

    def _vectors(self, words: list[str]) -> list[dict[str, Any]]:
        vectors = self._model.asked().of([word.strip().encode("utf-8", "replace") for word in words])
        return [{"vector": vector, "word": word} for vector, word in zip(vectors.tolist(), words, strict=True)]

    def _labels(self, texts: list[str], counts: list[int]) -> list[dict[str, Any]]:
        p = self._model.predict(Lines.of(texts))["probability"]
        labels = self._model.labels_
        found = []
        for row, k in zip(p, counts, strict=True):
            best = np.argsort(-row, kind="stable")[: min(k, len(row))].tolist()
            found.append({"label": [labels[i] for i in best], "prob": [float(row[i]) for i in best]})
        return found


def _json(body: bytes) -> tuple[list[str], list[int]]:
    """Read ``{"instances": [text, …], "configuration": {"k": 2}}``."""
    try:
        asked = json.loads(body)
        texts = asked["instances"]
        k = _count((asked.get("configuration") or {}).get("k", 1))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable('Send {"instances": ["some text"]}') from error
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise _unreadable("instances is a list of texts")
    return texts, [k] * len(texts)


def _lines(body: bytes) -> tuple[list[str], list[int]]:
    """Read a line ``{"source": text, "k": 2}`` each."""
    texts, counts = [], []
    for line in body.splitlines():
        if not line.strip():
            continue
        try:
            asked = json.loads(line)
            text = asked["source"]
            k = asked.get("k", (asked.get("configuration") or {}).get("k", 1))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _unreadable('Send lines like {"source": "some text"}') from error
        if not isinstance(text, str):
            raise _unreadable("source is a text")
        texts.append(text)
        counts.append(_count(k))
    if not texts:
        raise _unreadable("There is no line")
    return texts, counts


def _count(k: Any) -> int:
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise _unreadable("k is a whole number from 1")
    return k


def _unreadable(why: str) -> RefusalError:
    return RefusalError(400, f"The request cannot be read. {why}")
