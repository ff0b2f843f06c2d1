import json

import numpy as np
import pytest

from tarragon.errors import DataError, ParameterError
from tarragon.serve import requests
from tarragon.serve.protocol import RefusalError
from tarragon.serve.requests import answer_file
from tarragon.train import train


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    place = tmp_path_factory.mktemp("requests")
    X = np.random.default_rng(0).normal(size=(200, 2))
    np.savetxt(place / "rows.csv", np.column_stack([X[:, 0] * 2, X]), delimiter=",")
    train("xgboost", place / "rows.csv", content_type="text/csv", num_round=5, out=place / "m")
    np.savetxt(place / "ask.csv", X[:7], delimiter=",")
    return place


def test_a_file_is_answered_in_pieces(model, tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "LINES", 3)
    assert answer_file(model / "m", model / "ask.csv", tmp_path / "out.jsonl") == 7
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(rows) == 7
    assert all(isinstance(row["score"], float) for row in rows)


def test_one_document_is_one_answer(model, tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "LINES", 3)
    assert answer_file(model / "m", model / "ask.csv", tmp_path / "out.json") == 7
    assert len(json.loads((tmp_path / "out.json").read_text())["predictions"]) == 7


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A model of topics: animals are 1, colours 2."""
    place = tmp_path_factory.mktemp("words")
    rng = np.random.default_rng(0)
    topics = {"1": ["cat", "dog", "cow"], "2": ["red", "blue", "green"]}
    lines = [f"__label__{k} {' '.join(rng.choice(topics[k], 6))}" for k in rng.choice(list(topics), 200)]
    (place / "texts.txt").write_text("\n".join(lines))
    train("blazingtext", place / "texts.txt", mode="supervised", buckets=1000, vector_dim=8, out=place / "m")
    return place


def test_a_text_a_line_is_answered_by_a_line_each(words, tmp_path):
    (tmp_path / "ask.txt").write_text("cat dog cow\n\nred green blue\n")
    assert answer_file(words / "m", tmp_path / "ask.txt", tmp_path / "out.jsonl") == 2
    first, second = (json.loads(line)["label"] for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert (first, second) == (["__label__1"], ["__label__2"])
    with pytest.raises(ParameterError, match="jsonl"):
        answer_file(words / "m", tmp_path / "ask.txt", tmp_path / "out.csv")


def test_a_model_that_takes_one_text_is_asked_line_by_line(tmp_path, monkeypatch):
    class Single:
        def answer(self, body, content_type, accept):
            if content_type != "text/plain":
                raise RefusalError(415, "One text, please")
            if body == b"bad":
                raise RefusalError(400, "Not this one")
            return json.dumps({"length": len(body), "asked": accept}).encode(), accept

    monkeypatch.setattr(requests.builtin, "load", lambda folder: Single())
    (tmp_path / "ask.txt").write_text("one\nthree\n")
    answer_file(tmp_path, tmp_path / "ask.txt", tmp_path / "out.jsonl")
    assert [json.loads(line)["length"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [3, 5]
    (tmp_path / "ask.txt").write_text("one\nbad\n")
    with pytest.raises(DataError, match="Not this one"):
        answer_file(tmp_path, tmp_path / "ask.txt", tmp_path / "worse.jsonl")
    assert not (tmp_path / "worse.jsonl").exists()


def test_what_cannot_be_sent_is_said(model, tmp_path):
    with pytest.raises(ParameterError, match="suffix"):
        answer_file(model / "m", model / "ask.csv", tmp_path / "out.docx")
    with pytest.raises(DataError, match="no file"):
        answer_file(model / "m", tmp_path / "none.csv", tmp_path / "out.csv")
    (tmp_path / "wide.csv").write_text("1,2,3,4\n")
    with pytest.raises(DataError, match="Feature size"):
        answer_file(model / "m", tmp_path / "wide.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    (tmp_path / "empty.csv").write_text("\n\n")
    for suffix in ("csv", "json"):
        with pytest.raises(DataError, match="no rows"):
            answer_file(model / "m", tmp_path / "empty.csv", tmp_path / f"out.{suffix}")
    assert not (tmp_path / "out.json").exists()
    with pytest.raises(DataError, match="frame"):
        answer_file(model / "m", object(), tmp_path / "out.csv")
