"""Classes of pictures in every layout; the recipe's tests hold the refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.data import framed, packed, read_class_folders, read_labelled, write_png
from tarragon.errors import DataError

PICTURES = [write_png(np.full((4, 4, 3), i, np.uint8)) for i in range(3)]


def seen(found: object) -> list[int]:
    return [int(found.read(i)[0, 0, 0]) for i in range(len(found))]  # type: ignore[attr-defined, arg-type]


def test_lists_name_pictures_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "t" / "deep").mkdir(parents=True)
    for i, content in enumerate(PICTURES):
        (tmp_path / "t" / "deep" / f"{i}.png").write_bytes(content)
    (tmp_path / "a.lst").write_text("5\t1\tdeep/2.png\r\n\n6\t0\t./deep/0.png\n")
    found = read_labelled([tmp_path / "t"], [tmp_path / "a.lst"], classes=2)
    assert (seen(found), found.labels.tolist()) == ([2, 0], [1, 0])
    (tmp_path / "a.lst").write_text("0\t0\t1\t1\tdeep/1.png\n")
    several = read_labelled([tmp_path / "t"], [tmp_path / "a.lst"], classes=3, several=True)
    assert several.labels.tolist() == [[0, 1, 1]]


def test_records_and_manifests(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    path.write_bytes(b"".join(framed(packed([i], content)) for i, content in enumerate(PICTURES)))
    found = read_labelled([path], classes=3)
    assert (seen(found), found.labels.tolist()) == ([0, 1, 2], [0, 1, 2])
    for text in ("2", '"2"', "[2]", "2.0"):
        path.write_bytes(framed(PICTURES[1]) + framed(text.encode()))
        assert read_labelled([path], classes=3).labels.tolist() == [2]
    path.write_bytes(framed(PICTURES[1]) + framed(json.dumps("[0, 2]").encode()))
    assert read_labelled([path], classes=3, several=True, form="class-id").labels.tolist() == [[1, 0, 1]]
    for text in ("red", "{}", "[[1], [2, 3]]", "9", "1e999"):
        path.write_bytes(framed(PICTURES[1]) + framed(text.encode()))
        with pytest.raises(DataError):
            read_labelled([path], classes=3)
    with pytest.raises(DataError, match="label-format"):
        read_labelled([path], classes=3, form="hot")


def test_folders_are_classes_in_the_order_of_the_alphabet(tmp_path: Path) -> None:
    for name, content in zip(("zebra", "ant", "bee"), PICTURES, strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.PNG").write_bytes(content)
        (tmp_path / name / "notes.txt").write_text("no picture")
    found = read_class_folders([tmp_path])
    assert found.names == ("ant", "bee", "zebra")
    assert (seen(found), found.labels.tolist()) == ([1, 2, 0], [0, 1, 2])
