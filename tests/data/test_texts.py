"""Texts with classes are read from CSV; what is not is refused with its row."""

import re
from pathlib import Path

import numpy as np
import pytest

from tarragon.data import Texts, read_texts
from tarragon.errors import DataError


def test_classes_and_texts_are_read(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text('1,"a good, long\nfilm"\n\n0,été\n1,"he said ""no"""\n', encoding="utf-8")
    (tmp_path / "notes.csv").write_text("not,read,here\n")
    found = read_texts(tmp_path)
    assert found.texts == ("a good, long\nfilm", "été", 'he said "no"')
    assert (found.y.tolist(), found.n_classes, len(found)) == ([1, 0, 1], 2, 3)
    assert found.rows(np.array([1])).texts == ("été",)


def test_files_of_other_names_are_read_where_there_is_no_data_csv(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("0,x\n")
    (tmp_path / "b.csv").write_text("1,y\n")
    assert read_texts(tmp_path).texts == ("x", "y")
    assert read_texts(tmp_path, n_classes=5).n_classes == 5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no texts"), (b"0,a,b\n", "3 columns"), (b"alone\n", "1 columns"), (b"label,text\n", "no class number"),
        (b"-1,a\n", "class -1"), (b"0,a\n2,b\n", "1 never occurs"), (b"999999999,a\n", "class 999999999"),
        (b"0,\xff\xfe\n", "utf-8"), (b"0,\x00\n", "no text has"), (b'0,"open\n', "data.csv"), (b"1.5,a\n", "no class"),
    ],
)  # fmt: skip
def test_what_is_not_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "data.csv").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(words)):
        read_texts(tmp_path)


def test_a_channel_without_csv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read_texts(tmp_path)
    (tmp_path / "text.txt").write_text("0,a\n")
    with pytest.raises(DataError, match="no data"):
        read_texts(tmp_path)


def test_texts_without_classes() -> None:
    assert Texts(("a", "b")).rows(np.array([1, 0])).texts == ("b", "a")
