"""Every layout of pictures with boxes trains; the container's lines are said; spoilt input is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import Pictures, write_png
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import Channel, object_detection

from .pictures import annotation, box_records, manifest, narrow, records, run, squares, write

ASKED = {
    "num_classes": 1, "num_training_samples": 4, "base_network": "resnet-50", "use_pretrained_model": 0, "epochs": 1,
    "mini_batch_size": 4,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch, object_detection, width=2, image_shape=48)


def trained(tmp_path: Path, channels: dict[str, Any], **more: Any) -> Any:
    return run("object-detection", {**ASKED, **more}, channels, tmp_path / "model")


def test_records_train_and_say_the_containers_lines(tmp_path: Path) -> None:
    channels = {"train": box_records(tmp_path / "t", 4), "validation": box_records(tmp_path / "v", 4, 1)}
    heard = trained(tmp_path, channels, epochs=2, image_shape=300)
    assert any(
        line.startswith("#quality_metric: host=algo-1, epoch=0, validation mAP <score>=(") for line in heard.lines
    )
    assert {"validation:mAP", "train:smooth_l1", "train:cross_entropy", "train:throughput"} <= set(heard.metrics)
    model = get("object-detection").load(heard.folder)
    assert model.predict(Pictures.of(squares(1)[0]))["detection"].shape[2] == 6
    assert {p.name for p in heard.folder.iterdir()} >= {
        "model_algo_1-0000.params", "model_algo_1-symbol.json", "hyperparams.json",
    }  # fmt: skip


def test_json_annotations_and_manifests_train(tmp_path: Path) -> None:
    pictures, boxes = squares(3)
    for i, (pixels, own) in enumerate(zip(pictures, boxes, strict=True)):
        write(tmp_path / "t", **{f"{i}_dot_png": write_png(pixels)})
        write(tmp_path / "a", **{f"{i}_dot_json": annotation(own, f"{i}.png")})
    heard = trained(tmp_path / "1", {"train": tmp_path / "t", "train_annotation": tmp_path / "a"})
    assert heard.epochs == [1]
    place = manifest(tmp_path / "train_0", [annotation(own, "x").encode() for own in boxes], pictures)
    assert trained(tmp_path / "2", {"train": Channel(place, "application/x-recordio")}).epochs == [1]
    (tmp_path / "a" / "1.json").unlink()
    with pytest.raises(DataError, match=r"1\.png has no annotation"):
        trained(tmp_path / "3", {"train": tmp_path / "t", "train_annotation": tmp_path / "a"})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"image_shape": 299}, "image_shape"), ({"base_network": "resnet-18"}, "base_network"),
        ({"lr": 1}, "unexpected"), ({"momentum": 0}, "momentum"), ({"nms_threshold": 1.5}, "nms_threshold"),
        ({"num_classes": 0}, "num_classes"),
    ],
)  # fmt: skip
def test_hyperparameters_out_of_range_are_refused(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        trained(tmp_path, {"train": tmp_path}, **more)


def test_spoilt_boxes_are_refused(tmp_path: Path) -> None:
    pictures, boxes = squares(1)
    labels = {
        "header": ([7.0], "no header"), "narrow": ([2, 3, 0, 0, 1], "object width 3"),
        "outside": ([2, 5, 0, 0.5, 0.5, 2, 2], "outside"), "turned": ([2, 5, 0, 0.9, 0.9, 0.1, 0.1], "outside"),
        "class": ([2, 5, 3, 0, 0, 1, 1], "num_classes"), "half": ([2, 5, 0.5, 0, 0, 1, 1], "no number"),
        "nan": ([2, 5, 0, np.nan, 0, 1, 1], "finite"), "none": ([2, 5, -1, -1, -1, -1, -1], "no object"),
    }  # fmt: skip
    for name, (label, words) in labels.items():
        with pytest.raises(DataError, match=words):
            trained(tmp_path / name, {"train": records(tmp_path / f"{name}-t", [label], pictures)})
    write(tmp_path / "t", x_dot_png=write_png(pictures[0]))
    for i, text in enumerate(("{", "[]", "{}", '{"annotations": [{"class_id": 0}]}', '{"annotations": 3}')):
        given = {"train": tmp_path / "t", "train_annotation": write(tmp_path / f"a{i}", x_dot_json=text)}
        with pytest.raises(DataError, match="cannot be read"):
            trained(tmp_path / f"j{i}", given)
    huge = json.loads(annotation(boxes[0], "x"))
    huge["image_size"][0]["width"] = 0
    place = write(tmp_path / "h", x_dot_json=json.dumps(huge))
    with pytest.raises(DataError, match="0 × 48"):
        trained(tmp_path / "ho", {"train": tmp_path / "t", "train_annotation": place})
