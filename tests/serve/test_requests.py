import json

import numpy as np
import pytest

from tarragon.errors import DataError, ParameterError
from tarragon.serve import requests
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


def test_what_cannot_be_sent_is_said(model, tmp_path):
    with pytest.raises(ParameterError, match="suffix"):
        answer_file(model / "m", model / "ask.csv", tmp_path / "out.docx")
    with pytest.raises(DataError, match="no file"):
        answer_file(model / "m", tmp_path / "none.csv", tmp_path / "out.csv")
    (tmp_path / "wide.csv").write_text("1,2,3,4\n")
    with pytest.raises(DataError, match="Feature size"):
        answer_file(model / "m", tmp_path / "wide.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    with pytest.raises(DataError, match="frame"):
        answer_file(model / "m", object(), tmp_path / "out.csv")
