"""Token sequences go to bytes and back; what is none is refused by record."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from tarragon.data import (
    checked_vocabulary,
    read_token_pairs,
    read_token_records,
    read_vocabulary,
    write_records,
    write_token_records,
)
from tarragon.errors import DataError

WORDS = {"<pad>": 0, "<unk>": 1, "<s>": 2, "</s>": 3, "a": 4, "b": 300 - 295}


def test_sequences_go_to_bytes_and_back(tmp_path: Path) -> None:
    big = {**{w: n for w, n in WORDS.items() if n < 4}, **{f"w{n}": n for n in range(4, 500)}}
    source, target = [np.array([4, 300, 5]), np.array([499])], [np.zeros(0, int), np.array([2, 4, 3, 0])]
    (tmp_path / "a.rec").write_bytes(write_token_records({"source": source, "target": target}))
    found = read_token_pairs([tmp_path / "a.rec"], big, big)
    assert [s.tolist() for s in found.source] == [[4, 300, 5], [499]]
    assert [t.tolist() for t in found.target] == [[], [4]]  # beginning, end and padding are put there anew
    assert len(found) == 2


def test_floats_that_are_whole_are_numbers() -> None:
    body = write_records({"source": np.array([[4.0, 5.0]])}, {})
    assert read_token_records(BytesIO(body), "source", 6)[0].tolist() == [4, 5]
    with pytest.raises(DataError, match="whole"):
        read_token_records(BytesIO(write_records({"source": np.array([[4.5]])}, {})), "source", 6)


@pytest.mark.parametrize("wrong", [6, -1])
def test_tokens_outside_the_vocabulary_are_refused(wrong: int) -> None:
    body = write_token_records({"source": [np.array([wrong & 0xFFFFFFFF])]})
    with pytest.raises(DataError, match="record 1"):
        read_token_records(BytesIO(body), "source", 6)


def test_vocabularies(tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text(json.dumps(WORDS))
    assert read_vocabulary(tmp_path / "v.json") == WORDS
    for wrong in (
        {},
        [],
        {"a": "b"},
        {**WORDS, "c": 9},
        {**WORDS, "c": 5},
        {"a": True},
        {w: n for w, n in WORDS.items() if n < 4},
    ):
        with pytest.raises(DataError):
            checked_vocabulary(wrong, "v")
