"""Seq2Seq's answers in each format; what cannot be answered is refused."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.seq2seq import Seq2Seq
from tarragon.data import TokenPairs, read_token_records, write_token_records
from tarragon.serve.builtin.seq2seq import load
from tarragon.serve.protocol import RefusalError

JSON, LINES, RECORDS = "application/json", "application/jsonlines", "application/x-recordio-protobuf"
WORDS = {"<pad>": 0, "<unk>": 1, "<s>": 2, "</s>": 3, "a": 4, "b": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt "a" -> "b", "b" -> "a a"."""
    place = tmp_path_factory.mktemp("seq2seq")
    pairs = TokenPairs((np.array([4]), np.array([5])) * 8, (np.array([5]), np.array([4, 4])) * 8, WORDS, WORDS)
    model = Seq2Seq(
        rnn_num_hidden=16, num_embed_source=8, num_embed_target=8, max_num_epochs=40, learning_rate=0.02, beam_size=2,
        max_seq_len_target=5, checkpoint_threshold=99,
    )  # fmt: skip
    model.fit(pairs, context=Standalone()).save(place)
    return place


def asked(folder: Path, body: Any, content_type: str = JSON, accept: str = "") -> tuple[bytes, str]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return load(folder, {"algorithm": "seq2seq"}, {}).answer(raw, content_type, accept)


def test_json_with_and_without_attention(folder: Path) -> None:
    instances = [{"data": "a"}, {"data": "b", "configuration": {"attention_matrix": "true"}}]
    body, kind = asked(folder, {"instances": instances})
    first, second = json.loads(body)["predictions"]
    assert kind == JSON
    assert first == {"target": "b"}
    assert second["target"] == "a a"
    assert np.array(second["matrix"]).shape == (2, 1)


def test_lines(folder: Path) -> None:
    body, kind = asked(folder, b'{"source": "b"}\n{"source": "a"}\n', LINES)
    assert kind == LINES
    assert [json.loads(line) for line in body.splitlines()] == [{"target": "a a"}, {"target": "b"}]


def test_records_in_and_out(folder: Path) -> None:
    body, kind = asked(folder, write_token_records({"source": [np.array([4]), np.array([5])]}), RECORDS)
    assert kind == RECORDS
    assert [t.tolist() for t in read_token_records(BytesIO(body), "target", 6)] == [[5], [4, 4]]
    assert json.loads(asked(folder, write_token_records({"source": [np.array([4])]}), RECORDS, JSON)[0]) == {
        "predictions": [{"target": "b"}]
    }


def test_unknown_words_and_no_words_are_answered(folder: Path) -> None:
    answers = json.loads(asked(folder, {"instances": [{"data": "zebra"}, {"data": ""}]})[0])["predictions"]
    assert all(isinstance(answer["target"], str) for answer in answers)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", JSON), ({}, JSON), ({"instances": []}, JSON), ({"instances": [{"text": "a"}]}, JSON),
        ({"instances": [{"data": 3}]}, JSON), ({"instances": [{"data": "a", "configuration": 1}]}, JSON),
        (b"", LINES), (b"a b", LINES), (b"", RECORDS), (b"no records", RECORDS),
        (write_token_records({"source": [np.array([9])]}), RECORDS),
        (write_token_records({"target": [np.array([4])]}), RECORDS),
        (write_token_records({"source": [np.array([4])]})[:-5], RECORDS),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(folder: Path, body: Any, kind: str) -> None:
    with pytest.raises(RefusalError) as refused:
        asked(folder, body, kind)
    assert refused.value.status == 400


def test_other_types_are_refused(folder: Path) -> None:
    for content_type, accept, status in (("text/csv", "", 415), (JSON, "text/csv", 406), (JSON, "image/png", 406)):
        with pytest.raises(RefusalError) as refused:
            asked(folder, {"instances": [{"data": "a"}]}, content_type, accept)
        assert refused.value.status == status
