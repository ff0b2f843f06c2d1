"""The words and labels of a text with their numbers: fastText's dictionary.

Words come first, then labels, each from the most frequent down and in order of appearance where counts are equal.
A token that begins with ``__label__`` is a label; a line's end is the word ``</s>``.

Source: Joulin, Grave, Bojanowski & Mikolov (2017), arXiv:1607.01759; the dictionary of fastText 0.9.2.
Cost:   one pass; memory is what the different words take, however long the text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import DataError

PREFIX = b"__label__"
END = b"</s>"
MOST = 20_000_000  # different words held at a time: past it, the rarest are dropped while counting


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Words and labels by number.

    Parameters
    ----------
    words : tuple of bytes
        UTF-8; labels follow the words.
    counts : ndarray of shape (n,), int64
    n_words : int
        How many are words; the rest are labels.
    tokens : int
        Tokens of the text, rare ones and line ends included.
    """

    words: tuple[bytes, ...]
    counts: NDArray[np.int64]
    n_words: int
    tokens: int

    @property
    def labels(self) -> tuple[bytes, ...]:
        """The labels, in order of their numbers."""
        return self.words[self.n_words :]

    @property
    def ending(self) -> int:
        """The number of the line's end among the words, or -1."""
        return self.words.index(END) if END in self.words[: self.n_words] else -1

    def table(self) -> Any:
        """Build the hash table that finds a token's number (see ``text_kernels.Table``)."""
        from tarragon.algorithms import text_kernels as kernels

        arena = np.frombuffer(b"".join(self.words) or b"\0", np.uint8)
        lengths = np.fromiter(map(len, self.words), np.int64, len(self.words))
        starts = np.cumsum(lengths) - lengths
        hashes = np.empty(len(lengths), np.int64)
        kernels.hash_all(arena, starts, lengths, hashes)
        table = kernels.Table(_slots(len(lengths)), hashes, starts, lengths, arena)
        kernels.index(table)
        return table

    @classmethod
    def learn(cls, blocks: Iterable[bytes], *, min_count: int, labelled: bool) -> "Vocabulary":
        """Count the words of a text.

        Parameters
        ----------
        blocks : iterable of bytes
            Whole lines.
        min_count : int
            Rarer words are left out; labels never are.
        labelled : bool
            Whether labels are kept apart and the line's end is a word, as in supervised learning; otherwise a line's
            end only ends a sentence.
        """
        counted = _Counted.empty()
        for block in blocks:
            counted = counted.more(np.frombuffer(block, np.uint8))
        words, counts = counted.found()
        is_label = np.array([labelled and word.startswith(PREFIX) for word in words], bool)
        keep = is_label | (counts >= min_count)
        keep[0] &= labelled  # "</s>"
        keep &= counts > 0
        order = np.lexsort((np.arange(len(words)), -counts, is_label))
        order = order[keep[order]]
        kept = tuple(words[i] for i in order.tolist())
        return cls(kept, counts[order], int((~is_label[order]).sum()), counted.tokens)

    def check(self, min_count: int, *, labelled: bool) -> None:
        """Refuse a text with nothing to learn. Raises ``DataError``."""
        if labelled and len(self.labels) < 2:
            raise DataError(
                "The text does not have two labels",
                why=f"Found: {b' '.join(self.labels).decode('utf-8', 'replace') or 'none'}",
                fix="Begin each line with its label, as in: __label__1 some text",
            )
        if self.n_words - (self.ending >= 0) < (1 if labelled else 2):
            raise DataError(
                "The text has no words to learn",
                why=f"Of {self.tokens} tokens none but rare ones are left: min_count is {min_count}",
                fix="Give more text, or a lower min_count",
            )


@dataclass(slots=True)
class _Counted:
    """A growing table and its counts."""

    table: Any
    counts: NDArray[np.int64]
    known: int = 0
    used: int = 0
    tokens: int = 0

    @classmethod
    def empty(cls) -> "_Counted":
        return cls._of([END], np.zeros(1, np.int64), room=1 << 16, tokens=0)

    @classmethod
    def _of(cls, words: Sequence[bytes], counts: NDArray[np.int64], room: int, tokens: int) -> "_Counted":
        from tarragon.algorithms import text_kernels as kernels

        known = len(words)
        lengths = np.zeros(room, np.int64)
        lengths[:known] = [len(word) for word in words]
        starts = np.cumsum(lengths) - lengths
        raw = np.frombuffer(b"".join(words), np.uint8)
        arena = np.zeros(max(8 * room, 2 * len(raw)), np.uint8)
        arena[: len(raw)] = raw
        hashes = np.zeros(room, np.int64)
        kernels.hash_all(arena, starts, lengths, hashes[:known])
        table = kernels.Table(_slots(room), hashes[:known], starts, lengths, arena)
        kernels.index(table)
        totals = np.zeros(room, np.int64)
        totals[:known] = counts
        return cls(table._replace(hashes=hashes), totals, known, len(raw), tokens)

    def more(self, block: NDArray[np.uint8]) -> "_Counted":
        """Count a block, growing where needed."""
        from tarragon.algorithms import text_kernels as kernels

        now, at = self, 0
        while True:
            state = np.array([at, now.known, now.used, now.tokens], np.int64)
            done = kernels.count_words(now.table, now.counts, block, state)
            at, now.known, now.used, now.tokens = state.tolist()
            if done:
                return now
            longest = 1 + int((block[at : at + (1 << 20)] > 32).sum())  # no word of the rest's first MB is longer
            now = now._grown(longest) if now.known < MOST else now._thinned()

    def _grown(self, longest: int) -> "_Counted":
        from tarragon.algorithms import text_kernels as kernels

        room = 2 * len(self.counts)

        def wider(array: NDArray[Any], size: int) -> NDArray[Any]:
            made = np.zeros(size, array.dtype)
            made[: len(array)] = array
            return made

        old = self.table
        arena = wider(old.arena, max(2 * len(old.arena), self.used + 2 * longest))
        hashes = wider(old.hashes, room)
        table = kernels.Table(
            _slots(room), hashes[: self.known], wider(old.starts, room), wider(old.lengths, room), arena
        )
        kernels.index(table)
        return _Counted(
            table._replace(hashes=hashes), wider(self.counts, room), self.known, self.used, self.tokens
        )  # fmt: skip

    def _thinned(self) -> "_Counted":
        """Drop the rarest half, as fastText does when its dictionary is full; labels and the line's end stay."""
        words, counts = self.found()
        least = int(np.median(counts))
        keep = [i for i, word in enumerate(words) if i == 0 or counts[i] > least or word.startswith(PREFIX)]
        return self._of([words[i] for i in keep], counts[keep], len(self.counts), self.tokens)

    def found(self) -> "tuple[list[bytes], NDArray[np.int64]]":
        """Return the words and their counts, in order of appearance."""
        raw = self.table.arena.tobytes()
        starts, lengths = self.table.starts[: self.known], self.table.lengths[: self.known]
        words = [raw[s : s + n] for s, n in zip(starts.tolist(), lengths.tolist(), strict=True)]
        return words, self.counts[: self.known].copy()


def _slots(words: int) -> NDArray[np.int32]:
    """Make room for so many words in a table that is at most about half full."""
    return np.full(1 << max(4, int(2 * words).bit_length()), -1, np.int32)
