"""Weights to begin from, channels, and shares of several hosts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms.image_classification import ImageClassification
from tarragon.data import Pictures, write_ndarrays
from tarragon.errors import DataError, IntegrityError
from tarragon.train.builtin import Channel, Order, Teller, vision

from .conftest import Heard

WEIGHTS = {"conv1.weight": np.ones((1, 2), np.float32)}


def order(tmp_path: Path, **channels: Channel) -> tuple[Order, Heard]:
    heard = Heard()
    (tmp_path / "out").mkdir(exist_ok=True)
    return Order({}, channels, tmp_path / "out", Teller(heard)), heard


def model() -> ImageClassification:
    return ImageClassification(num_classes=2, num_training_samples=1)


@pytest.mark.parametrize("suffix", ["safetensors", "npz", "params"])
def test_published_weights_are_read_in_three_formats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    from safetensors.numpy import save_file

    place = tmp_path / f"resnet-50.{suffix}"
    if suffix == "safetensors":
        save_file(WEIGHTS, place)
    elif suffix == "npz":
        np.savez(place, **WEIGHTS)
    else:
        place.write_bytes(write_ndarrays({"arg:conv1.weight": WEIGHTS["conv1.weight"]}))
    asked, _ = order(tmp_path)
    monkeypatch.setenv(vision.PRETRAINED, str(tmp_path))
    made = model()
    vision.begin(asked, made, "resnet-50", (), wanted=True)
    assert made.pretrained is not None
    np.testing.assert_array_equal(made.pretrained["conv1.weight"], WEIGHTS["conv1.weight"])
    place.write_bytes(b"spoilt")
    with pytest.raises(IntegrityError):
        vision.begin(asked, model(), "resnet-50", (), wanted=True)


def test_a_model_channel_without_readable_weights_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "saved_model.pb").write_bytes(b"x")
    asked, heard = order(tmp_path, model=Channel(tmp_path / "m"))
    made = model()
    vision.begin(asked, made, "resnet-50", (), wanted=True)
    assert made.pretrained is None
    assert any("begins at random" in line for line in heard.lines)


def test_content_types(tmp_path: Path) -> None:
    card = ImageClassification.card
    asked, _ = order(tmp_path, train=Channel(tmp_path, "application/x-image; Label-Format=class-id"))
    assert vision.typed(asked, "train", card) == {"label-format": "class-id"}
    assert vision.typed(asked, "validation", card) == {}
    asked, _ = order(tmp_path, train=Channel(tmp_path, "application/json"))
    with pytest.raises(DataError, match="application/json"):
        vision.typed(asked, "train", card)


def test_hosts_share_what_all_were_given(tmp_path: Path) -> None:
    data = Pictures.of(list(np.zeros((5, 2, 2, 3), np.uint8)), labels=np.arange(5))
    asked, _ = order(tmp_path, train=Channel(tmp_path, sharded=False), own=Channel(tmp_path, sharded=True))
    second = replace(asked, teller=replace(asked.teller, rank=1, world=2))
    labels = vision.share(second, "train", data).labels
    assert labels is not None
    assert labels.tolist() == [1, 3]
    assert len(vision.share(second, "own", data)) == 5
    assert len(vision.share(asked, "train", data)) == 5
