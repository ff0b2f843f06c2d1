"""Neural topic model: a network reads a document's words and guesses its topics; topics must explain the words.

Idea:   a variational autoencoder. The encoder turns counts into a Gaussian over z; a draw of it, made a mixture by
        softmax, weighs topics, which are distributions over words. Both are learnt at once by gradient steps on the
        evidence bound, so a new document costs one pass through the encoder.
Source: Miao, Yu & Blunsom (2016), Neural variational inference for text processing, ICML, arXiv:1511.06038; Gaussian
        softmax and topics as mixtures: Miao, Grefenstette & Blunsom (2017), ICML, arXiv:1706.00359; Ding, Nallapati &
        Xiang (2018), EMNLP, arXiv:1809.02687; the start: Arora et al. (2013), see ``anchor_words``.
Cost:   an epoch takes documents × (non-zeros × (first layer + topics)) plus steps × topics × vocabulary; memory is
        vocabulary × (first layer + topics) and one block of documents. Several hosts average their gradients.

Decisions, where the container's architecture is not published. The decoder is linear in the mixture: each topic has a
softmax over the vocabulary of its own. Weights begin at topics that anchor words suggest, since from random ones most
topics stay alike; for the first tenth of the epochs (five at most) they rest while the encoder learns to read them.
AdaDelta is MXNet's, which takes no learning rate. Gradients are clipped one by one, as MXNet does. Without a validation
channel the training loss is watched. Top words are judged by WETC where vectors are given, by NPMI otherwise.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import anchor_words, coherence
from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.counts import counted, counts_of
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.ntm_training import TITLE, Arrays, Net, Recipe, begin, train
from tarragon.algorithms.params import OneOf, Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.torch_steps import OPTIMISERS, agreed
from tarragon.algorithms.weights import broken, read_weights, write_weights
from tarragon.data import Data, Prediction, Tabular
from tarragon.errors import DataError, ParameterError

LAYERS = r"\[?\s*[1-9]\d{0,4}(\s*,\s*[1-9]\d{0,4})*\s*\]?"
ROWS = 4_096  # documents answered at a time


@dataclass(eq=False, kw_only=True)
class NTM:
    """Learn topics with a variational autoencoder.

    Parameters
    ----------
    num_topics : int in [2, 1000]
    feature_dim : int in [1, 1000000], optional
        Words in the vocabulary; left out, as many as the data have columns.
    encoder_layers : str, optional
        Widths, as "[64, 32]"; left out, three times and twice the number of topics.
    encoder_layers_activation : {"sigmoid", "tanh", "relu"}, default="sigmoid"
    epochs : int >= 1, default=50
    mini_batch_size : int in [1, 10000], default=256
    optimizer : {"adadelta", "adagrad", "adam", "rmsprop", "sgd"}, default="adadelta"
    learning_rate : float in [1e-6, 1], default=0.001
        AdaDelta has none.
    num_patience_epochs : int >= 1, default=3
    tolerance : float in [1e-6, 0.1], default=0.001
        Training ends when the loss changed by less than this share for ``num_patience_epochs`` epochs.
    batch_norm : bool, default=False
    clip_gradient : float >= 0.001, optional
        Left out, gradients are not clipped.
    rescale_gradient : float in [0.001, 1], default=1.0
    sub_sample : float in (0, 1], default=1.0
        Share of the documents taken in each epoch.
    weight_decay : float in [0, 1], default=0.0
    """

    card: ClassVar[Card] = Card(
        name="ntm",
        title=TITLE,
        tasks=frozenset({"topics"}),
        view="onehot",
        use="Large corpora, streams of them and several hosts, and topics whose words go together.",
        avoid="Small corpora, or where the likelihood of new documents is what counts: LDA is better at it.",
        interpretability="medium",
        growth="epochs × documents × non-zeros × topics",
        source="Miao, Yu & Blunsom (2016), arXiv:1511.06038; Miao, Grefenstette & Blunsom (2017), arXiv:1706.00359",
        accepts="batches",
        images=("ntm",),
        channels=("train", "validation", "test", "auxiliary"),
        content_types=("text/csv", "application/x-recordio-protobuf"),
        metrics=("validation:total_loss", "test:total_loss", "train:total_loss"),
        answer=("topic_weights",),
        extra="deep",
        library="torch",
    )
    num_topics: Annotated[int, Range(2, 1000, tune=(2, 100), about="How many topics.")]
    feature_dim: Annotated[int | None, Range(1, 1_000_000, about="Words in the vocabulary.")] = None
    encoder_layers: Annotated[str | None, Text(LAYERS, about="Widths of the encoder's layers.")] = None
    encoder_layers_activation: Annotated[
        str,
        OneOf(("sigmoid", "tanh", "relu"), tune=("sigmoid", "tanh", "relu"), about="What bends the encoder's layers."),
    ] = "sigmoid"
    epochs: Annotated[int, Range(1, 2**31 - 1, about="Passes over the documents at most.")] = 50
    mini_batch_size: Annotated[
        int, Range(1, 10_000, log=True, tune=(16, 2048), about="Documents a step; more is steadier and slower.")
    ] = 256
    optimizer: Annotated[
        str, OneOf(OPTIMISERS, tune=("sgd", "adam", "adadelta"), about="Rule by which gradients become steps.")
    ] = "adadelta"
    learning_rate: Annotated[
        float, Range(1e-6, 1.0, log=True, tune=(1e-4, 0.1), about="Length of a step; AdaDelta has its own.")
    ] = 0.001
    num_patience_epochs: Annotated[int, Range(1, 2**31 - 1, about="Epochs of standstill before the end.")] = 3
    tolerance: Annotated[float, Range(1e-6, 0.1, about="Share of the loss below which a change is standstill.")] = 0.001
    batch_norm: Annotated[bool, OneOf((False, True), about="Normalise the encoder's layers by batch.")] = False
    clip_gradient: Annotated[float | None, Range(1e-3, math.inf, about="Largest entry of a gradient.")] = None
    rescale_gradient: Annotated[float, Range(1e-3, 1.0, tune=(0.1, 1.0), about="Factor on gradients.")] = 1.0
    sub_sample: Annotated[float, Range(0.0, 1.0, open_low=True, about="Share of documents taken each epoch.")] = 1.0
    weight_decay: Annotated[float, Range(0.0, 1.0, tune=(0.0, 1.0), about="Pull of weights towards zero.")] = 0.0
    weights_: Arrays | None = field(default=None, init=False, repr=False)

    def fit(self, data: Data, *, valid: Data | None = None, context: Context | None = None) -> Self:
        """Learn topics.

        Parameters
        ----------
        data : Tabular or Batches
            Counts, (D, V), dense or sparse; empty documents are passed over. Of several hosts each gives its own.
        valid : Tabular or Batches, optional
            Its loss decides which epoch is kept and when to end. Every host gives the same.
        context : Context, optional

        Raises
        ------
        ParameterError, DataError, MissingExtraError
        """
        check(self)
        context = context or Standalone()
        torch_for(TITLE)
        words = self.feature_dim or data.n_features
        if not words:
            raise DataError(f"{TITLE} has nothing to learn from", why="There are no columns", fix="Give word counts")
        recipe = self._recipe()
        start = begin(recipe, self._sums(data, words, context), context.seed)
        self.weights_ = train(recipe, start, data, valid, context)
        if not all(np.isfinite(array).all() for array in self.weights_.values()):
            self.weights_ = None
            raise ParameterError(
                f"{TITLE} came to numbers that are none", why="Its steps are too long", fix="Lower learning_rate"
            )
        return self

    def predict(self, data: Tabular) -> Prediction:
        """Answer ``{"topic_weights": (n, K)}``, rows sum to 1. Raises ``NotFittedError`` or ``DataError``."""
        C = counted(data, self._width(), TITLE)
        torch, net = self._net(Standalone())
        with steady(torch, 1):
            parts = [net.mixtures(C[start : start + ROWS]) for start in range(0, C.shape[0], ROWS)]
        return {"topic_weights": np.concatenate(parts) if parts else np.zeros((0, self.num_topics), np.float32)}

    def loss(self, data: Data) -> float:
        """Return the mean loss of documents. Raises ``NotFittedError`` or ``DataError``."""
        if isinstance(data, Tabular):
            counted(data, self._width(), TITLE)
        fitted(self._width(), TITLE)
        torch, net = self._net(Standalone())
        with steady(torch, 1):
            return net.loss(data)

    def topics(self) -> NDArray[np.float64]:
        """Return each topic's word probabilities, (K, V). Raises ``NotFittedError``."""
        fitted(self._width(), TITLE)
        assert self.weights_ is not None
        logits = (self.weights_["base"] + self.weights_["topics"]).astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def top_words(self, n: int = coherence.TOP) -> NDArray[np.int64]:
        """Return the numbers of each topic's most likely words, (K, n). Raises ``NotFittedError``."""
        return coherence.top_words(self.topics(), n)

    def judged(
        self, blocks: Iterable[Tabular], vectors: NDArray[np.float64] | None = None
    ) -> tuple[str, NDArray[np.float64], NDArray[np.float64]]:
        """Judge topics by their ten most likely words.

        Parameters
        ----------
        blocks : iterable of Tabular
            Documents.
        vectors : ndarray of shape (V, d), optional
            Word vectors; zeros for words that have none.

        Returns
        -------
        (str, ndarray of shape (K,), ndarray of shape (K,))
            "wetc" with vectors or "npmi" without, the coherence of that name, and uniqueness.
        """
        tops = self.top_words()
        unique = coherence.uniqueness(tops)
        if vectors is not None:
            return "wetc", coherence.wetc(tops, vectors), unique
        return "npmi", coherence.npmi(tops, (counted(b, self._width(), TITLE) for b in blocks)), unique

    def save(self, folder: Path) -> None:
        """Write ``weights.npz``. Raises ``NotFittedError``."""
        fitted(self._width(), TITLE)
        assert self.weights_ is not None
        write_weights(folder, self.weights_)
        seal(folder, self, {"words": self._width()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        model, facts = opened(folder, cls)
        words = facts.get("words")
        if not isinstance(words, int) or words < 1:
            raise broken(f"the vocabulary has {words!r} words")
        weights = read_weights(folder)
        model.weights_ = {
            name: weights.get(name, "f", shape).astype(np.float32)
            for name, shape in model._recipe().shapes(words).items()
        }
        if not all(np.isfinite(array).all() for array in model.weights_.values()):
            raise broken("a weight is not finite")
        return model

    def _width(self) -> int | None:
        return None if self.weights_ is None else len(self.weights_["base"])

    def _net(self, context: Context) -> tuple[Any, Net]:
        assert self.weights_ is not None
        torch = torch_for(TITLE)
        return torch, Net(torch, self._recipe(), self.weights_, context)

    def _recipe(self) -> Recipe:
        k = self.num_topics
        layers = (
            tuple(int(w) for w in re.findall(r"\d+", self.encoder_layers)) if self.encoder_layers else (3 * k, 2 * k)
        )
        clip = math.inf if self.clip_gradient is None else self.clip_gradient
        return Recipe(
            k, layers, self.encoder_layers_activation, self.batch_norm, self.epochs, self.mini_batch_size,
            self.optimizer, self.learning_rate, self.weight_decay, self.num_patience_epochs, self.tolerance, clip,
            self.rescale_gradient, self.sub_sample,
        )  # fmt: skip

    def _sums(self, data: Data, words: int, context: Context) -> dict[str, NDArray[np.float64]]:
        """Go through the documents once: what the first topics are guessed from, of all hosts."""
        R = anchor_words.projection(words, self.num_topics, context.seed)
        total: dict[str, NDArray[np.float64]] = {}
        for block in (data,) if isinstance(data, Tabular) else data:
            for name, array in anchor_words.gathered(counts_of(block, words, TITLE), R).items():
                total[name] = total[name] + array if name in total else array
        there = agreed(context, {"words": float(total["words"].sum()) if total else 0.0})["words"]
        if not there:
            raise DataError(
                f"{TITLE} has nothing to learn from",
                why="No document has a word",
                fix="Give word counts, a document a row",
            )
        return {name: np.asarray(array, np.float64) for name, array in context.reduce(total).items()}
