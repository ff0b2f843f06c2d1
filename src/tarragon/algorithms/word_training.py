"""Train word vectors and linear text classifiers on a stream of lines: passes, threads, hosts, the learning rate.

Each pass reads the text anew and cuts it in pieces, one for each thread of each host at a time. The learning rate falls
in a straight line to 0 with the bytes read. Hosts change copies of the weights; after each round of pieces the changes
are merged, each row by the mean of the hosts that changed it (a frequent word is learned by all of them at once, a rare
one by one).

Source: Recht, Ré, Wright & Niu (2011), Hogwild, NIPS; the schedule of Mikolov et al. (2013), arXiv:1301.3781.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.protocol import Context
from tarragon.algorithms.vocabulary import Vocabulary
from tarragon.data import Lines
from tarragon.errors import DataError

PIECE_BYTES = 1 << 20  # of text at a time and thread: some seconds, after which it is asked whether to stop
WORTH_BYTES = 200_000  # of text a thread, below which another thread is in the way
POWER = 0.75  # of counts, for noise: Mikolov et al. (2013), §2.2
Matrix = NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Course:
    """How to train.

    Parameters
    ----------
    mode : {"cbow", "skipgram", "batch_skipgram", "supervised"}
    epochs, dim, window, negatives, batch : int
    rate, sampling : float
    buckets, shortest, longest : int
        Of character n-grams (or of word n-grams, whose greatest length is ``longest``); 0 buckets for none.
    """

    mode: str
    epochs: int
    dim: int
    rate: float
    window: int = 5
    negatives: int = 5
    batch: int = 11
    sampling: float = 1e-4
    buckets: int = 0
    shortest: int = 0
    longest: int = 0


def begin(rows: int, words: int, dim: int, seed: int) -> Matrix:
    """Draw vectors of words from ±1/d, as fastText does; rows of n-grams begin at 0, so that unseen ones say nothing.

    Rows that stay 0 take no memory and almost no space in an archive.
    """
    inputs = np.zeros((rows, dim), np.float32)
    drawn = inputs[:words]
    np.random.default_rng([seed, 41]).random(out=drawn, dtype=np.float32)
    drawn -= 0.5
    drawn *= 2.0 / dim
    return inputs


def word_rows(vocabulary: Vocabulary, table: Any, course: Course) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List each word's rows: its own, then those of its character n-grams. Returns starts (n + 1,) and rows."""
    from tarragon.algorithms import text_kernels as kernels

    n = vocabulary.n_words
    if not course.buckets or not course.longest:
        return np.arange(n + 1), np.arange(n, dtype=np.int32)
    table = table._replace(hashes=table.hashes[:n])
    room = n + int((table.lengths[:n] + 2).sum()) * max(course.longest - course.shortest + 1, 1)
    rows = np.empty(room, np.int32)
    sizes = np.array([course.shortest, course.longest, n, course.buckets], np.int64)
    starts = kernels.all_subwords(table, vocabulary.ending, sizes, rows)
    return starts, rows[: starts[-1]].copy()


