"""Hashes and character n-grams are those of fastText's published functions, written out here in plain Python."""

import numpy as np
import pytest

from tarragon.algorithms import text_kernels as kernels


def fnv(data: bytes) -> int:
    h = 2166136261
    for byte in data:
        signed = byte - 256 if byte > 127 else byte
        h = ((h ^ (signed & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return h


def grams(word: str, least: int, most: int) -> list[bytes]:
    marked = f"<{word}>"
    found = []
    for i in range(len(marked)):
        for n in range(1, most + 1):
            piece = marked[i : i + n]
            if len(piece) == n >= least and not (n == 1 and (i == 0 or i + 1 == len(marked))):
                found.append(piece.encode())
    return found


@pytest.mark.parametrize("text", ["a", "word", "été", "日本語", "</s>", ""])
def test_a_hash_is_fnv_of_signed_bytes(text: str) -> None:
    block = np.frombuffer(text.encode() or b"x", np.uint8)
    assert kernels.fnv(block, 0, len(text.encode())) == fnv(text.encode())


@pytest.mark.parametrize("word", ["a", "words", "été", "日本語"])
@pytest.mark.parametrize("sizes", [(3, 6), (1, 2), (2, 2)])
def test_character_ngrams_are_hashed_into_rows(word: str, sizes: tuple[int, int]) -> None:
    out = np.empty(200, np.int32)
    n = kernels.subwords(np.frombuffer(f"<{word}>".encode(), np.uint8), *sizes, 10, 1000, out)
    assert out[:n].tolist() == [10 + fnv(gram) % 1000 for gram in grams(word, *sizes)]


def test_ngrams_never_pass_the_room_there_is() -> None:
    out = np.full(3, -7, np.int32)
    assert kernels.subwords(np.frombuffer(b"<a long word>", np.uint8), 1, 6, 0, 100, out[:2]) == 2
    assert out[2] == -7
