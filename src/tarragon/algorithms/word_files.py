"""Word vectors as text, in word2vec's form: a line "words dimensions", then a word and its numbers a line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import IntegrityError

ROWS = 4_096  # written at a time


def write(path: Path, words: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Write words, (n,), and their vectors, (n, d)."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n")
        for start in range(0, len(words), ROWS):
            rows = zip(words[start : start + ROWS], vectors[start : start + ROWS].tolist(), strict=True)
            file.writelines(f"{word} {' '.join([f'{value:.5g}' for value in row])}\n" for word, row in rows)


def read(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Read words and vectors. Raises ``IntegrityError``."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            n, d = (int(cell) for cell in file.readline().split())
            if not (0 < n <= path.stat().st_size and 0 < d <= path.stat().st_size):
                raise ValueError(f"{n} words of {d} dimensions do not fit in it")
            words, parts = [], []
            for line in file:
                word, *cells = line.rstrip().rsplit(" ", d)
                words.append(word)
                parts.append(np.array(cells, np.float32))
            vectors = np.stack(parts)
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if vectors.shape != (n, d) or not np.isfinite(vectors).all() or len(set(words)) != n:
        raise _damaged(path, f"it should hold {n} different words of {d} finite numbers")
    return words, vectors


def _damaged(path: Path, why: str) -> IntegrityError:
    return IntegrityError(f"{path.name} cannot be read", why=why[:200], fix="Train or save the vectors again")
