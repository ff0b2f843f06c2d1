"""Words in the order of their numbers, and vectors others have trained for them, as text files hold them.

A vocabulary has one word a line, UTF-8; the first line is word 0. Vectors have a word and its numbers a line, as GloVe
and word2vec write them; a first line of two numbers (how many words, how long) is passed over.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import DataError

LONGEST = 10_000  # numbers of a vector: beyond it a file holds no vectors


def read_word_list(path: Path) -> tuple[str, ...]:
    """Read words in order of their numbers. Raises ``DataError``."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unread(path, f"byte {error.start} is no UTF-8", "Write one word a line, in UTF-8") from error
    words = tuple(line.strip() for line in text.splitlines())
    while words and not words[-1]:
        words = words[:-1]
    if not words or not all(words):
        raise _unread(path, "a line is empty" if words else "it has no words", "Write one word a line")
    return words


def read_vectors(path: Path, words: Collection[str]) -> Mapping[str, NDArray[np.float32]]:
    """Read the vectors of some words; those the file does not have are left out.

    Memory is the vectors wanted, however large the file.

    Raises
    ------
    DataError
        Lines have different lengths, or hold something else than numbers.
    """
    wanted, found, width = frozenset(words), {}, 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file):
            cells = line.rstrip().split(" ")
            if len(cells) < 2 or (number == 0 and len(cells) == 2 and cells[0].isdecimal() and cells[1].isdecimal()):
                continue
            width = width or len(cells) - 1
            if len(cells) - 1 != width or width > LONGEST:
                raise _unread(path, f"line {number + 1} has {len(cells) - 1} numbers, not {width}", "Write it again")
            if cells[0] in wanted:
                try:
                    found[cells[0]] = np.array(cells[1:], dtype=np.float32)
                except ValueError as error:
                    raise _unread(path, f"line {number + 1}: {error}", "Write a word and its numbers a line") from error
                if not np.isfinite(found[cells[0]]).all():
                    raise _unread(path, f"line {number + 1} holds a number that is not finite", "Leave that word out")
    return found


def _unread(path: Path, why: str, fix: str) -> DataError:
    return DataError(f"{path.name} cannot be read", why=why, fix=fix)
