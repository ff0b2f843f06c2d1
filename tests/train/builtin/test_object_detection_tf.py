"""annotations.json trains in the hub's words, through the hub's model id."""

import json
from pathlib import Path
from typing import Any

import pytest

from tarragon.algorithms import get
from tarragon.algorithms.object_detection_tf import ObjectDetectionTF
from tarragon.data import write_png
from tarragon.errors import DataError
from tarragon.train.builtin import object_detection_tf

from .pictures import narrow, run, squares, write

ID = "tensorflow-od1-ssd-resnet50-v1-fpn-640x640-coco17-tpu-8"


def folder(place: Path, n: int, seed: int = 0, **spoilt: Any) -> Path:
    told: dict[str, Any] = {"images": [], "annotations": []}
    for i, (pixels, boxes) in enumerate(zip(*squares(n, seed), strict=True)):
        write(place, **{f"images__{i}_dot_png": write_png(pixels)})
        told["images"].append({"file_name": f"{i}.png", "height": 48, "width": 48, "id": i})
        told["annotations"] += [{"image_id": i, "bbox": b[1:].tolist(), "category_id": 7} for b in boxes]
    return write(place, annotations_dot_json=json.dumps({**told, **spoilt}))


def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, channels: dict[str, Any], **more: Any) -> Any:
    narrow(monkeypatch, object_detection_tf, width=2)
    full = ObjectDetectionTF.stand_for

    def smaller(model: ObjectDetectionTF, model_id: str) -> None:
        full(model, model_id)
        model.side = 48

    monkeypatch.setattr(ObjectDetectionTF, "stand_for", smaller)
    return run("object-detection", {"epochs": 1, **more}, channels, tmp_path / "model", ID)


def test_it_trains_and_says_both_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    channels = {"training": folder(tmp_path / "t", 4), "validation": folder(tmp_path / "v", 2, 1)}
    heard = trained(monkeypatch, tmp_path, channels, early_stopping="True", optimizer="nesterov")
    assert {"validation:localization_loss", "validation:classification_loss"} <= set(heard.metrics)
    model = get("object-detection-tf").load(heard.folder)
    assert (model.names_, model.layers) == (("7",), 50)


def test_spoilt_annotations_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [{"image_id": 5, "bbox": [0, 0, 1, 1], "category_id": 7}]
    cases = {
        "another picture": {"annotations": boxes}, "no list": {"annotations": 3},
        "no such file": {"images": [{"file_name": "../0.png", "height": 48, "width": 48, "id": 0}], "annotations": []},
        "three corners": {"annotations": [{"image_id": 0, "bbox": [0, 0, 1], "category_id": 7}]},
        "outside": {"annotations": [{"image_id": 0, "bbox": [0, 0, 100, 100], "category_id": 7}]},
        "width and height": {"annotations": [{"image_id": 0, "bbox": [40, 40, 8, 8], "category_id": 7}]},
    }  # fmt: skip
    for name, spoilt in cases.items():
        with pytest.raises(DataError):
            trained(monkeypatch, tmp_path / name, {"training": folder(tmp_path / f"{name}-t", 1, **spoilt)})
    with pytest.raises(DataError, match=r"annotations\.json"):
        trained(monkeypatch, tmp_path / "x", {"training": write(tmp_path / "n", a_dot_png=b"x")})
