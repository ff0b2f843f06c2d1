"""Pictures and masks train, with label maps and from manifests; the container's lines are said."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tarragon.algorithms import get
from tarragon.data import Pictures, write_png
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import Channel, semantic_segmentation

from .pictures import manifest, narrow, run, squares, write

ASKED = {
    "num_classes": 2, "num_training_samples": 4, "base_size": 48, "crop_size": 32, "epochs": 1, "mini_batch_size": 4,
    "use_pretrained_model": "False",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch, semantic_segmentation, width=2)


def drawn(n: int, value: int = 1) -> tuple[list[np.ndarray], list[np.ndarray]]:
    pictures, boxes = squares(n)
    masks = []
    for own in boxes:
        mask = np.zeros((48, 48), np.uint8)
        _, x, y, r, d = own[0].astype(int)
        mask[y:d, x:r] = value
        masks.append(mask)
    return pictures, masks


def jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def channels(place: Path, value: int = 1, *, palette: bool = False) -> dict[str, Path]:
    for i, (pixels, mask) in enumerate(zip(*drawn(3, value), strict=True)):
        picture = Image.fromarray(mask)
        if palette:
            picture.putpalette([0, 0, 0, 200, 10, 10] + [0] * 762)
        file = io.BytesIO()
        picture.save(file, "PNG")
        write(place / "t", **{f"{i}_dot_jpg": jpeg(pixels)})
        write(place / "a", **{f"{i}_dot_png": file.getvalue()})
    return {"train": place / "t", "train_annotation": place / "a"}


def trained(tmp_path: Path, given: dict[str, Any], **more: Any) -> Any:
    return run("semantic-segmentation", {**ASKED, **more}, given, tmp_path / "model")


@pytest.mark.parametrize("palette", [False, True])
def test_it_trains_and_says_the_containers_lines(tmp_path: Path, palette: bool) -> None:
    given = channels(tmp_path, palette=palette)
    both = {**given, "validation": given["train"], "validation_annotation": given["train_annotation"]}
    heard = trained(tmp_path, both, epochs=2)
    assert set(heard.metrics) == {
        "validation:mIOU", "validation:pixel_accuracy", "train:loss", "train:throughput", "validation:throughput",
    }  # fmt: skip
    model = get("semantic-segmentation").load(heard.folder)
    assert model.predict(Pictures.of(drawn(1)[0]))["mask"].shape == (1, 48, 48)
    assert {p.name for p in heard.folder.iterdir()} >= {"model_algo-1", "hyperparams.json"}


@pytest.mark.parametrize("told", [{"scale": "3"}, {"map": {"0": 0, "1": 3}}])
def test_a_label_map_turns_stored_values_into_classes(tmp_path: Path, told: dict[str, Any]) -> None:
    given = channels(tmp_path, value=3)
    with pytest.raises(DataError, match="class 3"):
        trained(tmp_path / "1", given)
    place = write(tmp_path / "m", train_label_map_dot_json=json.dumps(told))
    assert trained(tmp_path / "2", {**given, "label_map": place}).epochs == [1]


def test_a_manifest_trains(tmp_path: Path) -> None:
    pictures, masks = drawn(3)
    place = manifest(tmp_path / "train_0", [write_png(mask) for mask in masks], pictures)
    assert trained(tmp_path, {"train": Channel(place, "application/x-recordio")}).epochs == [1]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"num_classes": 255}, "num_classes"), ({"algorithm": "unet"}, "algorithm"), ({"crop_size": 16}, "crop_size"),
        ({"backbone": "resnet-18"}, "backbone"), ({"lr_scheduler": "step"}, "lr_scheduler_step"),
    ],
)  # fmt: skip
def test_hyperparameters_out_of_range_are_refused(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        trained(tmp_path, channels(tmp_path), **more)


def test_spoilt_channels_are_refused(tmp_path: Path) -> None:
    given = channels(tmp_path)
    with pytest.raises(DataError, match="no masks"):
        trained(tmp_path / "1", {"train": given["train"]})
    bad = write(tmp_path / "m", train_label_map_dot_json='{"scale": 0}')
    with pytest.raises(DataError, match="label map"):
        trained(tmp_path / "2", {**given, "label_map": bad})
    (given["train_annotation"] / "0.png").write_bytes(write_png(drawn(1)[0][0]))
    with pytest.raises(DataError, match="one channel"):
        trained(tmp_path / "3", given)
    (given["train_annotation"] / "0.png").unlink()
    with pytest.raises(DataError, match="belong together"):
        trained(tmp_path / "4", given)
