"""Answers of learned word vectors: of known words, of unknown ones by their character n-grams; agreement with people.

Source: Bojanowski et al. (2017), doi:10.1162/tacl_a_00051; Spearman's rank correlation with human judgements of
similarity as in Agirre et al. (2009), A study on similarity and relatedness, NAACL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.vocabulary import Vocabulary
from tarragon.algorithms.word_training import Course, Matrix, word_rows

Pairs = Sequence[tuple[str, str, float]]


@dataclass(frozen=True)
class WordVectors:
    """Vectors by word.

    Parameters
    ----------
    words : tuple of bytes
    starts, rows : ndarray
        The rows of ``inputs`` whose mean is a word's vector.
    inputs : ndarray of shape (words + buckets, d)
    course : Course
    """

    words: tuple[bytes, ...]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    inputs: Matrix
    course: Course

    @classmethod
    def made(cls, vocabulary: Vocabulary, inputs: Matrix, course: Course) -> "WordVectors":
        """Prepare to answer."""
        table = vocabulary.table() if course.buckets else None
        return cls(vocabulary.words[: vocabulary.n_words], *word_rows(vocabulary, table, course), inputs, course)

    @cached_property
    def number(self) -> dict[bytes, int]:
        """The words' numbers."""
        return {word: i for i, word in enumerate(self.words)}

    def all(self) -> Matrix:
        """Return the vectors of all words, (n, d)."""
        if len(self.rows) == len(self.words):
            return np.asarray(self.inputs[: len(self.words)])
        return np.stack([self._mean(self.rows[a:b]) for a, b in pairwise(self.starts.tolist())])

    def of(self, words: Sequence[bytes]) -> Matrix:
        """Return the vectors of any words, (n, d): zeros for an unknown one without n-grams."""
        return (
            np.stack([self.one(word) for word in words]) if words else np.empty((0, self.inputs.shape[1]), np.float32)
        )

    def one(self, word: bytes) -> Matrix:
        """Return the vector of a word, (d,)."""
        i = self.number.get(word)
        rows = self._grams(word) if i is None else self.rows[self.starts[i] : self.starts[i + 1]]
        return self._mean(rows)

    def _mean(self, rows: NDArray[np.int32]) -> Matrix:
        if not len(rows):
            return np.zeros(self.inputs.shape[1], np.float32)
        return np.asarray(self.inputs[rows].mean(axis=0), np.float32)

    def _grams(self, word: bytes) -> NDArray[np.int32]:
        course = self.course
        if not course.buckets or not course.longest or not word:
            return np.empty(0, np.int32)
        from tarragon.algorithms import text_kernels as kernels

        marked = np.frombuffer(b"<" + word + b">", np.uint8)
        out = np.empty(len(marked) * max(course.longest - course.shortest + 1, 1), np.int32)
        found = kernels.subwords(marked, course.shortest, course.longest, len(self.words), course.buckets, out)
        return out[:found]

    def agreement(self, pairs: Pairs) -> dict[str, float]:
        """Hold the cosine of pairs of words against how alike people find them.

        Returns
        -------
        dict
            ``total_pairs``; ``not_found``, those with an unknown word; ``spearmans_rho`` of the others, 0 where fewer
            than two are left.
        """
        from scipy.stats import rankdata

        found = [
            (self.number[a.encode()], self.number[b.encode()], score)
            for a, b, score in pairs
            if a.encode() in self.number and b.encode() in self.number
        ]
        rho = 0.0
        if len(found) > 1:
            left = np.stack([self.one(self.words[a]) for a, _, _ in found]).astype(np.float64)
            right = np.stack([self.one(self.words[b]) for _, b, _ in found]).astype(np.float64)
            norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
            cosine = (left * right).sum(axis=1) / np.maximum(norms, 1e-300)
            ranks = np.stack([rankdata(cosine), rankdata([score for _, _, score in found])])
            spread = ranks.std(axis=1)
            rho = float(np.corrcoef(ranks)[0, 1]) if spread.min() > 0 else 0.0
        return {"not_found": len(pairs) - len(found), "spearmans_rho": rho, "total_pairs": len(pairs)}