class Passes:
    """The passes over a text.

    Parameters
    ----------
    lines : Lines
    vocabulary : Vocabulary
    table : text_kernels.Table
    size : int
        Bytes of the text.
    course : Course
    context : Context
    """

    def __init__(
        self, lines: Lines, vocabulary: Vocabulary, table: Any, size: int, course: Course, context: Context
    ) -> None:
        self.lines, self.table, self.size, self.course, self.context = lines, table, size, course, context
        self.ending, self.labelled = vocabulary.ending, course.mode == "supervised"
        self.threads = int(np.clip(size // (WORTH_BYTES * context.world), 1, max(1, context.threads)))

    def run(
        self,
        learn: Callable[[NDArray[np.int32], NDArray[np.int64], tuple[float, float], int], T],
        after: Callable[[], None],
        told: Callable[[int, Sequence[T]], bool],
    ) -> None:
        """Go over the text.

        Parameters
        ----------
        learn : callable
            ``(ids, hashes, (rate from, rate to), seed)`` learns from a piece, in a thread.
        after : callable
            Called after each round of pieces.
        told : callable
            ``(epoch, what learn returned)`` after each pass; True to end.
        """
        course, context = self.course, self.context
        with ThreadPoolExecutor(self.threads) as pool:
            for epoch in range(1, course.epochs + 1):
                done, got = 0, list[T]()
                for number, (pieces, length) in enumerate(self._rounds()):
                    share = [(epoch - 1 + at / self.size) / course.epochs for at in (done, done + length)]
                    rates = course.rate * (1 - min(share[0], 1.0)), course.rate * (1 - min(share[1], 1.0))
                    seeds = np.random.SeedSequence([context.seed, epoch, number, context.rank])
                    work = [
                        pool.submit(self._piece, learn, piece, rates, int(seed))
                        for piece, seed in zip(pieces, seeds.generate_state(len(pieces), np.uint64), strict=True)
                    ]
                    got += [each.result() for each in work]
                    after()
                    done += length
                    if done < self.size and self._stop():
                        return
                if told(epoch, got) or self._stop():
                    return

    def _stop(self) -> bool:
        """Whether any host was asked to stop: all must end together."""
        asked = {"stop": np.array([float(self.context.stop_asked())])}
        return bool(self.context.reduce(asked)["stop"][0])

    def _rounds(self) -> Iterator[tuple[list[NDArray[np.uint8]], int]]:
        """Cut the text; yield this host's pieces of a round, and the round's bytes for all hosts."""
        workers = self.threads * self.context.world
        for block in self.lines:
            rounds = -(-len(block) // (PIECE_BYTES * workers))
            cuts = cut(block, rounds * workers, labelled=self.labelled)
            for first in range(0, len(cuts), workers):
                own = cuts[first : first + workers]
                mine = own[self.context.rank * self.threads :][: self.threads]
                yield [np.frombuffer(block, np.uint8)[a:b] for a, b in mine if b > a], own[-1][1] - own[0][0]

    def _piece(
        self,
        learn: Callable[[NDArray[np.int32], NDArray[np.int64], tuple[float, float], int], T],
        piece: NDArray[np.uint8],
        rates: tuple[float, float],
        seed: int,
    ) -> T:
        ids, hashes = encoded(self.table, self.ending, piece)
        return learn(ids, hashes, rates, seed)


def cut(block: bytes, parts: int, *, labelled: bool) -> list[tuple[int, int]]:
    r"""Cut a block into so many stretches at ends of lines, or at blanks where no line need be whole.

    Examples
    --------
    >>> cut(b"ab\ncd\nef\n", 2, labelled=True)
    [(0, 6), (6, 9)]
    """
    ends, n = [0], len(block)
    for i in range(1, parts):
        aim = max(n * i // parts, ends[-1])
        at = block.find(b"\n", aim)
        if not labelled and not 0 <= at - aim < PIECE_BYTES // 8:
            at = block.find(b" ", aim)
        ends.append(at + 1 if at >= 0 else n)
    ends.append(n)
    return list(pairwise(ends))


def encoded(table: Any, ending: int, piece: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Turn bytes into the numbers and hashes of their tokens."""
    from tarragon.algorithms import text_kernels as kernels

    ids, hashes = np.empty(len(piece) + 1, np.int32), np.empty(len(piece) + 1, np.int64)
    n = kernels.encode(table, ending, piece, ids, hashes)
    return ids[:n], hashes[:n]


def train_vectors(
    lines: Lines, vocabulary: Vocabulary, size: int, course: Course, context: Context
) -> tuple[Matrix, Matrix]:
    """Train word vectors; return the inputs (words + buckets, d) and outputs (words, d).

    Raises ``DataError`` when several hosts read different texts.
    """
    from tarragon.algorithms import word_kernels as kernels

    learner = {"cbow": kernels.cbow, "skipgram": kernels.skipgram, "batch_skipgram": kernels.batch_skipgram}[
        course.mode
    ]
    table, n = vocabulary.table(), vocabulary.n_words
    starts, rows = word_rows(vocabulary, table, course)
    share = vocabulary.counts[:n] / max(vocabulary.counts[:n].sum(), 1)
    often = course.sampling / np.maximum(vocabulary.counts[:n] / max(vocabulary.tokens, 1), 1e-300)
    words = kernels.Words(starts, rows, (np.sqrt(often) + often).astype(np.float32))
    noise = kernels.Noise(np.empty(n, np.float32), np.empty(n, np.int32))
    powered = np.power(share, POWER)
    kernels.alias(powered / powered.sum(), *noise)
    inputs = begin(n + course.buckets, n, course.dim, context.seed)
    weights = kernels.Weights(inputs, np.zeros((n, course.dim), np.float32))
    passes = Passes(lines, vocabulary, table, size, course, context)
    merge = _Merge(context, weights)
    _alike(context, vocabulary)

    def learn(ids: NDArray[np.int32], _: object, rates: tuple[float, float], seed: int) -> tuple[int, int]:
        plan = kernels.Plan(course.window, course.negatives, course.batch, *rates)
        return len(ids), learner(ids, weights, words, noise, plan, np.uint64(seed))

    def told(epoch: int, got: Sequence[tuple[int, int]]) -> bool:
        counts = np.array(got or [(0, 0)], float).sum(axis=0)
        tokens, learned = context.reduce({"n": counts})["n"]
        facts = {"train:alpha": course.rate * (1 - epoch / course.epochs), "train:words": float(tokens)}
        context.epoch(epoch, steps=max(int(learned), 1), records=max(int(tokens), 1), metrics=facts)
        return False

    passes.run(learn, merge.merge, told)
    return weights.inputs, weights.outputs


def _alike(context: Context, vocabulary: Vocabulary) -> None:
    """Hold the hosts' vocabularies against each other. Raises ``DataError``."""
    if context.world == 1:
        return
    own = np.array([len(vocabulary.words), vocabulary.tokens, hash_of(vocabulary)], float)
    total = context.reduce({"own": own, "square": own**2})
    spread = total["square"] / context.world - (total["own"] / context.world) ** 2
    if (spread > 0.25 * np.maximum(own**2, 1) * 1e-9).any():
        raise DataError(
            "The hosts read different texts",
            why="Every host must know the same words; the work is shared out here",
            fix="Give the channel S3DataDistributionType=FullyReplicated",
        )


def hash_of(vocabulary: Vocabulary) -> float:
    """Return a number below 2²⁴ that tells vocabularies apart."""
    import zlib

    return float(zlib.crc32(b"\0".join(vocabulary.words)) & 0xFFFFFF)


class _Merge:
    """The weights that hosts share."""

    def __init__(self, context: Context, arrays: Sequence[Matrix]) -> None:
        self.context, self.arrays = context, arrays
        self.before = [array.copy() for array in arrays] if context.world > 1 else []

    def merge(self) -> None:
        """Add the hosts' changes: each row by the mean of those that changed it."""
        if self.context.world == 1:
            return
        brought: dict[str, NDArray[Any]] = {}
        for i, (array, before) in enumerate(zip(self.arrays, self.before, strict=True)):
            change = np.subtract(array, before)
            brought[f"change{i}"] = change
            brought[f"hosts{i}"] = np.any(change, axis=1).astype(np.float32)
        total = self.context.reduce(brought)
        for i, (array, before) in enumerate(zip(self.arrays, self.before, strict=True)):
            np.add(before, total[f"change{i}"] / np.maximum(total[f"hosts{i}"], 1.0)[:, None], out=before)
            np.copyto(array, before)
