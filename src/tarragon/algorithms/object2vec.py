"""Object2Vec: vectors of things, learned from pairs of them that belong together or not.

Idea:   each of two things is a sequence of token numbers (a word's, a user's, a sentence's). An encoder per side turns
        it into a vector; the two are compared entry by entry, and a small network answers with a class or a number.
        What is learnt on the way, the encoders' vectors, is of use by itself.
Source: Conneau, Kiela, Schwenk, Barrault & Bordes (2017), arXiv:1705.02364, for encoders, comparison and network; the
        AWS developer guide's page on Object2Vec for what it is made of.
Cost:   an epoch takes tokens × width for pooled encoders, tokens × enc_dim² for a BiLSTM, tokens × filter × width ×
        enc_dim for convolutions; memory is vocabulary × width, times three with Adam.

Decisions, where the container's are not published. Token 0 is padding at the end of a sequence and a token like any
other elsewhere. ``auto`` layers are four convolutions, as in the source, and one LSTM. ``enc_dim`` is the width of all
convolutions or directions together. Early stopping watches the loss on validation pairs, or on training pairs without
them: it must fall by ``early_stopping_tolerance``. The epoch with the lowest is kept. Negative pairs, labelled 0, are
drawn anew each epoch from the second sequences of all pairs. ``comparator_list`` is any of the three comparisons, in
their order. Dropout is on the comparing network. With ``row_sparse`` tables only rows that occur are stepped.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.pair_training import TITLE, Arrays, Encoder, Net, Recipe, begin, train
from tarragon.algorithms.params import OneOf, Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.torch_steps import OPTIMISERS
from tarragon.algorithms.weights import broken, read_weights, write_weights
from tarragon.data import LabelledPairs, Prediction, Tokens
from tarragon.errors import DataError, NotFittedError, ParameterError

NETWORKS = ("hcnn", "bilstm", "pooled_embedding")
COMPARATORS = ("hadamard", "concat", "abs_diff")
LIST = r"\[?\s*['\"]?(hadamard|concat|abs_diff)['\"]?(\s*,\s*['\"]?(hadamard|concat|abs_diff)['\"]?)*\s*\]?"
SPARSE = ("sgd", "adagrad", "adam")  # optimisers that can step only the rows that occur
LAYERS = {"hcnn": 4, "bilstm": 1, "pooled_embedding": 1}
ROWS = 1_024  # pairs answered at a time
Length = Range(1, 5_000, about="Tokens beyond which a sequence is cut.")
Vocabulary = Range(2, 3_000_000, about="Tokens there are: numbers are below it.")
Width = Range(2, 1_000, tune=(5, 300), about="Length of a token's vector.")
Layers = Range(1, 4, tune=(1, 4), about="Layers of the encoder.")
Filter = Range(1, 9, tune=(1, 5), about="Tokens a convolution sees at once.")
File = Text(r"[^/\x00]*", about="A file in the auxiliary channel.")
Flag = OneOf((False, True), about="Whether given vectors stay as they are.")


@dataclass(eq=False, kw_only=True)
class Object2Vec:
    """Learn to compare pairs of token sequences.

    Parameters
    ----------
    enc0_max_seq_len, enc0_vocab_size : int
        Of the first encoder. The second's are needed where it has a network of its own, and are the first's otherwise.
    enc0_network, enc1_network : {"hcnn", "bilstm", "pooled_embedding"}
        The second may be "enc0": the same make, with weights of its own.
    enc0_token_embedding_dim, enc0_layers, enc0_cnn_filter_width : int
        Sizes; layers left out are four for hcnn and one for bilstm. Likewise for enc1.
    enc0_pretrained_embedding_file, enc0_vocab_file : str
        Names of files in the auxiliary channel; read by whoever calls ``fit``, see ``tables``.
    enc0_freeze_pretrained_embedding : bool, default=True
    enc_dim : int in [4, 10000], default=4096
    comparator_list : str, default="hadamard, concat, abs_diff"
    mlp_layers, mlp_dim, mlp_activation, dropout
        The network that compares.
    output_layer : {"softmax", "mean_squared_error"}, default="softmax"
    num_classes : int in [2, 30], default=2
    epochs, mini_batch_size, learning_rate, optimizer, weight_decay
    early_stopping_patience, early_stopping_tolerance
    bucket_width : int in [0, 100], default=0
        Batches of sequences whose lengths differ by less; 0 mixes all lengths.
    negative_sampling_rate : int >= 0, default=0
    tied_token_embedding_weight : bool, default=False
        One table of token vectors for both encoders.
    token_embedding_storage_type : {"dense", "row_sparse"}, default="dense"
    """

    card: ClassVar[Card] = Card(
        name="object2vec",
        title=TITLE,
        tasks=frozenset({"pairs"}),
        view="codes",
        use="Pairs of things that are numbers or sequences of them: users and items, sentences, documents and labels.",
        avoid="Where a plain classifier of one thing does.",
        interpretability="low",
        growth="epochs × tokens × widths; memory vocabulary × width",
        source="Conneau et al. (2017), EMNLP, arXiv:1705.02364",
        accepts="pairs",
        images=("object2vec",),
        channels=("train", "validation", "test", "auxiliary"),
        content_types=("application/jsonlines",),
        metrics=tuple(
            f"{channel}:{name}"
            for channel in ("validation", "test", "train")
            for name in ("accuracy", "cross_entropy", "mean_squared_error")
        ),
        answer=("scores", "embeddings"),
        extra="deep",
        library="torch",
    )
    enc0_max_seq_len: Annotated[int, Length]
    enc0_vocab_size: Annotated[int, Vocabulary]
    enc1_max_seq_len: Annotated[int | None, Length] = None
    enc1_vocab_size: Annotated[int | None, Vocabulary] = None
    enc0_network: Annotated[str, OneOf(NETWORKS, about="How the first sequence is read.")] = "hcnn"
    enc1_network: Annotated[str, OneOf((*NETWORKS, "enc0"), about="How the second sequence is read.")] = "enc0"
    enc0_token_embedding_dim: Annotated[int, Width] = 300
    enc1_token_embedding_dim: Annotated[int | None, Width] = None
    enc0_layers: Annotated[int | None, Layers] = None
    enc1_layers: Annotated[int | None, Layers] = None
    enc0_cnn_filter_width: Annotated[int, Filter] = 3
    enc1_cnn_filter_width: Annotated[int | None, Filter] = None
    enc0_pretrained_embedding_file: Annotated[str, File] = ""
    enc1_pretrained_embedding_file: Annotated[str, File] = ""
    enc0_vocab_file: Annotated[str, File] = ""
    enc1_vocab_file: Annotated[str, File] = ""
    enc0_freeze_pretrained_embedding: Annotated[bool, Flag] = True
    enc1_freeze_pretrained_embedding: Annotated[bool, Flag] = True
    enc_dim: Annotated[int, Range(4, 10_000, log=True, tune=(4, 4096), about="Length of a thing's vector.")] = 4096
    comparator_list: Annotated[str, Text(LIST, about="How the two vectors meet.")] = "hadamard, concat, abs_diff"
    mlp_layers: Annotated[int, Range(0, 10, tune=(1, 4), about="Layers of the network that compares.")] = 2
    mlp_dim: Annotated[int, Range(2, 10_000, tune=(16, 1024), about="Their width.")] = 512
    mlp_activation: Annotated[
        str, OneOf(("tanh", "relu", "linear"), tune=("tanh", "relu", "linear"), about="What bends them.")
    ] = "linear"
    output_layer: Annotated[str, OneOf(("softmax", "mean_squared_error"), about="Classes, or a number.")] = "softmax"
    num_classes: Annotated[int, Range(2, 30, about="Classes a label can be.")] = 2
    epochs: Annotated[int, Range(1, 100, tune=(4, 20), about="Passes over the pairs at most.")] = 30
    mini_batch_size: Annotated[int, Range(1, 10_000, log=True, tune=(1, 8192), about="Pairs a step.")] = 32
    learning_rate: Annotated[float, Range(1e-6, 1.0, log=True, tune=(1e-6, 1.0), about="Length of a step.")] = 0.0004
    optimizer: Annotated[str, OneOf(OPTIMISERS, tune=OPTIMISERS, about="Rule by which gradients become steps.")] = (
        "adam"
    )
    dropout: Annotated[float, Range(0.0, 1.0, tune=(0.0, 1.0), about="Share of entries left out in training.")] = 0.0
    weight_decay: Annotated[float, Range(0.0, 10_000.0, tune=(0.0, 1.0), about="Pull of weights towards zero.")] = 0.0
    early_stopping_patience: Annotated[
        int, Range(1, 5, tune=(1, 5), about="Epochs without progress before the end.")
    ] = 3
    early_stopping_tolerance: Annotated[
        float, Range(1e-6, 0.1, tune=(0.001, 0.1), about="Fall of the loss that is progress.")
    ] = 0.01
    bucket_width: Annotated[int, Range(0, 100, about="Lengths that are batched together; 0 mixes all.")] = 0
    negative_sampling_rate: Annotated[int, Range(0, 2**31 - 1, about="Made-up pairs for each given one.")] = 0
    tied_token_embedding_weight: Annotated[bool, OneOf((False, True), about="One table for both encoders.")] = False
    token_embedding_storage_type: Annotated[
        str, OneOf(("dense", "row_sparse"), about="Whether only the rows that occur are stepped.")
    ] = "dense"
    tables: Mapping[int, NDArray[np.float32]] | None = field(default=None, repr=False)
    """Given token vectors by encoder, (vocabulary, width); rows of zeros are drawn anew."""
    weights_: Arrays | None = field(default=None, init=False, repr=False)

    def fit(self, data: LabelledPairs, *, valid: LabelledPairs | None = None, context: Context | None = None) -> Self:
        """Learn from labelled pairs.

        Parameters
        ----------
        data : LabelledPairs
            Both sequences and labels: classes 0…num_classes-1, or numbers.
        valid : LabelledPairs, optional
            Its loss decides which epoch is kept and when to end.

        Raises
        ------
        ParameterError, DataError, MissingExtraError
        """
        check(self)
        context = context or Standalone()
        recipe = self.recipe()
        for pairs in (data, valid):
            if pairs is not None:
                self._checked(pairs, recipe, labelled=True)
        torch_for(TITLE)
        assert data.y is not None
        bias = np.zeros(recipe.outputs) if recipe.classify else np.array([float(data.y.mean())])
        start = begin(recipe, self._given(recipe, context.seed), bias, context.seed)
        self.weights_ = train(recipe, start, data, valid, context)
        if not all(np.isfinite(array).all() for array in self.weights_.values()):
            self.weights_ = None
            raise ParameterError(
                f"{TITLE} came to numbers that are none", why="Its steps are too long", fix="Lower learning_rate"
            )
        return self

    def predict(self, data: LabelledPairs, *, longest: tuple[int, int] | None = None) -> Prediction:
        """Compare pairs, or encode single sequences.

        Parameters
        ----------
        data : LabelledPairs
        longest : (int, int), optional
            Tokens beyond which sequences are cut; left out, as in training.

        Returns
        -------
        mapping
            ``{"scores": (n, num_classes)}``, probabilities, or (n, 1); ``{"embeddings": (n, e)}`` for one side.

        Raises
        ------
        NotFittedError, DataError
        """
        net = self._net(data, longest)
        torch = torch_for(TITLE)
        parts = []
        with steady(torch, 1), torch.no_grad():
            for start in range(0, data.n_rows, ROWS):
                rows = np.arange(start, min(start + ROWS, data.n_rows))
                side = 0 if data.in0 is not None else 1
                tokens = data.in0 if data.in0 is not None else data.in1
                if data.in0 is None or data.in1 is None:
                    assert tokens is not None
                    parts.append(net.encoded(side, tokens.take(rows)))
                else:
                    raw = net.scores(data, rows, learning=False)
                    parts.append(torch.softmax(raw, dim=1) if net.recipe.classify else raw)
        name = "scores" if data.in0 is not None and data.in1 is not None else "embeddings"
        return {name: np.asarray(torch.cat(parts).numpy(), np.float32)}

    def measured(self, data: LabelledPairs) -> dict[str, float]:
        """Return cross entropy and accuracy, or the mean squared error. Raises ``NotFittedError`` or ``DataError``."""
        net = self._net(data, None)
        self._checked(data, net.recipe, labelled=True)
        with steady(torch_for(TITLE), 1):
            return net.measured(data)

    def save(self, folder: Path) -> None:
        """Write ``weights.npz``. Raises ``NotFittedError``."""
        fitted(None if self.weights_ is None else 1, TITLE)
        assert self.weights_ is not None
        write_weights(folder, self.weights_)
        seal(folder, self, {})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        model, _ = opened(folder, cls)
        weights = read_weights(folder)
        try:
            shapes = model.recipe().shapes()
        except ParameterError as error:
            raise broken(str(error)) from error
        model.weights_ = {name: weights.get(name, "f", shape).astype(np.float32) for name, shape in shapes.items()}
        if not all(np.isfinite(array).all() for array in model.weights_.values()):
            raise broken("a weight is not finite")
        return model

    def recipe(self) -> Recipe:
        """Work out both encoders and how to train them. Raises ``ParameterError`` where settings exclude each other."""
        first = self._encoder(0, self.enc0_network)
        own = self.enc1_network != "enc0"
        second = self._encoder(1, self.enc1_network) if own else self._copied(first)
        comparators = tuple(dict.fromkeys(re.findall("|".join(COMPARATORS), self.comparator_list)))
        if comparators != ("concat",) and first.size(self.enc_dim) != second.size(self.enc_dim):
            raise ParameterError(
                f"{TITLE}: the encoders' vectors differ in length",
                why=f"They have {first.size(self.enc_dim)} and {second.size(self.enc_dim)} entries",
                fix="Make enc_dim and the token embedding dims agree, or set comparator_list to concat",
            )
        tied, sparse = self.tied_token_embedding_weight, self.token_embedding_storage_type == "row_sparse"
        if tied and (first.words, first.width) != (second.words, second.width):
            raise ParameterError(
                f"{TITLE}: one table cannot serve both encoders",
                why=f"They ask for {first.words} × {first.width} and {second.words} × {second.width}",
                fix="Give both the same vocab_size and token_embedding_dim, or untie them",
            )
        if sparse and self.optimizer not in SPARSE:
            raise ParameterError(
                f"optimizer={self.optimizer} cannot step rows alone",
                why="token_embedding_storage_type is row_sparse",
                fix=f"Use one of {', '.join(SPARSE)}, or dense",
            )
        classify = self.output_layer == "softmax"
        return Recipe(
            (first, second), self.enc_dim, comparators, (self.mlp_dim,) * self.mlp_layers, self.mlp_activation,
            self.num_classes if classify else 1, classify, self.epochs, self.mini_batch_size, self.optimizer,
            self.learning_rate, self.weight_decay, self.dropout, self.early_stopping_patience,
            self.early_stopping_tolerance, self.bucket_width, self.negative_sampling_rate, tied, sparse,
        )  # fmt: skip

    def _encoder(self, side: int, network: str) -> Encoder:
        def of(name: str) -> Any:
            return getattr(self, f"enc{side}_{name}")

        for name in ("max_seq_len", "vocab_size"):
            if of(name) is None:
                raise ParameterError(
                    f"'enc{side}_{name}' is a required property", why=f"enc{side}_network is {network}", fix="Set it"
                )
        frozen = bool(of("pretrained_embedding_file")) and of("freeze_pretrained_embedding")
        width = of("token_embedding_dim") or self.enc0_token_embedding_dim
        filter_ = of("cnn_filter_width") or self.enc0_cnn_filter_width
        return Encoder(
            network, of("vocab_size"), width, of("layers") or LAYERS[network], filter_, of("max_seq_len"), frozen
        )

    def _copied(self, first: Encoder) -> Encoder:
        """Take the first encoder's make; lengths and vocabulary may be the second's own."""
        frozen = bool(self.enc1_pretrained_embedding_file) and self.enc1_freeze_pretrained_embedding
        longest, words = self.enc1_max_seq_len or first.longest, self.enc1_vocab_size or first.words
        return Encoder(first.network, words, first.width, first.layers, first.filter, longest, frozen)

    def _given(self, recipe: Recipe, seed: int) -> dict[str, NDArray[np.float32]]:
        found = {}
        for side, table in (self.tables or {}).items():
            encoder, rng = recipe.encoders[side], np.random.default_rng([seed, side, 29])
            if table.shape != (encoder.words, encoder.width):
                raise ParameterError(
                    f"The vectors given for enc{side} do not fit",
                    why=f"They are {table.shape[0]} × {table.shape[1]}, not {encoder.words} × {encoder.width}",
                    fix=f"Set enc{side}_token_embedding_dim to {table.shape[1]}",
                )
            missing = ~table.any(axis=1)
            filled = np.array(table, np.float32)
            filled[missing] = rng.normal(size=(int(missing.sum()), table.shape[1])) * 0.1
            if not (recipe.tied and side):
                found[f"table{side}"] = filled
        return found

    def _net(self, data: LabelledPairs, longest: tuple[int, int] | None) -> Net:
        if self.weights_ is None:
            raise NotFittedError(
                f"{TITLE} is not fitted", why="predict was called before fit", fix="Call fit, or load a saved model"
            )
        recipe = self.recipe()
        self._checked(data, recipe, labelled=False)
        net = Net(torch_for(TITLE), recipe, self.weights_, Standalone())
        net.longest = longest or net.longest
        return net

    def _checked(self, pairs: LabelledPairs, recipe: Recipe, *, labelled: bool) -> None:
        for side, tokens in enumerate((pairs.in0, pairs.in1)):
            if tokens is not None:
                _inside(tokens, recipe.encoders[side].words, side)
        if pairs.n_rows == 0:
            raise DataError(f"{TITLE} has nothing to learn from", why="There are no pairs", fix="Give at least one")
        if not labelled:
            return
        if pairs.in0 is None or pairs.in1 is None or pairs.y is None or len(pairs.in0) != len(pairs.in1):
            raise DataError(
                f"{TITLE} learns from labelled pairs", why="A sequence or a label is missing", fix="Give all"
            )
        y = pairs.y
        if not np.isfinite(y).all() or len(y) != pairs.n_rows:
            raise DataError(
                f"{TITLE}: the labels have gaps", why="One is not finite, or missing", fix="Give one a pair"
            )
        if recipe.classify and (y.min() < 0 or y.max() >= recipe.outputs or (y != np.floor(y)).any()):
            raise DataError(
                f"{TITLE}: labels that are no classes",
                why=f"They run from {y.min():g} to {y.max():g}, and num_classes is {recipe.outputs}",
                fix=f"Code classes 0…{recipe.outputs - 1}, or set output_layer to mean_squared_error",
            )


def _inside(tokens: Tokens, words: int, side: int) -> None:
    if len(tokens.flat) and (tokens.flat.min() < 0 or tokens.flat.max() >= words):
        raise DataError(
            f"in{side} holds the token {int(tokens.flat.max())}",
            why=f"enc{side}_vocab_size is {words}",
            fix="Number tokens from 0 below it, or raise it",
        )
    if len(tokens) and tokens.lengths.min() < 1:
        raise DataError(
            f"in{side} holds an empty sequence", why="There is nothing to encode", fix="Give one token or more"
        )
