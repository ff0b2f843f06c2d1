"""Seq2Seq: read a sequence of tokens, write another.

Idea: an encoder turns source words into vectors that know their surroundings; a decoder writes the target word by word,
looking back at the source places that matter now (attention). Both are recurrent or convolutional. An answer is the
likeliest sentence that beam search finds.

Source: Sutskever, Vinyals & Le (2014), arXiv:1409.3215; Bahdanau, Cho & Bengio (2015), arXiv:1409.0473; Luong, Pham &
Manning (2015), arXiv:1508.04025; Gehring et al. (2017), arXiv:1705.03122; Wu et al. (2016), arXiv:1609.08144.
Cost:   a batch is tokens × layers × hidden², source × target words for attention, and target words × vocabulary.

Decisions where SageMaker's guide is silent, or differs. Attention is asked by the decoder's first layer, and its answer
goes to the layers above and the output only, so that all target words are learnt from at once. In a convolutional
decoder every block looks, with dot products where mlp is asked for. ``clip_gradient`` bounds each number of the
gradient. The fixed schedules halve the rate after ``fixed_rate_lr_half_life`` checkpoints. Pairs longer than
``max_seq_len_*`` are left out. Training runs on a processor as well; GPUs only is a limit of the managed service.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.flat_parameters import OPTIMISERS
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.seq2seq_plan import Plan
from tarragon.algorithms.weights import broken, read_weights, write_weights
from tarragon.data import Prediction, TokenPairs, checked_vocabulary
from tarragon.errors import DataError, IntegrityError, NotFittedError, ParameterError

TITLE = "Seq2Seq"
SOURCE_WORDS, TARGET_WORDS = "vocab.src.json", "vocab.trg.json"
SHARE = Range(0.0, 1.0, tune=(0.0, 0.5), open_high=True, about="Share of numbers that dropout leaves out.")
PARTS = OneOf(("rnn", "cnn"), about="Recurrent, or convolutional.")
SWITCH = (True, False)


@dataclass(eq=False, kw_only=True)
class Seq2Seq:
    """Translate sequences of tokens with an encoder, a decoder and attention.

    Hyperparameters are SageMaker's, and described where they are declared.

    Attributes
    ----------
    source_words_, target_words_ : dict of str to int
    arrays_ : dict of str to ndarray
        The network.
    measures_ : dict of str to float
        Perplexity, accuracy and perhaps BLEU of the checkpoint that was kept.
    """

    card: ClassVar[Card] = Card(
        name="seq2seq",
        title=TITLE,
        tasks=frozenset({"translate"}),
        view="dense",
        accepts="token pairs",
        use="Closed vocabularies and regular languages: commands, formats, codes; or to learn how translation works.",
        avoid="Open text in natural language: a pretrained transformer is better from the first hour.",
        interpretability="low",
        growth="tokens × layers × hidden² + source × target words + target words × vocabulary",
        source="Bahdanau, Cho & Bengio (2015), ICLR, arXiv:1409.0473",
        images=("seq2seq",),
        channels=("train", "validation", "vocab"),
        content_types=("application/x-recordio-protobuf",),
        metrics=("validation:accuracy", "validation:bleu", "validation:perplexity"),
        answer=("target", "matrix"),
        extra="deep",
        library="torch",
    )
    encoder_type: Annotated[str, PARTS] = "rnn"
    decoder_type: Annotated[str, PARTS] = "rnn"
    num_layers_encoder: Annotated[int, Range(1, 32, tune=(1, 10), about="Layers that read.")] = 1
    num_layers_decoder: Annotated[int, Range(1, 32, tune=(1, 10), about="Layers that write.")] = 1
    rnn_num_hidden: Annotated[int, Range(2, 8_192, log=True, tune=(128, 2_048), about="Recurrent cells, even.")] = 1024
    rnn_cell_type: Annotated[str, OneOf(("lstm", "gru"), about="The recurrent cell.")] = "lstm"
    rnn_attention_type: Annotated[
        str, OneOf(("mlp", "dot", "fixed", "bilinear"), about="How a place to look at is chosen.")
    ] = "mlp"
    rnn_attention_num_hidden: Annotated[
        int | None, Range(1, 8_192, about="Columns of mlp attention; left out, as many as cells.")
    ] = None
    rnn_attention_in_upper_layers: Annotated[
        bool, OneOf(SWITCH, about="Whether upper layers of the decoder see what attention found.")
    ] = True
    rnn_decoder_state_init: Annotated[
        str, OneOf(("last", "avg", "zero"), about="What the decoder begins with, of the encoder.")
    ] = "last"
    rnn_residual_connections: Annotated[bool, OneOf(SWITCH, about="Whether layers add their input.")] = False
    rnn_first_residual_layer: Annotated[int, Range(2, 32, about="The first layer that does.")] = 2
    rnn_decoder_hidden_dropout: Annotated[float, SHARE] = 0.0
    cnn_hidden_dropout: Annotated[float, SHARE] = 0.0
    embed_dropout_source: Annotated[float, SHARE] = 0.0
    embed_dropout_target: Annotated[float, SHARE] = 0.0
    cnn_num_hidden: Annotated[int, Range(1, 8_192, log=True, tune=(128, 2_048), about="Convolved columns.")] = 512
    cnn_kernel_width_encoder: Annotated[int, Range(1, 99, about="Words a reading convolution sees.")] = 3
    cnn_kernel_width_decoder: Annotated[int, Range(1, 99, about="Words a writing convolution sees.")] = 5
    cnn_activation_type: Annotated[
        str, OneOf(("glu", "relu", "softrelu", "sigmoid", "tanh"), about="After a convolution.")
    ] = "glu"
    num_embed_source: Annotated[int, Range(1, 4_096, tune=(256, 512), about="Columns of a source word.")] = 512
    num_embed_target: Annotated[int, Range(1, 4_096, tune=(256, 512), about="Columns of a target word.")] = 512
    max_seq_len_source: Annotated[int, Range(1, 10_000, about="Words of a source; longer pairs are left out.")] = 100
    max_seq_len_target: Annotated[int, Range(1, 10_000, about="Words of a target, and of an answer.")] = 100
    batch_size: Annotated[int, Range(1, 65_536, log=True, tune=(16, 2_048), about="Pairs per step.")] = 64
    bucketing_enabled: Annotated[bool, OneOf(SWITCH, about="Whether a batch's pairs are alike in length.")] = True
    bucket_width: Annotated[int, Range(1, 10_000, about="Words by which lengths are alike.")] = 10
    optimizer_type: Annotated[str, OneOf(OPTIMISERS, tune=OPTIMISERS, about="How steps are made.")] = "adam"
    learning_rate: Annotated[
        float, Range(0, 100, log=True, tune=(5e-5, 0.2), open_low=True, about="Length of a step at first.")
    ] = 0.0003
    momentum: Annotated[float | None, Range(0, 1, tune=(0.5, 0.9), open_high=True, about="Of sgd.")] = None
    weight_decay: Annotated[float, Range(0, 1, tune=(0.0, 0.1), about="Pull of the weights towards 0.")] = 0.0
    clip_gradient: Annotated[
        float, Range(-1e6, 1e6, tune=(1.0, 5.0), about="Bound on each number of the gradient; negative for none.")
    ] = 1.0
    lr_scheduler_type: Annotated[
        str,
        OneOf(
            ("plateau_reduce", "fixed_rate_inv_t", "fixed_rate_inv_sqrt_t"),
            tune=("plateau_reduce", "fixed_rate_inv_t", "fixed_rate_inv_sqrt_t"),
            about="How the learning rate falls.",
        ),
    ] = "plateau_reduce"
    plateau_reduce_lr_factor: Annotated[
        float, Range(0, 1, tune=(0.1, 0.5), open_low=True, open_high=True, about="By what the rate is multiplied.")
    ] = 0.5
    plateau_reduce_lr_threshold: Annotated[
        int, Range(1, 1_000, tune=(1, 5), about="Checkpoints without a better one after which it is.")
    ] = 3
    fixed_rate_lr_half_life: Annotated[int, Range(1, 1_000_000, tune=(10, 30), about="Checkpoints that halve it.")] = 10
    weight_init_type: Annotated[
        str, OneOf(("xavier", "uniform"), tune=("xavier", "uniform"), about="How first weights are drawn.")
    ] = "xavier"
    weight_init_scale: Annotated[float, Range(-100, 100, tune=(2.0, 3.0), about="How large they are.")] = 2.34
    xavier_factor_type: Annotated[str, OneOf(("in", "out", "avg"), about="The side whose width they fit.")] = "in"
    loss_type: Annotated[str, OneOf(("cross-entropy",), about="What training lowers.")] = "cross-entropy"
    optimized_metric: Annotated[
        str, OneOf(("perplexity", "accuracy", "bleu"), about="What a checkpoint is judged by.")
    ] = "perplexity"
    training_metric: Annotated[str, OneOf(("perplexity", "accuracy"), about="What is told of training.")] = "perplexity"
    checkpoint_frequency_num_batches: Annotated[int, Range(1, 10_000_000, about="Batches between checkpoints.")] = 1000
    checkpoint_threshold: Annotated[
        int, Range(1, 10_000, about="Checkpoints without a better one after which training ends.")
    ] = 3
    max_num_batches: Annotated[
        int, Range(-1, 1_000_000_000, about="Batches after which it ends; -1 for no limit.")
    ] = -1
    max_num_epochs: Annotated[int | None, Range(1, 1_000_000, about="Passes after which it ends.")] = None
    min_num_epochs: Annotated[int, Range(0, 1_000_000, about="Passes before which checkpoints do not end it.")] = 0
    beam_size: Annotated[int, Range(1, 1_000, about="Beginnings that beam search keeps.")] = 5
    bleu_sample_size: Annotated[
        int, Range(-1, 100_000_000, about="Validation pairs that are translated for BLEU; -1 for all.")
    ] = 0
    source_words_: dict[str, int] | None = field(default=None, init=False, repr=False)
    target_words_: dict[str, int] | None = field(default=None, init=False, repr=False)
    arrays_: dict[str, NDArray[np.float32]] | None = field(default=None, init=False, repr=False)
    measures_: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    net_: Any = field(default=None, init=False, repr=False)

    def fit(self, data: TokenPairs, *, valid: TokenPairs | None = None, context: Context | None = None) -> Self:
        """Train on pairs; validation pairs choose the checkpoint that is kept.

        Raises
        ------
        ParameterError, DataError
        """
        check(self)
        if self.rnn_num_hidden % 2:
            raise ParameterError(
                f"{TITLE}: rnn_num_hidden={self.rnn_num_hidden} is not allowed",
                why="Half of the cells read each way, so it is even",
                fix=f"Use {self.rnn_num_hidden + 1}",
            )
        context = context or Standalone()
        torch_for(TITLE)
        from tarragon.algorithms.seq2seq_training import Trainer

        self.arrays_ = self.net_ = None
        if data.source_words is None or data.target_words is None:
            raise DataError(f"{TITLE} needs both vocabularies", why="The pairs came without", fix="Give them")
        source, target = (
            checked_vocabulary(dict(words), name)
            for words, name in ((data.source_words, SOURCE_WORDS), (data.target_words, TARGET_WORDS))
        )
        plan = self._plan(len(source), len(target))
        pairs = self._pairs(data, plan, "train")
        held = self._pairs(valid, plan, "validation") if valid is not None else None
        trainer = Trainer(plan, self._settings(), pairs, held, context)
        self.arrays_ = dict(trainer.train())
        self.source_words_, self.target_words_, self.measures_ = source, target, dict(trainer.best)
        return self

    def predict(self, data: TokenPairs) -> Prediction:
        """Translate.

        Returns
        -------
        mapping
            ``target`` (n, longest), int64, 0 after a sentence's end; ``score`` (n,), log probability per word.

        Raises
        ------
        NotFittedError, DataError
        """
        made = self.translate(data.source)
        table = np.zeros((len(made), max((len(words) for words, _, _ in made), default=0)), np.int64)
        for row, (words, _, _) in zip(table, made, strict=True):
            row[: len(words)] = words
        return {"target": table, "score": np.array([score for _, score, _ in made])}

    def translate(
        self, sentences: "tuple[NDArray[np.int64], ...]", beams: int | None = None
    ) -> "list[tuple[NDArray[np.int64], float, NDArray[np.float32]]]":
        """Translate: words, log probability per word, and attention (words, source words) of each sentence.

        Raises
        ------
        NotFittedError, DataError
        """
        if self.arrays_ is None or self.source_words_ is None:
            raise NotFittedError(f"{TITLE} is not fitted", why="There is no network yet", fix="Call fit, or load one")
        for n, tokens in enumerate(sentences):
            if len(tokens) and (tokens.min() < 0 or tokens.max() >= len(self.source_words_)):
                raise DataError(
                    f"{TITLE}: sentence {n} names a token that is not in the vocabulary",
                    why=f"It has {len(self.source_words_)} tokens, and one is {int(tokens.max())}",
                    fix="Use 1 for unknown words",
                )
        torch = torch_for(TITLE)
        from tarragon.algorithms.seq2seq_training import translated

        with steady(torch, 1):
            cut = [np.asarray(tokens, np.int64)[: self.max_seq_len_source] for tokens in sentences]
            return translated(self._net(), cut, beams or self.beam_size, self.max_seq_len_target)

    def save(self, folder: Path) -> None:
        """Write network and vocabularies under the seal. Raises ``NotFittedError``."""
        fitted(len(self.arrays_ or ()), TITLE)
        assert self.arrays_ is not None
        for name, words in ((SOURCE_WORDS, self.source_words_), (TARGET_WORDS, self.target_words_)):
            (folder / name).write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
        write_weights(folder, self.arrays_)
        seal(folder, self, {"measures": self.measures_})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        model, facts = opened(folder, cls)
        try:
            source, target = (
                checked_vocabulary(json.loads((folder / name).read_text(encoding="utf-8")), name)
                for name in (SOURCE_WORDS, TARGET_WORDS)
            )
            model.measures_ = {str(name): float(value) for name, value in dict(facts["measures"]).items()}
        except (OSError, ValueError, KeyError, TypeError, DataError) as error:
            raise broken(f"vocabularies or measures cannot be used: {error}") from error
        torch_for(TITLE)
        model.source_words_, model.target_words_ = source, target
        weights = read_weights(folder)
        model.arrays_ = {}
        wanted = {name: tuple(w.shape) for name, w in model._empty().named_parameters()}
        model.arrays_ = {name: weights.get(name, "f", shape) for name, shape in wanted.items()}
        if not all(np.isfinite(array).all() for array in model.arrays_.values()):
            raise IntegrityError(
                "The network holds numbers that are not finite", why="It is damaged", fix="Train again"
            )
        return model

    def _empty(self) -> Any:
        from tarragon.algorithms.seq2seq_net import Translator

        return Translator(self._plan(len(self.source_words_ or ()), len(self.target_words_ or ())))

    def _net(self) -> Any:
        if self.net_ is None:
            torch = torch_for(TITLE)
            self.net_ = self._empty()
            with torch.no_grad():
                for name, w in self.net_.named_parameters():
                    w.copy_(torch.from_numpy(np.array((self.arrays_ or {})[name])))
        return self.net_

    def _plan(self, source: int, target: int) -> Plan:
        return Plan(
            source, target, self.encoder_type, self.decoder_type, self.num_layers_encoder, self.num_layers_decoder,
            self.num_embed_source, self.num_embed_target, self.rnn_cell_type, self.rnn_num_hidden,
            self.cnn_num_hidden, self.cnn_kernel_width_encoder, self.cnn_kernel_width_decoder,
            self.cnn_activation_type, self.rnn_attention_type, self.rnn_attention_num_hidden or self.rnn_num_hidden,
            self.rnn_attention_in_upper_layers, self.rnn_decoder_state_init,
            self.rnn_first_residual_layer if self.rnn_residual_connections else 0, self.embed_dropout_source,
            self.embed_dropout_target, self.rnn_decoder_hidden_dropout, self.cnn_hidden_dropout,
            self.max_seq_len_source, self.max_seq_len_target, self.weight_init_type, self.weight_init_scale,
            self.xavier_factor_type,
        )  # fmt: skip

    def _settings(self) -> Any:
        from tarragon.algorithms.seq2seq_training import Settings

        return Settings(
            self.batch_size, self.bucket_width if self.bucketing_enabled else 0, self.optimizer_type,
            self.learning_rate, self.momentum or 0.0, self.weight_decay, self.clip_gradient, self.lr_scheduler_type,
            self.plateau_reduce_lr_factor, self.plateau_reduce_lr_threshold, self.fixed_rate_lr_half_life,
            self.optimized_metric, self.checkpoint_frequency_num_batches, self.checkpoint_threshold,
            self.max_num_batches, self.max_num_epochs or 0, self.min_num_epochs, self.beam_size, self.bleu_sample_size,
        )  # fmt: skip

    def _pairs(self, data: TokenPairs, plan: Plan, what: str) -> Any:
        """Take the pairs that are not too long or empty, and check their tokens. Raises ``DataError``."""
        from tarragon.algorithms.seq2seq_training import Pairs

        if data.target is None or len(data.target) != len(data.source):
            raise DataError(f"{TITLE} learns from pairs", why="Sources and targets are not as many", fix="Give both")
        most = (self.max_seq_len_source, self.max_seq_len_target)
        kept = [
            (np.asarray(s, np.int64), np.asarray(t, np.int64))
            for s, t in zip(data.source, data.target, strict=True)
            if 0 < len(s) <= most[0] and 0 < len(t) <= most[1]
        ]
        if not kept:
            raise DataError(
                f"{TITLE} has nothing to learn from ({what})",
                why=f"None of {len(data)} pairs has 1 to {most[0]} words and 1 to {most[1]}",
                fix="Raise max_seq_len_source and max_seq_len_target, or give shorter pairs",
            )
        for n, pair in enumerate(kept):
            for tokens, size in zip(pair, (plan.words_source, plan.words_target), strict=True):
                if tokens.min() < 0 or tokens.max() >= size:
                    raise DataError(
                        f"{TITLE}: pair {n} ({what}) names a token that is not in the vocabulary",
                        why=f"Tokens run from {tokens.min()} to {tokens.max()}, and the vocabulary has {size}",
                        fix="Number the tokens by the vocabularies",
                    )
        return Pairs(tuple(s for s, _ in kept), tuple(t for _, t in kept))
