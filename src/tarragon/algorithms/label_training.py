"""Train and ask a linear text classifier on a stream of lines: early stopping by accuracy, answers by blocks.

Source: Joulin, Grave, Bojanowski & Mikolov (2017), Bag of tricks for efficient text classification, arXiv:1607.01759.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.protocol import Context
from tarragon.algorithms.vocabulary import Vocabulary
from tarragon.algorithms.word_training import Course, Matrix, Passes, begin, cut, encoded
from tarragon.data import Lines

ANSWER_BYTES = 1 << 18  # of text answered at a time


@dataclass(frozen=True, slots=True)
class Patience:
    """When to end early: epochs to wait for a better accuracy, after so many at least; 0 never ends."""

    epochs: int = 0
    least: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """A trained classifier: ``model`` as ``label_kernels.Linear``; the table that finds words."""

    model: Any
    table: Any

    @classmethod
    def of(cls, vocabulary: Vocabulary, weights: tuple[Matrix, Matrix], ngrams: int, *, softmax: bool) -> "Classifier":
        """Join weights and vocabulary."""
        from tarragon.algorithms import label_kernels as kernels

        inputs, outputs = weights
        sizes = vocabulary.n_words, ngrams, len(inputs) - vocabulary.n_words, vocabulary.ending
        return cls(kernels.Linear(inputs, outputs, *sizes, softmax), vocabulary.table())

    def answer(self, block: bytes) -> tuple[NDArray[np.float32], int, int]:
        """Return each line's probabilities (lines, K), lines with a label, and those whose likeliest label is right."""
        from tarragon.algorithms import label_kernels as kernels
        from tarragon.algorithms.word_kernels import END

        ids, hashes = encoded(self.table, self.model.ending, np.frombuffer(block, np.uint8))
        out = np.empty((int(np.count_nonzero(ids == END)) + 1, len(self.model.outputs)), np.float32)
        examples, right = kernels.classify(ids, hashes, self.model, out)
        return out[: len(out) - bool(len(ids) == 0 or ids[-1] == END)], examples, right

    def accuracy(self, lines: Lines) -> tuple[float, int]:
        """Return the share of labelled lines whose likeliest label is one of theirs, and how many lines those are."""
        examples = right = 0
        for block in lines:
            for a, b in cut(block, 1 + len(block) // ANSWER_BYTES, labelled=True):
                _, more, hits = self.answer(block[a:b])
                examples, right = examples + more, right + hits
        return right / max(examples, 1), examples


def train_labels(  # noqa: PLR0913
    lines: Lines,
    valid: Lines | None,
    vocabulary: Vocabulary,
    size: int,
    course: Course,
    patience: Patience,
    context: Context,
) -> tuple[Matrix, Matrix]:
    """Train a classifier; return inputs (words + buckets, d) and outputs (labels, d), the best where it may end early.

    Parameters
    ----------
    lines, valid : Lines
    vocabulary : Vocabulary
    size : int
        Bytes of ``lines``.
    course : Course
    patience : Patience
        Needs ``valid``.
    context : Context
    """
    from tarragon.algorithms import label_kernels as kernels

    n = vocabulary.n_words
    weights = (
        begin(n + course.buckets, n, course.dim, context.seed),
        np.zeros((len(vocabulary.labels), course.dim), np.float32),
    )
    made = Classifier.of(vocabulary, weights, max(course.longest, 1), softmax=True)
    touched = np.zeros(n + course.buckets, np.uint8)
    best = _Best(weights, touched)

    def learn(
        ids: NDArray[np.int32], hashes: NDArray[np.int64], rates: tuple[float, float], _: int
    ) -> tuple[float, ...]:
        learned, loss = kernels.supervise(ids, hashes, made.model, touched, rates)
        return len(ids), learned, loss

    def told(epoch: int, got: Sequence[tuple[float, ...]]) -> bool:
        tokens, learned, loss = np.array(got or [(0.0, 0.0, 0.0)]).sum(axis=0).tolist()
        facts = {"train:alpha": course.rate * (1 - epoch / course.epochs), "train:words": tokens}
        facts["train:loss"] = loss / max(learned, 1)
        if valid is not None:
            facts["validation:accuracy"], _ = made.accuracy(valid)
        context.epoch(epoch, steps=max(int(learned), 1), records=max(int(learned), 1), metrics=facts)
        if valid is None or not patience.epochs:
            return False
        best.see(facts["validation:accuracy"], epoch)
        return epoch >= patience.least and epoch - best.epoch >= patience.epochs

    Passes(lines, vocabulary, made.table, size, course, context).run(learn, lambda: None, told)
    best.restore()
    return weights


class _Best:
    """The weights of the best epoch; of the inputs only the rows that were changed: the first pass changes them all."""

    def __init__(self, weights: tuple[Matrix, Matrix], touched: NDArray[np.uint8]) -> None:
        self.weights, self.touched = weights, touched
        self.epoch, self.score = 0, -1.0
        self.rows = np.empty(0, np.int64)
        self.kept: tuple[Matrix, Matrix] | None = None

    def see(self, score: float, epoch: int) -> None:
        """Keep a copy where the score is better than all before."""
        if score > self.score:
            self.score, self.epoch = score, epoch
            self.rows = np.flatnonzero(self.touched)
            self.kept = self.weights[0][self.rows], self.weights[1].copy()

    def restore(self) -> None:
        """Put the best back."""
        if self.kept is None:
            return
        self.weights[0][self.rows], self.weights[1][:] = self.kept
