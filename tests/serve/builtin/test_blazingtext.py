"""BlazingText's answers: JSON and JSON Lines, words and labels, what is refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.algorithms.artifact import SEAL
from tarragon.data import Lines
from tarragon.serve.builtin import load
from tarragon.serve.protocol import Answerer, RefusalError

LINES = ["__label__1 good fine nice", "__label__2 bad poor sad", "__label__3 blue red green"] * 30


def answerer(folder: Path, mode: str, **more: object) -> Answerer:
    """Load a model as one that was trained elsewhere."""
    made = get("blazingtext")(
        mode=mode, vector_dim=6, epochs=20, min_count=1, buckets=200, learning_rate=0.5, **more
    )  # fmt: skip
    rows = LINES if mode == "supervised" else [line.split(" ", 1)[1] for line in LINES]
    made.fit(Lines.of(rows)).save(folder)
    (folder / SEAL).unlink()
    return load(folder, {}, "blazingtext")


def asked(model: Answerer, body: object, kind: str = "application/json", accept: str = "*/*") -> object:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer, answered = model.answer(raw, kind, accept)
    assert answered == kind
    return json.loads(answer) if kind == "application/json" else [json.loads(line) for line in answer.splitlines()]


def test_labels_likeliest_first(tmp_path: Path) -> None:
    model = answerer(tmp_path, "supervised")
    one = asked(model, {"instances": ["good nice", "poor sad"]})
    assert [row["label"] for row in one] == [["__label__1"], ["__label__2"]]
    assert all(0.5 < row["prob"][0] <= 1 for row in one)
    (two,) = asked(model, {"instances": ["good nice"], "configuration": {"k": 2}})
    assert two["label"][0] == "__label__1"
    assert len(two["label"]) == len(two["prob"]) == 2
    assert two["prob"][0] > two["prob"][1]
    (every,) = asked(model, {"instances": ["good"], "configuration": {"k": 99}})
    assert sum(every["prob"]) == pytest.approx(1, abs=1e-5)


def test_json_lines_each_with_its_k(tmp_path: Path) -> None:
    model = answerer(tmp_path, "supervised")
    body = b'{"source": "good nice"}\n\n{"source": "blue", "k": 3}\n'
    first, second = asked(model, body, "application/jsonlines", "application/jsonlines")
    assert first["label"] == ["__label__1"]
    assert second["label"][0] == "__label__3"
    assert len(second["prob"]) == 3


def test_vectors_of_known_words_zeros_for_others(tmp_path: Path) -> None:
    model = answerer(tmp_path, "skipgram")
    known, unknown = asked(model, {"instances": ["good", "neverseen"]})
    assert (known["word"], unknown["word"]) == ("good", "neverseen")
    assert len(known["vector"]) == 6
    assert np.any(known["vector"])
    assert not np.any(unknown["vector"])


def test_subwords_give_unknown_words_vectors(tmp_path: Path) -> None:
    (row,) = asked(answerer(tmp_path, "cbow", subwords=True), {"instances": ["goodness"]})
    assert np.any(row["vector"])


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"{}", b"[]", b'{"instances": []}', b'{"instances": "a"}', b'{"instances": [1]}', b"null",
     b'{"instances": ["a"], "configuration": {"k": 0}}', b'{"instances": ["a"], "configuration": {"k": "2"}}',
     b'{"instances": ["a"], "configuration": 3}'],
)  # fmt: skip
def test_unreadable_requests_are_refused(tmp_path: Path, body: bytes) -> None:
    model = answerer(tmp_path, "supervised")
    with pytest.raises(RefusalError) as told:
        model.answer(body, "application/json", "*/*")
    assert told.value.status == 400
    with pytest.raises(RefusalError) as told:
        model.answer(body.replace(b"instances", b"sources"), "application/jsonlines", "*/*")
    assert told.value.status == 400


@pytest.mark.parametrize(
    ("kind", "accept", "status"),
    [("text/csv", "*/*", 415), ("image/png", "*/*", 415), ("application/json", "application/jsonlines", 406),
     ("application/json", "image/png", 406)],
)  # fmt: skip
def test_types_in_and_out_must_match(tmp_path: Path, kind: str, accept: str, status: int) -> None:
    model = answerer(tmp_path, "supervised")
    with pytest.raises(RefusalError, match=re.escape((kind if status == 415 else accept)[:20])) as told:
        model.answer(b'{"instances": ["a"]}', kind, accept)
    assert told.value.status == status
