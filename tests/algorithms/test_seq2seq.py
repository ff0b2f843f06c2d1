"""Seq2Seq learns to turn sequences around, whatever it is built of, and refuses what it cannot read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.seq2seq import Seq2Seq
from tarragon.data import TokenPairs
from tarragon.errors import DataError, IntegrityError, ParameterError

SPECIAL = {"<pad>": 0, "<unk>": 1, "<s>": 2, "</s>": 3}
SMALL = {
    "rnn_num_hidden": 16, "cnn_num_hidden": 16, "num_embed_source": 8, "num_embed_target": 8, "batch_size": 16,
    "max_num_epochs": 3, "learning_rate": 0.01, "checkpoint_frequency_num_batches": 4, "beam_size": 2,
    "max_seq_len_source": 12, "max_seq_len_target": 12, "checkpoint_threshold": 50,
}  # fmt: skip


def words(n: int) -> dict[str, int]:
    return SPECIAL | {f"w{i}": 4 + i for i in range(n)}


def made(seed: int, n: int = 60, size: int = 6, longest: int = 5) -> TokenPairs:
    """The target is the source the other way round, in another alphabet."""
    rng = np.random.default_rng(seed)
    source = tuple(rng.integers(4, 4 + size, rng.integers(2, longest + 1)) for _ in range(n))
    return TokenPairs(source, tuple((s[::-1] - 3) % size + 4 for s in source), words(size), words(size))


class TestSeq2Seq(ModelContract):
    algorithm = Seq2Seq(**SMALL)
    iterative = True

    def data(self, seed: int) -> TokenPairs:
        return made(seed)

    def bad(self) -> Mapping[str, Any]:
        good = made(0)
        one = np.array([4, 5])
        return {
            "no pairs": TokenPairs((), (), words(4), words(4)),
            "no targets": TokenPairs(good.source, None, words(6), words(6)),
            "fewer targets": TokenPairs(good.source, (one,), words(6), words(6)),
            "no vocabulary": TokenPairs(good.source, good.target),
            "a gap in the vocabulary": TokenPairs((one,), (one,), SPECIAL | {"a": 9}, words(6)),
            "no special tokens": TokenPairs((one,), (one,), {c: i for i, c in enumerate("abcdef")}, words(6)),
            "unknown tokens": TokenPairs((np.array([99]),), (one,), words(6), words(6)),
            "too long": TokenPairs((np.full(13, 4),), (np.full(13, 4),), words(6), words(6)),
        }


@pytest.mark.parametrize(("encoder", "decoder"), [("rnn", "rnn"), ("cnn", "cnn"), ("rnn", "cnn"), ("cnn", "rnn")])
def test_it_learns_to_turn_sequences_around(encoder: str, decoder: str) -> None:
    train, held = made(0, 500, 4, 4), made(1, 60, 4, 4)
    settings = {"rnn_num_hidden": 32, "cnn_num_hidden": 32, "num_embed_source": 16, "num_embed_target": 16}
    model = Seq2Seq(
        **{**SMALL, **settings, "max_num_epochs": 14, "checkpoint_frequency_num_batches": 60, "batch_size": 32},
        encoder_type=encoder, decoder_type=decoder,
    )  # fmt: skip
    model.fit(train, valid=held, context=Standalone())
    right = [np.array_equal(w, t) for (w, _, _), t in zip(model.translate(held.source), held.target, strict=True)]
    assert np.mean(right) > 0.6, model.measures_
    assert model.measures_["perplexity"] < 1.6


@pytest.mark.parametrize(
    "more",
    [
        {"rnn_attention_type": kind, "rnn_cell_type": cell}
        for kind, cell in (("dot", "gru"), ("bilinear", "lstm"), ("fixed", "gru"), ("mlp", "gru"))
    ]
    + [
        {"num_layers_encoder": 3, "num_layers_decoder": 3, "rnn_residual_connections": True},
        {"num_layers_decoder": 2, "rnn_attention_in_upper_layers": False, "rnn_decoder_state_init": "avg"},
        {"rnn_decoder_state_init": "zero", "rnn_attention_num_hidden": 5, "bucketing_enabled": False},
        {"optimizer_type": "sgd", "momentum": 0.9, "lr_scheduler_type": "fixed_rate_inv_t", "weight_decay": 1e-4},
        {"optimizer_type": "rmsprop", "lr_scheduler_type": "fixed_rate_inv_sqrt_t", "clip_gradient": -1.0},
        {"embed_dropout_source": 0.1, "embed_dropout_target": 0.1, "rnn_decoder_hidden_dropout": 0.1},
        {"weight_init_type": "uniform", "weight_init_scale": -0.1, "bleu_sample_size": 5, "optimized_metric": "bleu"},
        {"optimized_metric": "accuracy", "xavier_factor_type": "avg", "max_num_batches": 7},
        *({"encoder_type": "cnn", "decoder_type": "cnn", "cnn_activation_type": a, "cnn_hidden_dropout": 0.1}
          for a in ("relu", "softrelu", "sigmoid", "tanh")),
    ],
    ids=lambda more: "-".join(map(str, more.values())),
)  # fmt: skip
def test_every_setting_trains_and_answers(more: dict[str, Any], tmp_path: Path) -> None:
    data = made(0, 40)
    context = Standalone()
    model = Seq2Seq(**SMALL, **more).fit(data, valid=made(1, 10), context=context)
    assert context.epochs[-1]["train:perplexity"] < context.epochs[0]["train:perplexity"]
    model.save(tmp_path)
    again = Seq2Seq.load(tmp_path)
    for (a, x, look), (b, y, _) in zip(model.translate(data.source), again.translate(data.source), strict=True):
        assert (a.tolist(), x) == (b.tolist(), y)
        assert look.shape[0] == len(a)
        assert (look.sum(axis=1) <= 1 + 1e-5).all()
    assert ("bleu" in model.measures_) == ("bleu_sample_size" in more)


def test_odd_cells_are_refused() -> None:
    with pytest.raises(ParameterError, match="rnn_num_hidden"):
        Seq2Seq(**{**SMALL, "rnn_num_hidden": 15}).fit(made(0))


def test_tokens_outside_the_vocabulary_are_refused_when_answering() -> None:
    model = Seq2Seq(**SMALL).fit(made(0))
    with pytest.raises(DataError, match="vocabulary"):
        model.translate((np.array([99]),))
    assert len(model.translate((np.zeros(0, np.int64),))) == 1


def test_checkpoints_without_a_better_one_end_it() -> None:
    context = Standalone()
    settings = {**SMALL, "max_num_epochs": 40, "learning_rate": 5.0, "clip_gradient": -1.0, "checkpoint_threshold": 2}
    Seq2Seq(**settings).fit(made(0), valid=made(1, 10), context=context)
    assert len(context.epochs) < 40


class Kept(Standalone):
    """A context with a checkpoint, which asks to end after so many epochs."""

    state: Any = None
    after = 99

    def stop_asked(self) -> bool:
        return len(self.epochs) >= self.after

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)

    def resume(self) -> Any:
        return self.state


def test_a_training_that_was_cut_goes_on() -> None:
    settings = {**SMALL, "checkpoint_frequency_num_batches": 1000}
    whole = Seq2Seq(**settings).fit(made(0), valid=made(1), context=Standalone())
    first, second = Kept(), Kept()
    first.after = 1
    Seq2Seq(**settings).fit(made(0), valid=made(1), context=first)
    second.state = first.state
    resumed = Seq2Seq(**settings).fit(made(0), valid=made(1), context=second)
    assert [epoch["epoch"] for epoch in second.epochs] == [2, 3]
    np.testing.assert_array_equal(whole.arrays_["words.weight"], resumed.arrays_["words.weight"])


def test_a_foreign_vocabulary_is_refused(tmp_path: Path) -> None:
    Seq2Seq(**SMALL).fit(made(0)).save(tmp_path)
    (tmp_path / "vocab.trg.json").write_text('{"<pad>": 0}')
    with pytest.raises(IntegrityError):
        Seq2Seq.load(tmp_path)
