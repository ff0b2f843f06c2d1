"""A folder for each class trains in the hub's words, through the hub's model id."""

from pathlib import Path
from typing import Any

import pytest

from tarragon.algorithms import get
from tarragon.algorithms.image_classification_tf import ImageClassificationTF
from tarragon.data import write_png
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import image_classification_tf

from .pictures import bars, narrow, run, write

ID = "tensorflow-ic-imagenet-resnet-18-classification-4"


def folders(place: Path, n: int, seed: int = 0) -> Path:
    for i, (pixels, kind) in enumerate(zip(*bars(n, seed), strict=True)):
        write(place, **{f"{'tulip' if kind else 'rose'}__{i}_dot_png": write_png(pixels)})
    return place


def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, channels: dict[str, Any], **more: Any) -> Any:
    narrow(monkeypatch, image_classification_tf, width=8)
    full = ImageClassificationTF.stand_for

    def smaller(model: ImageClassificationTF, model_id: str) -> None:
        full(model, model_id)
        model.side = 16

    monkeypatch.setattr(ImageClassificationTF, "stand_for", smaller)
    asked = {"epochs": 2, "batch_size": 8, "learning_rate": 0.005, **more}
    return run("image-classification", asked, channels, tmp_path / "model", ID)


def test_it_trains_and_says_keras_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    channels = {"training": folders(tmp_path / "t", 24), "validation": folders(tmp_path / "v", 8, 1)}
    heard = trained(monkeypatch, tmp_path, channels, augmentation="True", augmentation_random_rotation=0.05)
    text = "\n".join(heard.lines)
    assert "val_accuracy: " in text
    assert "- accuracy: " in text
    assert 0 <= heard.metrics["validation:accuracy"] <= 1
    model = get("image-classification-tf").load(heard.folder)
    assert model.names_ == ("rose", "tulip")
    assert model.layers == 18


def test_what_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = folders(tmp_path / "t", 4)
    with pytest.raises(DataError, match="no classes"):
        trained(monkeypatch, tmp_path / "a", {"training": good / "rose"})
    other = write(tmp_path / "v", lily__0_dot_png=write_png(bars(1)[0][0]), rose__1_dot_png=b"x")
    with pytest.raises(DataError, match="lily"):
        trained(monkeypatch, tmp_path / "b", {"training": good, "validation": other})
    with pytest.raises(ParameterError, match="optimizer"):
        trained(monkeypatch, tmp_path / "c", {"training": good}, optimizer="lion")
    with pytest.raises(ParameterError, match="eval_metric"):
        trained(monkeypatch, tmp_path / "d", {"training": good}, eval_metric="auc")
