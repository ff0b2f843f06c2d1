"""Vocabularies and vectors are read, or refused with the line that is wrong."""

from pathlib import Path

import pytest

from tarragon.data import read_vectors, read_word_list
from tarragon.errors import DataError


def test_words_come_in_order_of_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes("eins\r\nzwei\nfünf\n\n".encode())
    assert read_word_list(path) == ("eins", "zwei", "fünf")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a\n\nb\n", b"\xff\xfe"])
def test_bad_vocabularies_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"vocab\.txt"):
        read_word_list(path)


def test_vectors_of_wanted_words_are_read(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("3 2\na 1 2\nb 3 4\nc x y\n")
    found = read_vectors(path, {"b", "d"})
    assert {word: vector.tolist() for word, vector in found.items()} == {"b": [3, 4]}


@pytest.mark.parametrize("text", ["a 1 2\nb 1\n", "a x y\n", "a 1 nan\n"])
def test_bad_vectors_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "glove.txt"
    path.write_text(text)
    with pytest.raises(DataError, match="line"):
        read_vectors(path, {"a", "b"})
