"""Spoilt channels and settings end each method of vision with the customer's error and advice; one picture trains."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tarragon.data import write_png
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import (
    Channel,
    image_classification,
    image_classification_tf,
    object_detection,
    object_detection_tf,
    semantic_segmentation,
)
from tarragon.train.job import blame

from .pictures import bars, box_records, manifest, narrow, records, run, squares, write

Given = dict[str, object]


def classes(place: Path, n: int) -> Channel:
    pictures, kinds = bars(n)
    return Channel(records(place, [[k] for k in kinds], pictures), "application/x-recordio")


def boxes(place: Path, n: int) -> Channel:
    return Channel(box_records(place, n), "application/x-recordio")


def masks(place: Path, n: int) -> Channel:
    pictures = squares(n)[0]
    drawn = [write_png((pixels[..., 0] > 200).astype(np.uint8)) for pixels in pictures]
    return Channel(manifest(place / "train_0", drawn, pictures).parent, "application/x-recordio")


def folders(place: Path, n: int) -> Channel:
    for i, (pixels, kind) in enumerate(zip(*bars(n), strict=True)):
        write(place, **{f"{'tulip' if kind else 'rose'}__{i}_dot_png": write_png(pixels)})
    return Channel(place, "application/x-image")


def annotated(place: Path, n: int) -> Channel:
    told: dict[str, list[object]] = {"images": [], "annotations": []}
    for i, (pixels, own) in enumerate(zip(*squares(n), strict=True)):
        write(place, **{f"images__{i}_dot_png": write_png(pixels)})
        told["images"].append({"file_name": f"{i}.png", "height": 48, "width": 48, "id": i})
        told["annotations"].append({"image_id": i, "bbox": own[0, 1:].tolist(), "category_id": 7})
    return Channel(write(place, annotations_dot_json=json.dumps(told)), "application/x-image")


@dataclass(frozen=True)
class Case:
    """A method, how its channel is written, and what it is asked."""

    algorithm: str
    channel: str
    written: Callable[[Path, int], Channel]
    given: Given
    model_id: str = ""
    least: int = 1


SOME = {"num_training_samples": 2, "epochs": 1, "mini_batch_size": 2}
CASES = {
    "image-classification": Case(
        "image-classification", "train", classes,
        {**SOME, "num_classes": 2, "num_layers": 20, "image_shape": "3,12,12"},
    ),
    "object-detection": Case(
        "object-detection", "train", boxes,
        {**SOME, "num_classes": 1, "base_network": "resnet-50", "use_pretrained_model": 0},
    ),
    "semantic-segmentation": Case(
        "semantic-segmentation", "train", masks,
        {**SOME, "num_classes": 2, "base_size": 48, "crop_size": 32, "use_pretrained_model": False},
    ),
    "image-classification-tf": Case(
        "image-classification", "training", folders, {"epochs": 1}, "tensorflow-ic-imagenet-resnet-18-64x64", 2
    ),
    "object-detection-tf": Case(
        "object-detection", "training", annotated, {"epochs": 1}, "tensorflow-od1-ssd-mobilenet-v2-64x64"
    ),
}  # fmt: skip
STORED = ("image-classification", "object-detection", "semantic-segmentation")  # of records


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch, image_classification, width=16)
    narrow(monkeypatch, object_detection, width=2, image_shape=48)
    narrow(monkeypatch, semantic_segmentation, width=2)
    narrow(monkeypatch, image_classification_tf, width=4)
    narrow(monkeypatch, object_detection_tf, width=2)


def refused(case: Case, channel: Channel, tmp_path: Path, words: str, **more: object) -> None:
    with pytest.raises((DataError, ParameterError), match=words) as told:
        run(case.algorithm, {**case.given, **more}, {case.channel: channel}, tmp_path / "model", case.model_id)
    assert blame(told.value) == "ClientError"
    assert told.value.fix


def spoilt(channel: Channel, change: Callable[[bytes], bytes], suffixes: tuple[str, ...]) -> Channel:
    for path in sorted(channel.folder.rglob("*")):
        if path.is_file() and path.suffix in suffixes:
            path.write_bytes(change(path.read_bytes()))
    return channel


@pytest.mark.parametrize("name", CASES)
def test_settings_and_types_are_refused(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    good = case.written(tmp_path / "t", 2)
    refused(case, good, tmp_path / "1", "nonsense", nonsense=1)
    refused(case, good, tmp_path / "2", "epochs", epochs=0)
    refused(case, good, tmp_path / "3", "learning_rate", learning_rate="fast")
    refused(case, replace(good, content_type="text/csv"), tmp_path / "4", "text/csv")


@pytest.mark.parametrize("name", CASES)
def test_an_empty_channel_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "t").mkdir()
    refused(CASES[name], Channel(tmp_path / "t"), tmp_path, "no files")


@pytest.mark.parametrize("name", CASES)
def test_a_broken_picture_is_named(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    channel = case.written(tmp_path / "t", 2)
    bad = spoilt(channel, lambda raw: raw.replace(b"IDAT", b"IDAX"), (".png", ".rec", ""))
    refused(case, bad, tmp_path, r"(record \d of train|\.png).*cannot be read")


@pytest.mark.parametrize("name", STORED)
def test_records_that_are_cut_off_are_refused(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    refused(
        case, spoilt(case.written(tmp_path / "t", 2), lambda raw: raw[:-20], (".rec", "")), tmp_path, "not complete"
    )


@pytest.mark.parametrize("name", CASES)
def test_the_least_there_can_be_trains(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    channels = {case.channel: case.written(tmp_path / "t", case.least)}
    heard = run(case.algorithm, case.given, channels, tmp_path / "model", case.model_id)
    assert heard.epochs == [1]
