"""The vocabulary counts as Python counts, and numbers as fastText does."""

import re
from collections import Counter

import numpy as np
import pytest

from tarragon.algorithms import vocabulary as module
from tarragon.algorithms.vocabulary import Vocabulary
from tarragon.algorithms.word_training import encoded
from tarragon.errors import DataError

TEXT = b"__label__b the cat  saw\tthe dog\n__label__a the \xc3\xa9t\xc3\xa9 was warm\r\n\nthe cat __label__b ran\n"


def learnt(text: bytes, *, min_count: int = 1, labelled: bool = True) -> Vocabulary:
    return Vocabulary.learn([text], min_count=min_count, labelled=labelled)


def test_it_counts_as_python_does() -> None:
    rng = np.random.default_rng(0)
    words = [f"wörd{i}" for i in rng.integers(0, 40_000, 200_000)]
    blocks = [(" ".join(words[i : i + 50]) + "\n").encode() for i in range(0, len(words), 50)]
    found = Vocabulary.learn(blocks, min_count=3, labelled=False)
    expected = {word: n for word, n in Counter(words).items() if n >= 3}
    assert {w.decode(): n for w, n in zip(found.words, found.counts.tolist(), strict=True)} == expected
    assert found.tokens == len(words) + len(blocks)
    assert (np.diff(found.counts) <= 0).all()


def test_words_come_before_labels_each_by_frequency() -> None:
    found = learnt(TEXT)
    assert found.words[:3] == (b"</s>", b"the", b"cat")
    assert found.labels == (b"__label__b", b"__label__a")
    assert found.counts[:3].tolist() == [4, 4, 2]
    assert (found.ending, found.tokens) == (0, len(TEXT.split()) + 4)


def test_labels_are_never_rare() -> None:
    found = learnt(TEXT, min_count=2)
    assert found.words == (b"</s>", b"the", b"cat", b"__label__b", b"__label__a")


def test_without_labels_all_are_words_and_a_line_only_ends() -> None:
    found = learnt(TEXT, labelled=False)
    assert found.labels == ()
    assert b"__label__a" in found.words
    assert found.ending == -1


def test_the_table_finds_every_word_and_nothing_else() -> None:
    found = learnt(TEXT)
    ids, _ = encoded(found.table(), found.ending, np.frombuffer(b"the unknown cat\n__label__a", np.uint8))
    assert ids.tolist() == [1, -1, 2, -2, found.words.index(b"__label__a")]


def test_a_full_table_drops_the_rarest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10_000)
    blocks = [
        (" ".join(f"w{i}" for i in range(start, start + 500)) + " often\n").encode() for start in range(0, 90_000, 500)
    ]
    found = Vocabulary.learn(blocks, min_count=1, labelled=False)
    assert found.words[0] == b"often"
    assert found.counts[0] == 180
    assert found.tokens == 90_000 + 2 * 180


def test_a_word_longer_than_the_room_for_words() -> None:
    long = b"x" * 2_000_000
    assert learnt(b"a " + long + b" b\n", labelled=False).words == (b"a", long, b"b")


@pytest.mark.parametrize(
    ("text", "words"), [(b"", "two labels"), (b"__label__1 a\n", "two labels"), (b"a b\n", "none")]
)
def test_nothing_to_tell_apart_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(DataError, match=re.escape(words)):
        learnt(text).check(1, labelled=True)


def test_only_rare_words_are_refused() -> None:
    with pytest.raises(DataError, match="min_count is 5"):
        learnt(b"a b c\n", min_count=5, labelled=False).check(5, labelled=False)
