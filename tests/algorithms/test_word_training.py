"""The passes: how a text is cut, how the rate falls, how hosts share the work and agree."""

from dataclasses import dataclass, field
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import Standalone
from tarragon.algorithms.blazingtext import BlazingText
from tarragon.algorithms.contract import Stopping
from tarragon.algorithms.vocabulary import Vocabulary
from tarragon.algorithms.word_training import Course, Passes, begin, cut
from tarragon.data import Lines
from tarragon.errors import DataError

from .texts import plain


@dataclass
class Table:
    """Where the hosts of a test meet."""

    world: int
    brought: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.meet = Barrier(self.world, timeout=60)


@dataclass(slots=True)
class Host(Standalone):
    """One of several hosts, as a thread."""

    table: Any = None

    def reduce(self, arrays: Any) -> Any:
        """Sum over the hosts, in the order of their ranks."""
        self.table.brought[self.rank] = {name: np.array(a) for name, a in arrays.items()}
        self.table.meet.wait()
        total = {name: sum(self.table.brought[r][name] for r in range(self.world)) for name in arrays}
        self.table.meet.wait()
        return total


def together(world: int, make: Any, lines: list[Lines]) -> list[Any]:
    """Fit one model on each host."""
    table, models, failures = Table(world), [make() for _ in range(world)], []

    def work(rank: int) -> None:
        try:
            models[rank].fit(lines[rank], context=Host(rank=rank, world=world, table=table))
        except Exception as error:  # noqa: BLE001 - told by the first thread
            table.meet.abort()
            failures.append(error)

    threads = [Thread(target=work, args=(rank,)) for rank in range(world)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    if failures:
        raise next((f for f in failures if isinstance(f, DataError)), failures[0])
    return models


def test_a_text_is_cut_whole() -> None:
    block = b"".join(b"line %d\n" % i for i in range(50))
    for parts in (1, 2, 3, 7, 200):
        found = cut(block, parts, labelled=True)
        assert b"".join(block[a:b] for a, b in found) == block
        assert len(found) == parts
        assert all(block[a:b].endswith(b"\n") for a, b in found if b > a)


def test_a_long_line_is_cut_at_blanks_for_word_vectors_only() -> None:
    block = b"word " * 60_000
    assert [b - a for a, b in cut(block, 2, labelled=False)] == [150_005, 149_995]
    assert [b - a for a, b in cut(block, 2, labelled=True)] == [300_000, 0]


def test_the_rate_falls_to_nothing_over_all_passes() -> None:
    lines = Lines(lambda: iter([b"a b\n" * 50, b"c d\n" * 50]))
    vocabulary = Vocabulary.learn(lines, min_count=1, labelled=False)
    seen: list[tuple[float, float]] = []
    passes = Passes(lines, vocabulary, vocabulary.table(), 400, Course("cbow", 2, 4, 1.0), Standalone())

    def learn(ids: Any, hashes: Any, rates: tuple[float, float], seed: int) -> int:
        seen.append(rates)
        return len(ids)

    passes.run(learn, lambda: None, lambda epoch, got: sum(got) != 300)
    assert seen == [(1.0, 0.75), (0.75, 0.5), (0.5, 0.25), (0.25, 0.0)]


def test_rows_of_ngrams_begin_at_nothing() -> None:
    found = begin(10, 4, 5, seed=0)
    assert np.abs(found[:4]).max() <= 1 / 5
    assert found[:4].all()
    assert not found[4:].any()


def test_it_ends_within_a_pass_when_asked() -> None:
    made = BlazingText(mode="cbow", vector_dim=4, epochs=1000, min_count=1)
    context = Stopping(after=1)
    made.fit(Lines(lambda: iter(["\n".join(plain(50)).encode() + b"\n"] * 3)), context=context)
    assert len(context.epochs) == 1


def likeness(model: BlazingText) -> float:
    """How much nearer words of one topic are than words of two."""
    words = Lines.of([f"t{topic}w{i}" for topic in range(4) for i in range(8)])
    vectors = model.predict(words)["vector"]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    same = np.kron(np.eye(4), np.ones((8, 8))).astype(bool)
    like = vectors @ vectors.T
    return float(like[same].mean() - like[~same].mean())


def test_four_hosts_learn_what_one_learns() -> None:
    def make() -> BlazingText:
        return BlazingText(
            mode="batch_skipgram", vector_dim=16, epochs=15, min_count=1, sampling_threshold=1e-3, learning_rate=0.1
        )

    texts = plain(1600)
    lines = Lines(lambda: iter(["\n".join(texts[i : i + 100]).encode() + b"\n" for i in range(0, 1600, 100)]))
    models = together(4, make, [lines] * 4)
    for other in models[1:]:
        np.testing.assert_array_equal(other.inputs_, models[0].inputs_)
    alone = likeness(make().fit(lines))
    assert alone > 0.3
    assert likeness(models[0]) > alone - 0.1


def test_hosts_with_other_texts_are_told_so() -> None:
    def make() -> BlazingText:
        return BlazingText(mode="batch_skipgram", vector_dim=4, epochs=1, min_count=1)

    with pytest.raises(DataError, match="FullyReplicated"):
        together(2, make, [Lines.of(plain(50, 0)), Lines.of(plain(50, 1))])
