"""The neural topic model stands the contract, finds topics that are known, and comes out alike on several hosts."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import Standalone
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.ntm import NTM
from tarragon.data import Batches, Tabular
from tarragon.errors import ParameterError

from .test_lda import WORDS, corpus, distance

pytest.importorskip("torch")
QUICK: dict[str, Any] = {"optimizer": "adam", "learning_rate": 0.02, "encoder_layers_activation": "relu"}


def blocks(counts: sp.csr_matrix, size: int) -> Batches:
    def opened() -> Iterator[Tabular]:
        for start in range(0, counts.shape[0], size):
            yield Tabular(counts[start : start + size])

    return Batches(opened, counts.shape[1])


class TestNTM(ModelContract):
    algorithm = NTM(num_topics=3, epochs=4, mini_batch_size=64, **QUICK)
    iterative = True

    def data(self, seed: int) -> Tabular:
        return Tabular(corpus(seed, 200)[0])

    def bad(self) -> Mapping[str, Any]:
        some = corpus(0, 50)[0].toarray()
        gap, below = some.copy(), some.copy()
        gap[3, 4], below[3, 4] = np.nan, -1
        return {
            "gaps": Tabular(gap), "negative counts": Tabular(below), "no documents": Tabular(some[:0]),
            "empty documents": Tabular(some * 0), "no columns": Tabular(some[:, :0]),
        }  # fmt: skip


def test_topics_that_made_the_documents_are_found() -> None:
    counts, beta = corpus(1, 1500)
    context = Standalone()
    model = NTM(num_topics=3, epochs=30, mini_batch_size=128, tolerance=1e-4, **QUICK)
    model.fit(Tabular(counts), context=context)
    assert distance(model.topics(), beta) < 0.1
    assert context.epochs[-1]["train:total_loss"] < context.epochs[0]["train:total_loss"]
    np.testing.assert_allclose(model.topics().sum(axis=1), 1)
    theta = model.predict(Tabular(counts))["topic_weights"]
    np.testing.assert_allclose(theta.sum(axis=1), 1, rtol=1e-5)


def test_the_loss_is_reconstruction_and_divergence() -> None:
    context = Standalone()
    NTM(num_topics=3, epochs=2, **QUICK).fit(Tabular(corpus(0, 100)[0]), context=context)
    for epoch in context.epochs:
        assert epoch["train:total_loss"] == pytest.approx(epoch["train:recons_loss"] + epoch["train:kld_loss"])
        assert epoch["train:kld_loss"] > 0


def test_a_stream_and_one_block_of_it_are_one() -> None:
    counts, _ = corpus(2, 130)
    asked: dict[str, Any] = {"num_topics": 3, "epochs": 2, "mini_batch_size": 32, **QUICK}
    one = NTM(**asked).fit(Tabular(counts)).topics()
    np.testing.assert_array_equal(one, NTM(**asked).fit(blocks(counts, 130)).topics())
    several = NTM(**asked).fit(blocks(counts, 50)).topics()
    assert distance(several, one) < 0.1


@pytest.mark.parametrize(
    "more",
    [
        {"batch_norm": True}, {"clip_gradient": 0.5}, {"sub_sample": 0.5}, {"weight_decay": 0.01},
        {"encoder_layers": "[8]"}, {"optimizer": "adadelta"}, {"optimizer": "sgd", "learning_rate": 1e-3},
        {"rescale_gradient": 0.5}, {"encoder_layers_activation": "tanh"},
    ],
    ids=str,
)  # fmt: skip
def test_every_setting_trains(more: dict[str, Any]) -> None:
    counts, _ = corpus(3, 200)
    context = Standalone()
    NTM(num_topics=3, epochs=3, mini_batch_size=64, **{**QUICK, **more}).fit(Tabular(counts), context=context)
    assert context.epochs[-1]["train:total_loss"] < context.epochs[0]["train:total_loss"] * 1.02


def test_a_standstill_ends_training_and_the_best_epoch_on_validation_is_kept() -> None:
    counts, _ = corpus(4, 200)
    held = Tabular(corpus(5, 100)[0])
    context = Standalone()
    model = NTM(num_topics=3, epochs=40, tolerance=0.1, num_patience_epochs=2, **QUICK)
    model.fit(Tabular(counts), valid=held, context=context)
    assert len(context.epochs) < 10
    told = [epoch["validation:total_loss"] for epoch in context.epochs]
    assert model.loss(held) == pytest.approx(min(told), rel=1e-5)


def test_steps_that_are_too_long_are_said() -> None:
    counts, _ = corpus(0, 100)
    with pytest.raises(ParameterError, match="learning_rate"):
        NTM(num_topics=3, epochs=5, optimizer="sgd", learning_rate=1.0, mini_batch_size=8).fit(
            Tabular(counts * np.float32(1e6))
        )


def test_top_words_are_judged_with_and_without_vectors() -> None:
    counts, _ = corpus(1, 300)
    model = NTM(num_topics=3, epochs=2, **QUICK).fit(Tabular(counts))
    kind, coherent, unique = model.judged([Tabular(counts)])
    assert (kind, coherent.shape, unique.shape) == ("npmi", (3,), (3,))
    kind, coherent, _ = model.judged([], np.ones((WORDS, 4)))
    assert kind == "wetc"
    np.testing.assert_allclose(coherent, 1)
