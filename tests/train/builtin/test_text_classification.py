"""The model hub's text classification as a job: channels, Keras' words, what training begins from, what is refused."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import get
from tarragon.data import Texts
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import Channel, Teller, default_metrics, learn
from tarragon.train.builtin.run import compiled

from .conftest import Heard

pytest.importorskip("torch")
Train = Callable[..., Heard]
QUICK = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01}


def rows(count: int, seed: int = 0, classes: int = 2) -> bytes:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        topic = rng.integers(classes)
        found.append(f'{topic},"' + " ".join(f"{'abc'[topic]}{rng.integers(5)}" for _ in range(5)) + '"')
    return "\n".join(found).encode()


@pytest.fixture
def run(tmp_path: Path) -> Train:
    """Train on channels, each the content of its data.csv or a folder; returns what was heard."""

    def made(hyperparameters: dict[str, object], content_type: str = "", **channels: "bytes | Path") -> Heard:
        given = {}
        for name, content in channels.items():
            folder = content if isinstance(content, Path) else tmp_path / "data" / name
            if isinstance(content, bytes):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "data.csv").write_bytes(content)
            given[name] = Channel(folder, content_type)
        heard = Heard(folder=tmp_path / f"model-{len(list(tmp_path.iterdir()))}")
        heard.folder.mkdir()
        teller = Teller(heard, compiled(default_metrics("text-classification")), tmp_path / "checkpoints", threads=1)
        learn("text-classification", {k: str(v) for k, v in hyperparameters.items()}, given, heard.folder, teller)
        return heard

    return made


def test_it_trains_and_tells_in_keras_words(run: Train) -> None:
    heard = run({**QUICK, "epochs": 6}, training=rows(160))
    log = "\n".join(heard.lines)
    assert "Epoch 6/6" in log
    assert len(re.findall(r"loss: [\d.]+ - accuracy: [\d.]+ - val_loss: [\d.]+ - val_accuracy: [\d.]+", log)) == 6
    assert len(re.findall(r"val_accuracy=[\d.]+", log)) == 6
    assert "WARNING" in log
    assert heard.metrics["validation:accuracy"] > 0.9
    names = {path.name for path in heard.folder.iterdir()}
    assert {"model.safetensors", "class_label_to_prediction_index.json"} <= names
    found = get("text-classification").load(heard.folder).predict(Texts(("a1 a2 a3", "b1 b4 b2")))["probability"]
    assert found.argmax(1).tolist() == [0, 1]


def test_a_validation_channel_is_judged_on_whole(run: Train) -> None:
    heard = run({**QUICK, "early_stopping": "True"}, training=rows(40), validation=rows(30, seed=1))
    assert "validation:accuracy" in heard.metrics
    heard = run({**QUICK, "validation_split_ratio": 0}, training=rows(40))
    assert "validation:accuracy" not in heard.metrics


def test_training_goes_on_from_a_former_model(run: Train) -> None:
    first = run({**QUICK, "epochs": 6}, training=rows(160))
    second = run({**QUICK, "epochs": 1, "learning_rate": 1e-6}, training=rows(60, seed=2), model=first.folder)
    assert second.metrics["validation:accuracy"] > 0.9
    assert "Training goes on from the model" in "\n".join(second.lines)


def test_a_tensorflow_model_is_not_read_and_a_warning_says_so(run: Train, tmp_path: Path) -> None:
    place = tmp_path / "hub"
    place.mkdir()
    (place / "saved_model.pb").write_bytes(b"\x08\x01")
    heard = run(QUICK, training=rows(40), model=place)
    assert "no published encoder that can be read" in "\n".join(heard.lines)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"optimizer": "lion"}, "optimizer"), ({"epochs": 0}, "epochs"), ({"dropout_rate": 1.5}, "dropout_rate"),
        ({"layers": 3}, "'layers' was unexpected"), ({"learning_rate": "fast"}, "learning_rate"),
        ({"reinitialize_top_layer": "Never"}, "reinitialize"), ({"validation_split_ratio": 1.0}, "validation_split"),
        ({"train_only_on_top_layer": "maybe"}, "train_only_on_top_layer"),
    ],
)  # fmt: skip
def test_hyperparameters_are_held_against_their_ranges(run: Train, more: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(words)):
        run({**QUICK, **more}, training=rows(40))


def test_the_hubs_other_name_of_epsilon_is_taken(run: Train) -> None:
    run({**QUICK, "epochs": 1, "eps": 0.001, "optimizer": "adamw"}, training=rows(20))


@pytest.mark.parametrize(
    "content",
    [b"", b"0,a\n" * 9, b"0,a\n2,b\n" * 9, b"label,text\n0,a\n1,b\n", b"0,a,b\n", b"1,a\n-1,b\n", b"\x00\x01", b"0,a"],
)
def test_no_model_is_made_of_what_cannot_be_learnt(run: Train, content: bytes) -> None:
    with pytest.raises(DataError) as told:
        run(QUICK, training=content)
    assert told.value.why


def test_channels_that_do_not_fit_are_named(run: Train) -> None:
    with pytest.raises(DataError, match="training"):
        run(QUICK, validation=rows(40))
    with pytest.raises(DataError, match="class 2 is not from 0 to 1"):
        run(QUICK, training=rows(40), validation=rows(40, classes=3))
    with pytest.raises(DataError, match="content type"):
        run(QUICK, "application/x-image", training=rows(40))
