"""Word vectors put words of a topic together; labels are learnt; files are fastText's."""

from pathlib import Path

import numpy as np
import pytest

from tarragon.algorithms import Standalone
from tarragon.algorithms.artifact import SEAL
from tarragon.algorithms.blazingtext import BlazingText
from tarragon.algorithms.model_contract import ModelContract
from tarragon.data import Lines
from tarragon.errors import DataError, IntegrityError, NotFittedError, ParameterError

from .texts import labelled, plain

WORDS = Lines.of([f"t{topic}w{i}" for topic in range(4) for i in range(8)])


class Vectors(ModelContract):
    iterative = True

    def data(self, seed: int) -> Lines:
        return Lines.of(plain(60, seed))

    def fresh(self, seed: int) -> Lines:
        return Lines.of(["t0w1", "any3", "neverseen", ""])

    def bad(self) -> dict[str, Lines]:
        return {"no lines": Lines.of([]), "one word": Lines.of(["a a a a a"]), "rare words": Lines.of(["a b c"])}


def small(mode: str, **more: object) -> BlazingText:
    return BlazingText(mode=mode, vector_dim=8, buckets=500, epochs=4, min_count=2, **more)


class TestSkipGram(Vectors):
    algorithm = small("skipgram")


class TestBatchSkipGram(Vectors):
    algorithm = small("batch_skipgram")


class TestSubwords(Vectors):
    algorithm = small("cbow", subwords=True)


class TestSupervised(ModelContract):
    algorithm = small("supervised")
    iterative = True

    def data(self, seed: int) -> Lines:
        return Lines.of(labelled(60, seed))

    def fresh(self, seed: int) -> Lines:
        return Lines.of([*plain(5, seed), "words never seen", ""])

    def bad(self) -> dict[str, Lines]:
        one = Lines.of(["__label__1 a b c"] * 9)
        return {
            "no labels": Lines.of(plain(9)),
            "one label": one,
            "labels alone": Lines.of(["__label__1", "__label__2"]),
        }


@pytest.mark.parametrize("mode", ["skipgram", "batch_skipgram", "cbow"])
@pytest.mark.parametrize("subwords", [False, True])
def test_words_of_a_topic_are_near_each_other(mode: str, subwords: bool) -> None:
    if subwords and mode == "batch_skipgram":
        return
    made = BlazingText(
        mode=mode, vector_dim=16, epochs=20, min_count=1, subwords=subwords, buckets=2000, sampling_threshold=1e-3,
        learning_rate=0.1,
    )  # fmt: skip
    vectors = made.fit(Lines.of(plain(1500))).predict(WORDS)["vector"]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    like = vectors @ vectors.T
    same = np.kron(np.eye(4), np.ones((8, 8))).astype(bool)
    np.fill_diagonal(like, np.nan)
    assert np.nanmean(like[same]) > np.nanmean(like[~same]) + 0.3


def test_labels_are_learnt_and_many_lines_answered() -> None:
    made = BlazingText(mode="supervised", vector_dim=16, epochs=15, learning_rate=0.5, min_count=1, buckets=5000)
    made.fit(Lines.of(labelled(800)))
    accuracy, examples = made.accuracy(Lines.of(labelled(400, seed=1)))
    assert examples == 400
    assert accuracy > 0.95
    answer = made.predict(Lines.of(plain(30, seed=2)))["probability"]
    assert answer.shape == (30, 4)
    np.testing.assert_allclose(answer.sum(axis=1), 1.0, rtol=1e-5)


def test_a_text_of_several_labels_is_each_of_them_in_part() -> None:
    lines = [f"__label__a __label__b both{i % 3}" for i in range(60)] + [f"__label__c other{i % 3}" for i in range(60)]
    made = BlazingText(mode="supervised", vector_dim=8, epochs=40, learning_rate=0.5, min_count=1, buckets=100)
    answer = made.fit(Lines.of(lines)).predict(Lines.of(["both1", "other1"]))["probability"]
    by_label = dict(zip(made.labels_, answer.T, strict=True))
    np.testing.assert_allclose(by_label["__label__a"][0], 0.5, atol=0.1)
    np.testing.assert_allclose(by_label["__label__b"][0], 0.5, atol=0.1)
    assert by_label["__label__c"][1] > 0.8


def test_unknown_words_have_vectors_by_their_ngrams_only() -> None:
    unknown = Lines.of(["t0w11", "zzz"])
    assert not small("skipgram").fit(Lines.of(plain(60))).predict(unknown)["vector"].any()
    with_grams = small("skipgram", subwords=True).fit(Lines.of(plain(60))).predict(unknown)["vector"]
    assert with_grams[0].any()


def test_early_stopping_keeps_the_best_epoch() -> None:
    """Trained on one rule and validated on noise, the first epochs are as good as any: it ends by patience."""
    rng = np.random.default_rng(0)
    noise = Lines.of([f"__label__{rng.integers(4)} {text}" for text in plain(200, seed=3)])
    context = Standalone()
    made = BlazingText(
        mode="supervised", vector_dim=8, epochs=60, min_count=1, buckets=100, early_stopping=True, patience=3,
        min_epochs=2, learning_rate=1.0,
    )  # fmt: skip
    made.fit(Lines.of(labelled(100)), valid=noise, context=context)
    scores = [epoch["validation:accuracy"] for epoch in context.epochs]
    best = int(np.argmax(scores))
    assert len(scores) == max(best + 1 + 3, 2) < 60
    assert made.accuracy(noise)[0] == pytest.approx(scores[best])


def test_threads_share_the_work() -> None:
    lines = Lines.of(labelled(9000))
    made = BlazingText(mode="supervised", vector_dim=8, epochs=2, min_count=1, buckets=100, learning_rate=0.5)
    context = Standalone(threads=2)
    made.fit(lines, context=context)
    assert context.epochs[-1]["records"] == 9000
    assert made.accuracy(Lines.of(labelled(300, seed=1)))[0] > 0.9


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(ParameterError, match="batch_skipgram"):
        small("batch_skipgram", subwords=True).fit(Lines.of(plain(60)))
    with pytest.raises(ParameterError, match="min_char"):
        small("cbow", subwords=True, min_char=5, max_char=3).fit(Lines.of(plain(60)))


@pytest.mark.parametrize(
    ("mode", "more"), [("supervised", {}), ("skipgram", {"subwords": True}), ("cbow", {}), ("batch_skipgram", {})]
)
def test_a_folder_without_our_seal_is_read(tmp_path: Path, mode: str, more: dict[str, object]) -> None:
    made = small(mode, **more).fit(Lines.of(labelled(60) if mode == "supervised" else plain(60)))
    made.save(tmp_path)
    (tmp_path / SEAL).unlink()
    loaded = BlazingText.load(tmp_path)
    for name, values in made.predict(Lines.of(["t0w1", "other"])).items():
        np.testing.assert_array_equal(values, loaded.predict(Lines.of(["t0w1", "other"]))[name])
    if mode != "supervised":
        (tmp_path / "vectors.bin").unlink()
        text = BlazingText.load(tmp_path).predict(Lines.of(["t0w1"]))["vector"]
        np.testing.assert_allclose(text, made.predict(Lines.of(["t0w1"]))["vector"], rtol=1e-3, atol=1e-5)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"model\.bin"):
        BlazingText.load(tmp_path)
    with pytest.raises(NotFittedError):
        _ = small("cbow").labels_


def test_a_text_without_words_is_a_data_error() -> None:
    with pytest.raises(DataError, match="min_count is 5"):
        BlazingText(mode="skipgram").fit(Lines.of(["rare words only"]))
