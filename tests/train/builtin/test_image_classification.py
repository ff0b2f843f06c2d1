"""Every layout of pictures with classes trains; the container's lines are said; spoilt input is refused."""

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import Pictures, write_png
from tarragon.errors import DataError, IntegrityError, ParameterError
from tarragon.train.builtin import Channel, image_classification

from .pictures import bars, manifest, narrow, records, run, write

ASKED = {"num_classes": 2, "num_training_samples": 24, "num_layers": 20, "image_shape": "3,12,12", "epochs": 1}
MORE = {"mini_batch_size": 8, "learning_rate": 0.05}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch, image_classification, width=16)


def trained(tmp_path: Path, channels: dict[str, Any], **more: Any) -> Any:
    return run("image-classification", {**ASKED, **MORE, **more}, channels, tmp_path / "model")


def listed(tmp_path: Path, pictures: list[np.ndarray], rows: list[str]) -> dict[str, Path]:
    for i, pixels in enumerate(pictures):
        write(tmp_path / "train", **{f"a__{i}_dot_png": write_png(pixels)})
    return {"train": tmp_path / "train", "train_lst": write(tmp_path / "lst", train_dot_lst="\n".join(rows))}


def test_image_records_train_and_say_the_containers_lines(tmp_path: Path) -> None:
    pictures, kinds = bars(48)
    held = bars(20, 1)
    channels = {
        "train": Channel(records(tmp_path / "t", [[k] for k in kinds], pictures), "application/x-recordio"),
        "validation": Channel(records(tmp_path / "v", [[k] for k in held[1]], held[0]), "application/x-recordio"),
    }
    heard = trained(tmp_path, channels, epochs=6, num_training_samples=48, use_pretrained_model=0)
    assert heard.epochs == [1, 2, 3, 4, 5, 6]
    assert "Epoch[0] Train-accuracy=" in "\n".join(heard.lines)
    assert {"train:accuracy", "validation:accuracy"} <= set(heard.metrics)
    model = get("image-classification").load(heard.folder)
    right = (model.predict(Pictures.of(held[0]))["probability"].argmax(axis=1) == held[1]).mean()
    assert right > 0.8
    assert json.loads((heard.folder / "model-shapes.json").read_text())[0]["shape"] == [1, 3, 12, 12]


def test_pictures_beside_a_list_train(tmp_path: Path) -> None:
    pictures, kinds = bars(8)
    rows = [f"{i}\t{kind}\ta/{i}.png" for i, kind in enumerate(kinds)]
    heard = trained(tmp_path, listed(tmp_path, pictures, rows))
    assert any(line.startswith("[WARNING] num_training_samples is 24") for line in heard.lines)
    assert any("There is no GPU" in line for line in heard.lines)


@pytest.mark.parametrize(("form", "write_as"), [("", [1, 0]), ("multi-hot", [1, 0]), ("class-id", [0])])
def test_an_augmented_manifest_of_several_classes_trains(tmp_path: Path, form: str, write_as: list[int]) -> None:
    pictures, _ = bars(4)
    place = manifest(tmp_path / "train_0", [json.dumps(write_as).encode()] * 4, pictures)
    kind = f"application/x-image; label-format={form}" if form else "application/x-image"
    heard = trained(tmp_path, {"train": Channel(place, kind)}, multi_label=1)
    assert heard.epochs == [1]


def test_a_former_model_goes_on_only_as_it_was(tmp_path: Path) -> None:
    pictures, kinds = bars(8)
    train = records(tmp_path / "t", [[k] for k in kinds], pictures)
    first = trained(tmp_path / "1", {"train": train})
    (tmp_path / "m").mkdir()
    with tarfile.open(tmp_path / "m" / "model.tar.gz", "w:gz") as archive:
        archive.add(first.folder, ".")
    more = {"train": train, "model": Channel(tmp_path / "m", "application/x-sagemaker-model")}
    heard = trained(tmp_path / "2", more)
    assert any("Incremental training" in line for line in heard.lines)
    with pytest.raises(ParameterError, match="num_layers"):
        trained(tmp_path / "3", more, num_layers=32)


def test_pretrained_weights_come_from_a_folder_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, kinds = bars(4, side=32)
    train = records(tmp_path / "t", [[k] for k in kinds], pictures)
    asked = {"num_layers": 18, "image_shape": "3,32,32", "use_pretrained_model": 1}
    heard = trained(tmp_path / "1", {"train": train}, **asked)
    assert any("There are no pretrained weights of resnet-18" in line for line in heard.lines)
    weights = get("image-classification").load(heard.folder).weights_
    np.savez(tmp_path / "resnet-18.npz", **weights)
    monkeypatch.setenv("TARRAGON_PRETRAINED", str(tmp_path))
    heard = trained(tmp_path / "2", {"train": train}, **asked)
    assert "Pretrained weights of resnet-18 loaded" in heard.lines
    (tmp_path / "resnet-18.npz").write_bytes(b"PK\x03\x04 spoilt")
    with pytest.raises(IntegrityError, match=r"resnet-18\.npz"):
        trained(tmp_path / "3", {"train": train}, **asked)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"epoch": 3}, "unexpected"), ({"num_layers": 21}, "num_layers"), ({"learning_rate": 0}, "learning_rate"),
        ({"optimizer": "adagrad"}, "optimizer"), ({"image_shape": "224"}, "image_shape"), ({"top_k": 1}, "top_k"),
    ],
)  # fmt: skip
def test_hyperparameters_out_of_range_are_refused(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        trained(tmp_path, {"train": tmp_path}, **more)


def test_a_missing_hyperparameter_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="num_training_samples"):
        run("image-classification", {"num_classes": 2}, {"train": tmp_path}, tmp_path / "model")


def test_spoilt_channels_are_refused(tmp_path: Path) -> None:
    pictures, kinds = bars(4)
    whole = records(tmp_path / "t", [[k] for k in kinds], pictures)
    content = (whole / "train.rec").read_bytes()
    spoilt = {
        "cut": (content[:-20], "not complete"), "empty": (b"", "no image record"),
        "no records": (b"hello world, this is text", "no image record"),
        "no picture": (write_png(pictures[0])[:12], "no image record"),
        "nan": (None, "not a finite number"), "class": (None, "0 to 1"), "half": (None, "one whole number"),
        "two": (None, "one whole number"), "jpeg": (content.replace(b"IDAT", b"IDAX", 1), "cannot be read"),
    }  # fmt: skip
    labels = {"nan": [np.nan], "class": [2], "half": [0.5], "two": [1, 0]}
    for name, (data, words) in spoilt.items():
        place = tmp_path / name
        if data is None:
            records(place, [labels[name]] * 2, pictures[:2])
        else:
            write(place, train_dot_rec=data)
        with pytest.raises(DataError, match=words):
            trained(tmp_path / f"{name}-out", {"train": place})
    with pytest.raises(DataError, match="missing"):
        trained(tmp_path / "x", {})
    with pytest.raises(DataError, match="text/csv"):
        trained(tmp_path / "y", {"train": Channel(whole, "text/csv")})
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="no files"):
        trained(tmp_path / "z", {"train": tmp_path / "nothing"})


def test_a_list_that_leaves_the_channel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(write_png(bars(1)[0][0]))
    with pytest.raises(DataError, match="not there"):
        trained(tmp_path, listed(tmp_path, bars(1)[0], ["0\t0\t../secret.png"]))
    with pytest.raises(DataError, match="Line 1"):
        trained(tmp_path / "b", listed(tmp_path, bars(1)[0], ["0 0 a/0.png"]))
