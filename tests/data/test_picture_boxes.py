"""Boxes of pictures in every layout become shares; the recipe's tests hold the refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

from tarragon.data import framed, packed, read_boxed, read_boxed_folder, write_boxes, write_png
from tarragon.errors import DataError

PICTURE = write_png(np.zeros((10, 20, 3), np.uint8))
BOX = np.array([[1, 0.25, 0.2, 0.75, 0.6]], np.float32)
NOTE = {"annotations": [{"class_id": 1, "left": 5, "top": 2, "width": 10, "height": 4}]}


def test_records_with_padding_wide_objects_and_longer_headers(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    labels = [
        write_boxes(BOX, 17), [2, 6, *BOX[0].tolist(), 1.0], [4, 5, 300, 300, *BOX[0].tolist()],
        [2, 5, -1, -1, -1, -1, -1], [2, 5, *BOX[0].tolist(), -1, -1],
    ]  # fmt: skip
    path.write_bytes(b"".join(framed(packed(label, PICTURE)) for label in labels))
    found = read_boxed([path]).boxes
    assert found is not None
    for i in (0, 1, 2, 4):
        np.testing.assert_allclose(found[i], BOX, atol=1e-6)
    assert found[3].shape == (0, 5)


@pytest.mark.parametrize("size", [None, [{"width": 20, "height": 10, "depth": 3}], {"width": 20, "height": 10}])
def test_json_in_pixels(tmp_path: Path, size: object) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "a").mkdir()
    (tmp_path / "t" / "x.png").write_bytes(PICTURE)
    (tmp_path / "a" / "x.json").write_text(json.dumps({**NOTE, **({"image_size": size} if size else {})}))
    found = read_boxed([tmp_path / "t"], [tmp_path / "a"]).boxes
    assert found is not None
    np.testing.assert_allclose(found[0], BOX, atol=1e-6)


def test_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(framed(PICTURE) + framed(json.dumps(NOTE).encode()))
    found = read_boxed([tmp_path / "a"]).boxes
    assert found is not None
    np.testing.assert_allclose(found[0], BOX, atol=1e-6)


def test_one_file_of_annotations_has_corners_and_names(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.png").write_bytes(PICTURE)
    told = {
        "images": [{"file_name": "x.png", "height": 10, "width": 20, "id": 4}],
        "annotations": [{"image_id": 4, "bbox": [5, 2, 15, 6], "category_id": 9}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 9, "name": "dog"}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(told))
    found = read_boxed_folder([tmp_path])
    assert found.names == ("cat", "dog")
    assert found.boxes is not None
    np.testing.assert_allclose(found.boxes[0], BOX, atol=1e-6)
    told["images"][0]["id"] = [4]
    (tmp_path / "annotations.json").write_text(json.dumps(told))
    with pytest.raises(DataError):
        read_boxed_folder([tmp_path])
