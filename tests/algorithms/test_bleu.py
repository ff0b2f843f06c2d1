"""BLEU by hand, and its limits."""

import math

import pytest

from tarragon.algorithms.bleu import bleu


def test_a_corpus_by_hand() -> None:
    one, other = ["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "f"]
    # 4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 fours; equal lengths
    assert bleu([one], [other]) == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


def test_short_translations_are_punished() -> None:
    reference = ["a", "b", "c", "d", "e", "f"]
    assert bleu([reference[:5]], [reference]) == pytest.approx(100 * math.exp(1 - 6 / 5))


def test_a_repeated_word_counts_as_often_as_the_reference_has_it() -> None:
    found = bleu([["the", "the", "the", "the"]], [["the", "cat", "sat", "down"]])
    assert found == pytest.approx(100 * (1 / 4 * 1 / (2 * 3) * 1 / (4 * 2) * 1 / 8) ** 0.25)


@pytest.mark.parametrize("translations", [[[]], [["x"]], [["a"]]])
def test_nothing_in_common_is_nothing(translations: list[list[str]]) -> None:
    assert bleu(translations, [["a", "b", "c", "d"]]) == 0.0
