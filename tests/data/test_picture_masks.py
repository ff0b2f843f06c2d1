"""Masks find their pictures, and stored values their classes."""

from pathlib import Path

import numpy as np
import pytest

from tarragon.data import framed, label_map, read_masked, write_png
from tarragon.errors import DataError

PICTURE, MASK = write_png(np.zeros((2, 3, 3), np.uint8)), np.array([[0, 5, 9], [255, 3, 1]], np.uint8)


def test_label_maps() -> None:
    assert label_map(None)(MASK).tolist() == MASK.tolist()
    assert label_map(b'{"scale": "3"}')(MASK).tolist() == [[0, 1, 3], [255, 1, 0]]
    mapped = label_map(b'{"map": {"0": 5, "1": [0, 255], "2": "9"}}')(MASK)
    assert mapped.tolist() == [[1, 0, 2], [1, 255, 255]]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"scale": 0}', '{"scale": "x"}', '{"map": 3}', '{"map": {"0": 256}}', '{"map": {"-1": 0}}'],
)
def test_spoilt_label_maps_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="label map"):
        label_map(text.encode())


def test_pictures_and_masks_of_one_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / "t" / name).mkdir(parents=True)
        (tmp_path / "m" / name).mkdir(parents=True)
        (tmp_path / "t" / name / "x.jpg").write_bytes(PICTURE)
        (tmp_path / "m" / name / "x.png").write_bytes(write_png(MASK + (name == "b")))
    found = read_masked([tmp_path / "t"], [tmp_path / "m"])
    assert found.mask is not None
    assert [found.mask(i)[0, 0] for i in range(2)] == [0, 1]
    assert found.read(0).shape == (2, 3, 3)
    (tmp_path / "t" / "c.jpg").write_bytes(PICTURE)
    with pytest.raises(DataError, match="'c' is there once"):
        read_masked([tmp_path / "t"], [tmp_path / "m"])


def test_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(framed(PICTURE) + framed(write_png(MASK)))
    found = read_masked([tmp_path / "a"], mapped=label_map(b'{"scale": 5}'))
    assert found.mask is not None
    assert found.mask(0).tolist() == [[0, 1, 1], [255, 0, 0]]
