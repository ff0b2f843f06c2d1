"""Object2Vec stands the contract, learns with every encoder, and refuses what does not fit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import Standalone
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.object2vec import Object2Vec
from tarragon.data import LabelledPairs, Tokens
from tarragon.errors import DataError, ParameterError

pytest.importorskip("torch")
SMALL: dict[str, Any] = {
    "enc0_max_seq_len": 6, "enc0_vocab_size": 21, "enc_dim": 16, "enc0_token_embedding_dim": 8, "mlp_dim": 16,
    "mlp_activation": "relu", "learning_rate": 0.01, "mini_batch_size": 32, "early_stopping_tolerance": 1e-6,
}  # fmt: skip


def pairs(seed: int, n: int = 200, *, number: bool = False) -> LabelledPairs:
    """Sequences of tokens of one of two kinds (odd, even); a pair is labelled 1 where both are of one kind."""
    rng = np.random.default_rng(seed)
    kinds, lengths = rng.integers(0, 2, (2, n)), rng.integers(1, 7, (2, n))
    sides = [
        [2 * rng.integers(1, 10, m) + k for k, m in zip(*side, strict=True)]
        for side in zip(kinds, lengths, strict=True)
    ]
    y = (kinds[0] == kinds[1]).astype(float)
    return LabelledPairs(Tokens.of(sides[0]), Tokens.of(sides[1]), y * 3 + 1 if number else y)


class TestObject2Vec(ModelContract):
    algorithm = Object2Vec(**{**SMALL, "epochs": 4, "enc0_network": "pooled_embedding"})
    iterative = True
    same = 1e-6

    def data(self, seed: int) -> LabelledPairs:
        return pairs(seed)

    def bad(self) -> Mapping[str, Any]:
        some = pairs(0, 20)
        y = np.array(some.y)
        y[3] = np.nan
        return {
            "labels beyond the classes": LabelledPairs(some.in0, some.in1, np.full(20, 2.0)),
            "labels with gaps": LabelledPairs(some.in0, some.in1, y),
            "no labels": LabelledPairs(some.in0, some.in1),
            "one side": LabelledPairs(some.in0, None, some.y),
            "tokens outside the vocabulary": LabelledPairs(Tokens.of([[21]] * 20), some.in1, some.y),
            "empty sequences": LabelledPairs(Tokens.of([[]] * 20), some.in1, some.y),
            "no pairs": LabelledPairs(Tokens.of([]), Tokens.of([]), np.zeros(0)),
        }


@pytest.mark.parametrize("network", ["pooled_embedding", "bilstm", "hcnn"])
def test_every_encoder_learns_what_pairs_have_in_common(network: str) -> None:
    model = Object2Vec(
        **{**SMALL, "enc0_network": network, "epochs": 20, "enc0_layers": 2 if network == "hcnn" else None}
    )
    model.fit(pairs(0, 600), context=Standalone())
    held = pairs(1)
    assert model.measured(held)["accuracy"] > 0.9
    scores = model.predict(held)["scores"]
    assert scores.shape == (200, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    for one in (LabelledPairs(held.in0), LabelledPairs(None, held.in1)):
        assert model.predict(one)["embeddings"].shape == (200, 8 if network == "pooled_embedding" else 16)


def test_numbers_are_answered_as_numbers() -> None:
    model = Object2Vec(
        **{**SMALL, "enc0_network": "pooled_embedding", "output_layer": "mean_squared_error", "epochs": 30}
    )
    model.fit(pairs(0, 600, number=True))
    held = pairs(1, number=True)
    scores = model.predict(held)["scores"]
    assert held.y is not None
    assert scores.shape == (200, 1)
    assert model.measured(held)["mean_squared_error"] == pytest.approx(np.mean((scores[:, 0] - held.y) ** 2), rel=1e-4)
    assert model.measured(held)["mean_squared_error"] < 0.5 * held.y.var()


@pytest.mark.parametrize(
    "more",
    [
        {"enc1_network": "bilstm", "enc1_max_seq_len": 4, "enc1_vocab_size": 30, "enc0_token_embedding_dim": 16},
        {"tied_token_embedding_weight": True}, {"bucket_width": 2, "enc0_network": "bilstm"},
        {"token_embedding_storage_type": "row_sparse"},
        {"token_embedding_storage_type": "row_sparse", "optimizer": "sgd"},
        {"negative_sampling_rate": 2}, {"comparator_list": "concat"}, {"comparator_list": "abs_diff,hadamard"},
        {"mlp_layers": 0}, {"dropout": 0.5}, {"dropout": 1.0}, {"weight_decay": 0.1}, {"optimizer": "adadelta"},
        {"enc0_network": "hcnn", "enc0_cnn_filter_width": 2, "enc0_layers": 1},
        {"enc0_network": "bilstm", "enc0_layers": 2},
    ],
    ids=str,
)  # fmt: skip
def test_every_setting_trains(more: dict[str, Any]) -> None:
    model = Object2Vec(**{**SMALL, "enc0_network": "pooled_embedding", "epochs": 2, **more})
    model.fit(pairs(0, 100), valid=pairs(1, 50))
    assert np.isfinite(model.predict(pairs(2, 20))["scores"]).all()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"enc1_network": "hcnn"}, "enc1_max_seq_len"),
        ({"enc1_network": "hcnn", "enc1_max_seq_len": 4, "enc1_vocab_size": 21}, "differ in length"),
        ({"tied_token_embedding_weight": True, "enc1_vocab_size": 30}, "one table"),
        ({"token_embedding_storage_type": "row_sparse", "optimizer": "rmsprop"}, "rmsprop"),
        ({"tables": {0: np.ones((3, 8), np.float32)}}, "do not fit"),
    ],
)  # fmt: skip
def test_settings_that_exclude_each_other_are_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Object2Vec(**{**SMALL, "enc0_network": "pooled_embedding", **more}).fit(pairs(0, 20))


def test_given_vectors_stay_when_frozen_and_move_when_not() -> None:
    table = np.random.default_rng(0).normal(size=(21, 8)).astype(np.float32)
    for frozen in (True, False):
        model = Object2Vec(
            **SMALL, enc0_network="pooled_embedding", epochs=1, enc0_pretrained_embedding_file="vectors.txt",
            enc0_freeze_pretrained_embedding=frozen,
        )  # fmt: skip
        model.tables = {0: table}
        model.fit(pairs(0, 50))
        assert model.weights_ is not None
        assert (model.weights_["table0"] == table).all() == frozen
        assert not (model.weights_["table1"] == table).any()


def test_lengths_asked_for_cut_sequences() -> None:
    model = Object2Vec(**SMALL, enc0_network="pooled_embedding", epochs=1).fit(pairs(0, 50))
    whole, first = LabelledPairs(Tokens.of([[2, 4, 6]])), LabelledPairs(Tokens.of([[2]]))
    cut = model.predict(whole, longest=(1, 1))["embeddings"]
    np.testing.assert_array_equal(cut, model.predict(first)["embeddings"])
    assert (cut != model.predict(whole)["embeddings"]).any()


def test_a_token_outside_the_vocabulary_is_named() -> None:
    model = Object2Vec(**SMALL, enc0_network="pooled_embedding", epochs=1).fit(pairs(0, 50))
    with pytest.raises(DataError, match="token 99"):
        model.predict(LabelledPairs(Tokens.of([[1, 99]])))
