"""BlazingText: word vectors, or a linear classifier of texts, from lines of words.

Idea:   a word is known by those around it: vectors are learned by which words near each other can be told from words
        drawn at random. Supervised, the mean of the vectors of a text's words and word n-grams is given to a softmax
        over the labels.
Source: Gupta & Khare (2017), BlazingText, MLHPC, doi:10.1145/3146347.3146354; Mikolov et al. (2013), arXiv:1310.4546;
        Bojanowski et al. (2017), doi:10.1162/tacl_a_00051 (subwords); Joulin et al. (2017), arXiv:1607.01759
        (supervised); Ji et al. (2016), arXiv:1604.04661 (shared negatives).
Cost:   words × epochs × window × (1 + negatives) × d for skip-gram, without the window for cbow; supervised words ×
        epochs × d and lines × epochs × labels × d. Memory is two matrices of words (+ buckets) × d and one block of
        text, however long the text.

Decisions where the published pages say nothing: a line's end only ends a sentence for word vectors and is the word
``</s>`` for labels, as in fastText; noise is drawn by counts to the power ¾; a text of several labels is learned as
each in equal parts (the mean of fastText's choice of one at random); n-gram rows begin at 0 and not at random, so that
n-grams never seen say nothing, and a model with two million buckets is as small as what it learned; supervised has no
character n-grams. One thread repeats itself bit by bit, several do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import fasttext_file, word_files
from tarragon.algorithms.artifact import SEAL, fitted, opened, seal
from tarragon.algorithms.fasttext_file import MODELS, Stored
from tarragon.algorithms.label_training import Classifier, Patience, train_labels
from tarragon.algorithms.params import OneOf, Range, build, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.vocabulary import Vocabulary
from tarragon.algorithms.word_training import Course, Matrix, cut, train_vectors
from tarragon.algorithms.word_vectors import WordVectors
from tarragon.data import Lines, Prediction
from tarragon.errors import IntegrityError, NotFittedError, ParameterError

TITLE = "BlazingText"
BIN, TXT, MODEL = "vectors.bin", "vectors.txt", "model.bin"
MODES = ("batch_skipgram", "skipgram", "cbow", "supervised")
INF = float("inf")
MANY = 2**31 - 1


@dataclass(eq=False, kw_only=True)
class BlazingText:
    """Learn word vectors, or to label texts.

    ``fit`` takes :class:`~tarragon.data.Lines` of words parted by blanks; supervised, labels are words that begin with
    ``__label__``. ``predict`` answers ``{"probability": (n, K)}`` for n lines, in the order of ``labels_``, or for one
    word a line ``{"vector": (n, d)}``.

    Attributes
    ----------
    vocabulary_ : Vocabulary
    inputs_, outputs_ : ndarray of shape (words + buckets, d) and (words or labels, d)
    """

    card: ClassVar[Card] = Card(
        name="blazingtext",
        title=TITLE,
        tasks=frozenset({"word-vectors", "text-classification"}),
        view="dense",
        accepts="lines",
        use="Word vectors of a domain's own language, and fast strong baselines for topics of texts.",
        avoid="Meaning that hangs on word order or on words far apart.",
        interpretability="medium",
        growth="time linear in words × epochs × dimensions; memory (vocabulary + buckets) × dimensions",
        source="Gupta & Khare (2017), doi:10.1145/3146347.3146354",
        images=("blazingtext",),
        channels=("train", "validation", "evaluation"),
        content_types=("text/plain", "application/jsonlines"),
        metrics=("train:mean_rho", "train:accuracy", "validation:accuracy"),
        answer=("word", "vector", "label", "prob"),
    )
    mode: Annotated[str, OneOf(MODES, tune=MODES, about="What is learned: word vectors, or labels of texts.")]
    batch_size: Annotated[int, Range(1, MANY, tune=(8, 32), about="Words that share negatives, in batch_skipgram.")] = (
        11
    )
    buckets: Annotated[
        int, Range(1, 1_000_000_000, tune=(1e6, 1e7), about="More keep n-grams apart, and take memory.")
    ] = 2_000_000
    early_stopping: Annotated[bool, OneOf((True, False), about="Keep the epoch that validates best.")] = False
    epochs: Annotated[int, Range(1, MANY, tune=(5, 15), about="More passes learn rare words better.")] = 5
    evaluation: Annotated[bool, OneOf((True, False), about="Hold vectors against human judgements, where given.")] = (
        True
    )
    learning_rate: Annotated[
        float,
        Range(0.0, INF, open_low=True, open_high=True, tune=(0.005, 0.01), about="How far each step goes at first."),
    ] = 0.05
    min_char: Annotated[int, Range(1, 100, about="Shortest character n-gram.")] = 3
    min_count: Annotated[int, Range(0, MANY, tune=(0, 100), about="More leaves out rare words.")] = 5
    min_epochs: Annotated[int, Range(1, MANY, about="Passes before training may end early.")] = 5
    max_char: Annotated[int, Range(1, 100, about="Longest character n-gram.")] = 6
    negative_samples: Annotated[int, Range(1, 10_000, tune=(5, 25), about="Random words told from each true one.")] = 5
    patience: Annotated[int, Range(1, MANY, about="Passes to wait for a better accuracy.")] = 4
    sampling_threshold: Annotated[
        float, Range(0.0, 1e-3, open_low=True, tune=(1e-4, 1e-3), about="Less skips more of the frequent words.")
    ] = 1e-4
    subwords: Annotated[bool, OneOf((True, False), about="Learn vectors of character n-grams, for unknown words.")] = (
        False
    )
    vector_dim: Annotated[
        int, Range(1, 100_000, tune=(32, 300), about="More dimensions hold more, from more text.")
    ] = 100
    window_size: Annotated[int, Range(1, 100_000, tune=(1, 10), about="Words to each side that count as near.")] = 5
    word_ngrams: Annotated[int, Range(1, 100, tune=(1, 3), about="Longest n-gram of words, in supervised.")] = 2

    vocabulary_: Vocabulary | None = field(default=None, init=False, repr=False)
    inputs_: Matrix | None = field(default=None, init=False, repr=False)
    outputs_: Matrix | None = field(default=None, init=False, repr=False)
    _softmax: bool = field(default=True, init=False, repr=False)
    _asked: Classifier | WordVectors | None = field(default=None, init=False, repr=False)

    @property
    def supervised(self) -> bool:
        """Whether it labels texts."""
        return self.mode == "supervised"

    @property
    def labels_(self) -> list[str]:
        """The labels, in the order of an answer's columns."""
        return [label.decode("utf-8", "replace") for label in self._known().labels]

    def fit(self, data: Lines, *, valid: Lines | None = None, context: Context | None = None) -> Self:
        """Learn. Raises ``ParameterError``, or ``DataError`` for a text without words or labels."""
        check(self)
        self._together()
        context = context or Standalone()
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            size = 0
            for block in data:
                size += len(block)
                yield block

        vocabulary = Vocabulary.learn(counted(), min_count=self.min_count, labelled=self.supervised)
        vocabulary.check(self.min_count, labelled=self.supervised)
        course, patience = self._course(), Patience(self.patience, self.min_epochs)
        if self.supervised:
            patience = patience if self.early_stopping else Patience()
            weights = train_labels(data, valid, vocabulary, size, course, patience, context)
        else:
            weights = train_vectors(data, vocabulary, size, course, context)
        self._hold(vocabulary, *weights)
        return self

    def predict(self, data: Lines) -> Prediction:
        """Answer lines. Raises ``NotFittedError``."""
        self._known()
        asked = self.asked()
        if isinstance(asked, Classifier):
            parts = [
                asked.answer(block[a:b])[0]
                for block in data
                for a, b in cut(block, 1 + (len(block) >> 18), labelled=True)
            ]
            return {"probability": np.concatenate(parts or [np.empty((0, len(self.labels_)), np.float32)])}
        words = [word.strip() for block in data for word in block.split(b"\n")[:-1]]
        return {"vector": asked.of(words)}

    def accuracy(self, data: Lines) -> tuple[float, int]:
        """Return the share of labelled lines whose likeliest label is one of theirs, and how many lines those are."""
        asked = self.asked()
        assert isinstance(asked, Classifier)
        return asked.accuracy(data)

    def asked(self) -> Classifier | WordVectors:
        """Return what answers, made once. Raises ``NotFittedError``."""
        vocabulary = self._known()
        if self._asked is None:
            assert self.inputs_ is not None
            assert self.outputs_ is not None
            if self.supervised:
                weights = self.inputs_, self.outputs_
                self._asked = Classifier.of(vocabulary, weights, self.word_ngrams, softmax=self._softmax)
            else:
                self._asked = WordVectors.made(vocabulary, self.inputs_, self._course())
        return self._asked

    def save(self, folder: Path) -> None:
        """Write ``model.bin``, or ``vectors.bin`` and ``vectors.txt``, and the seal. Raises ``NotFittedError``."""
        vocabulary = self.vocabulary_
        fitted(None if vocabulary is None else len(vocabulary.words), TITLE)
        assert vocabulary is not None
        assert self.inputs_ is not None
        assert self.outputs_ is not None
        stored = Stored(self._arguments(), self.sampling_threshold, vocabulary, self.inputs_, self.outputs_)
        fasttext_file.write(folder / (MODEL if self.supervised else BIN), stored)
        asked = self.asked()
        if isinstance(asked, WordVectors):
            word_files.write(folder / TXT, [word.decode("utf-8", "replace") for word in asked.words], asked.all())
        seal(folder, self, {"dim": self.vector_dim})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save``, SageMaker's BlazingText or fastText wrote. Raises ``IntegrityError``."""
        sealed = (folder / SEAL).is_file()
        made = opened(folder, cls)[0] if sealed else None
        path = next((folder / name for name in (MODEL, BIN) if (folder / name).is_file()), None)
        if path is None:
            if made is None and (folder / TXT).is_file():
                return cls._of_text(folder / TXT)
            raise IntegrityError(
                "There is no BlazingText model", why=f"The folder lacks {MODEL}, {BIN} and {TXT}", fix="Train it again"
            )
        stored = fasttext_file.read(path)
        made = made or cls._of(stored)
        if made._arguments_differ(stored):
            raise IntegrityError(f"{path.name} is of other hyperparameters than the seal", fix="Train it again")
        made._softmax = stored.arguments["loss"] == fasttext_file.SOFTMAX
        made._hold(stored.vocabulary, stored.inputs, stored.outputs)
        return made

    def _known(self) -> Vocabulary:
        if self.vocabulary_ is None:
            raise NotFittedError(f"{TITLE} is not fitted", why="predict was called before fit", fix="Call fit first")
        return self.vocabulary_

    def _hold(self, vocabulary: Vocabulary, inputs: Matrix, outputs: Matrix) -> None:
        self.vocabulary_, self.inputs_, self.outputs_, self._asked = vocabulary, inputs, outputs, None

    def _together(self) -> None:
        """Refuse settings that do not go together. Raises ``ParameterError``."""
        if self.mode == "batch_skipgram" and self.subwords:
            raise ParameterError(
                "Subwords are not supported in mode batch_skipgram",
                why="It shares negatives",
                fix="Use skipgram or cbow",
            )
        if self.subwords and self.min_char > self.max_char:
            raise ParameterError(
                f"min_char={self.min_char} is above max_char", why=f"max_char is {self.max_char}", fix="Swap them"
            )

    def _course(self) -> Course:
        if self.supervised:
            grams = self.buckets if self.word_ngrams > 1 else 0
            least, most = 0, self.word_ngrams
        else:
            grams = self.buckets if self.subwords else 0
            least, most = (self.min_char, self.max_char) if self.subwords else (0, 0)
        return Course(
            self.mode, self.epochs, self.vector_dim, self.learning_rate, self.window_size, self.negative_samples,
            self.batch_size, self.sampling_threshold, grams, least, most,
        )  # fmt: skip

    def _arguments(self) -> dict[str, int]:
        course = self._course()
        least, most = (course.shortest, course.longest) if not self.supervised else (0, 0)
        loss = fasttext_file.SOFTMAX if self.supervised else fasttext_file.NEGATIVES
        return {
            "dim": self.vector_dim, "ws": self.window_size, "epoch": self.epochs, "min_count": self.min_count,
            "neg": self.negative_samples, "word_ngrams": self.word_ngrams if self.supervised else 1, "loss": loss,
            "model": MODELS.get(self.mode, MODELS["skipgram"]), "bucket": course.buckets, "minn": least, "maxn": most,
            "update_rate": 100,
        }  # fmt: skip

    def _arguments_differ(self, stored: Stored) -> bool:
        own = self._arguments()
        return any(own[name] != stored.arguments[name] for name in ("dim", "model", "word_ngrams", "bucket", "maxn"))

    @classmethod
    def _of(cls, stored: Stored) -> Self:
        """Make a model that a file describes, as far as it must be known to answer. Raises ``IntegrityError``."""
        a = stored.arguments
        mode = next(name for name, number in MODELS.items() if number == a["model"])
        if mode == "supervised" and a["maxn"] > 0:
            raise IntegrityError("The classifier uses character n-grams", why="maxn > 0", fix="Train it with maxn=0")
        given = {
            "mode": mode, "vector_dim": a["dim"], "epochs": max(a["epoch"], 1), "window_size": max(a["ws"], 1),
            "min_count": max(a["min_count"], 0), "negative_samples": max(a["neg"], 1), "subwords": a["maxn"] > 0,
            "word_ngrams": max(a["word_ngrams"], 1),
        }  # fmt: skip
        given |= {"min_char": max(a["minn"], 1), "max_char": a["maxn"]} if a["maxn"] else {}
        given |= {"buckets": a["bucket"]} if a["bucket"] > 0 else {}
        try:
            made: Self = build(cls, given)
        except ParameterError as error:
            raise IntegrityError("The model cannot be served", why=str(error), fix="Train it again") from error
        return made

    @classmethod
    def _of_text(cls, path: Path) -> Self:
        """Make a model of word vectors alone. Raises ``IntegrityError``."""
        words, vectors = word_files.read(path)
        made: Self = build(cls, {"mode": "skipgram", "vector_dim": vectors.shape[1]})
        counts: NDArray[np.int64] = np.ones(len(words), np.int64)
        vocabulary = Vocabulary(tuple(word.encode() for word in words), counts, len(words), len(words))
        made._hold(vocabulary, vectors, np.zeros_like(vectors))
        return made
