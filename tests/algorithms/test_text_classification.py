"""Classes of texts are learnt, also those that hang on the order of words' company; models go on from models."""

import logging
from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import Standalone
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.text_classification import TextClassification
from tarragon.algorithms.text_encoder import Shape
from tarragon.data import Texts
from tarragon.errors import DataError

from .test_text_encoder import checkpoint
from .texts import topics

pytest.importorskip("torch")


def texts(lines: int, seed: int = 0) -> Texts:
    found = topics(lines, seed)
    return Texts(tuple(text for _, text in found), np.array([topic for topic, _ in found]), 4)


def small(**more: object) -> TextClassification:
    return TextClassification(**{"epochs": 3, "batch_size": 16, "shape": Shape(8, 2, 1), **more})


class TestTextClassification(ModelContract):
    algorithm = small()
    iterative = True
    same = 1e-6

    def data(self, seed: int) -> Texts:
        return texts(40, seed)

    def fresh(self, seed: int) -> Texts:
        return Texts((*texts(5, seed).texts, "", "never seen"))

    def bad(self) -> dict[str, Texts]:
        y = np.array([0, 1])
        return {
            "nothing": Texts((), np.empty(0, np.int64), 2), "no classes": Texts(("a", "b")),
            "one class": Texts(("a", "b"), y * 0, 1), "a class too high": Texts(("a", "b"), y + 1, 2),
            "a class below 0": Texts(("a", "b"), y - 1, 2),
        }  # fmt: skip


def accuracy(model: TextClassification, data: Texts) -> float:
    return float((model.predict(data)["probability"].argmax(1) == data.y).mean())


def test_topics_are_learnt() -> None:
    model = small(epochs=8, learning_rate=0.01).fit(texts(400))
    assert accuracy(model, texts(200, seed=1)) > 0.95


def test_the_company_of_words_is_learnt() -> None:
    """Whether two marked words are alike: no single word says it, so that a bag of words cannot."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 96))
    lines = tuple(f"left{i} some right{j} words" for i, j in zip(a, b, strict=True))
    data = Texts(lines, (a == b).astype(np.int64), 2)
    model = small(epochs=30, learning_rate=0.02, shape=Shape(16, 2, 1), dropout_rate=0.0).fit(data)
    assert accuracy(model, data) > 0.95


def test_without_a_published_encoder_it_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        small(epochs=1).fit(texts(20))
    assert "trained from nothing" in caplog.text


def test_only_the_top_layer_is_learnt_when_asked() -> None:
    former = small().fit(texts(60))
    later = small(train_only_on_top_layer=True, start=former, learning_rate=0.1).fit(texts(60, seed=1))
    before, after = former._net.state_dict(), later._net.state_dict()
    same = {name: bool((before[name] == after[name]).all()) for name in before}
    assert {name for name, kept in same.items() if not kept} == {"top.weight", "top.bias"}


def test_a_former_model_goes_on_or_begins_its_top_layer_anew() -> None:
    former = small(epochs=8, learning_rate=0.01).fit(texts(200))
    held = texts(200, seed=1)
    still = {"epochs": 1, "learning_rate": 1e-6, "start": former}
    assert accuracy(small(**still).fit(texts(50)), held) > 0.9
    anew = small(**still, reinitialize_top_layer="True").fit(texts(50), context=Standalone(seed=9))
    assert accuracy(anew, held) < 0.8
    y = texts(50).y % 2
    other = Texts(texts(50).texts, y, 2)
    assert small(**still).fit(other).predict(held)["probability"].shape == (200, 2)
    with pytest.raises(DataError, match="reinitialize_top_layer"):
        small(**still, reinitialize_top_layer="False").fit(other)


def test_early_stopping_keeps_the_best_epoch() -> None:
    rng = np.random.default_rng(0)
    noise = Texts(texts(60, seed=3).texts, rng.integers(0, 4, 60), 4)
    context = Standalone()
    model = small(epochs=50, learning_rate=0.02, early_stopping=True, early_stopping_patience=2)
    model.fit(texts(60), valid=noise, context=context)
    scores = [epoch["validation:accuracy"] for epoch in context.epochs]
    assert model.epoch_ == 1 + int(np.argmax(scores))
    assert len(scores) == model.epoch_ + 2
    assert accuracy(model, noise) == pytest.approx(max(scores))


def test_a_published_encoder_is_tuned_saved_and_loaded(tmp_path: Path) -> None:
    place, folder = tmp_path / "published", tmp_path / "model"
    place.mkdir()
    folder.mkdir()
    model = small(pretrained=checkpoint(place), epochs=10, learning_rate=0.005).fit(texts(200))
    held = texts(100, seed=1)
    assert accuracy(model, held) > 0.6
    model.save(folder)
    loaded = TextClassification.load(folder)
    np.testing.assert_allclose(loaded.predict(held)["probability"], model.predict(held)["probability"], atol=1e-6)
