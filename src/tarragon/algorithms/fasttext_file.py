"""fastText's binary model files, version 12: written for its users, and read so that their models can be served.

A file is little-endian: int32 793712314, int32 12; int32 dimensions, window, epochs, min_count, negatives, word
n-grams, loss, model, buckets, shortest and longest character n-gram, update rate, float64 sampling threshold; the
dictionary: int32 size, words, labels, int64 tokens, pruned (-1), per entry its bytes and a zero, int64 count, int8 type
(0 a word, 1 a label); then twice a byte (0: plain) and a matrix: int64 rows, columns, float32 numbers.

Source: the files that fastText 0.9.2 writes (Joulin et al. 2017; Bojanowski et al. 2017).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.vocabulary import Vocabulary
from tarragon.errors import IntegrityError

MAGIC, VERSION = 793712314, 12
ARGUMENTS = (
    "dim", "ws", "epoch", "min_count", "neg", "word_ngrams", "loss", "model", "bucket", "minn", "maxn", "update_rate",
)  # fmt: skip
MODELS = {"cbow": 1, "skipgram": 2, "supervised": 3}
HIERARCHICAL, NEGATIVES, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4  # losses
MAPPED = 64 << 20  # bytes from which a matrix stays in its file, shared by all processes that read it
Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A model as its file holds it.

    Parameters
    ----------
    arguments : mapping of str to int
        By the names in ``ARGUMENTS``.
    threshold : float
    vocabulary : Vocabulary
    inputs : ndarray of shape (words + buckets, d), float32
    outputs : ndarray of shape (words or labels, d), float32
    """

    arguments: Mapping[str, int]
    threshold: float
    vocabulary: Vocabulary
    inputs: Matrix
    outputs: Matrix


def write(path: Path, stored: Stored) -> None:
    """Write a file."""
    words = stored.vocabulary
    with path.open("wb") as file:
        file.write(struct.pack("<ii", MAGIC, VERSION))
        file.write(struct.pack("<12id", *(stored.arguments[name] for name in ARGUMENTS), stored.threshold))
        n = len(words.words)
        file.write(struct.pack("<iiiqq", n, words.n_words, n - words.n_words, words.tokens, -1))
        entries = zip(words.words, words.counts.tolist(), strict=True)
        file.write(
            b"".join(
                word + b"\0" + struct.pack("<qb", count, i >= words.n_words) for i, (word, count) in enumerate(entries)
            )
        )
        for matrix in (stored.inputs, stored.outputs):
            file.write(struct.pack("<bqq", 0, *matrix.shape))
            np.ascontiguousarray(matrix, "<f4").tofile(file)


def read(path: Path) -> Stored:
    """Read a file; what it says of sizes is held against what is there before it is used.

    Raises
    ------
    IntegrityError
        It is no such file, ends too early, is quantised, or answers with hierarchical softmax.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _read(file, path, size)
    except (OSError, struct.error, ValueError, OverflowError) as error:
        raise _damaged(path, str(error)) from error


def _read(file: BinaryIO, path: Path, size: int) -> Stored:
    magic, version = _take(file, "<ii")
    if magic != MAGIC or version not in (11, VERSION):
        raise _damaged(path, "it does not begin as fastText's files of version 11 and 12 do")
    *numbers, threshold = _take(file, "<12id")
    arguments = dict(zip(ARGUMENTS, numbers, strict=True))
    if version == 11 and arguments["model"] == MODELS["supervised"]:
        arguments["maxn"] = 0  # files of that version say otherwise, and mean this
    if not 1 <= arguments["dim"] <= 100_000 or arguments["model"] not in MODELS.values():
        raise _damaged(path, f"it holds model {arguments['model']} of {arguments['dim']} dimensions")
    if not (0 <= arguments["minn"] <= 1_000 and 0 <= arguments["maxn"] <= 1_000 and arguments["word_ngrams"] <= 1_000):
        raise _damaged(path, "its n-grams are out of range")
    if arguments["loss"] == HIERARCHICAL and arguments["model"] == MODELS["supervised"]:
        raise IntegrityError(
            f"{path.name} cannot be served", why="It answers with hierarchical softmax", fix="Train with softmax"
        )
    vocabulary = _dictionary(file, path, size)
    inputs, outputs = (_matrix(file, path, size, arguments["dim"]) for _ in range(2))
    supervised = arguments["model"] == MODELS["supervised"]
    expected = len(vocabulary.labels) if supervised else vocabulary.n_words
    if not vocabulary.n_words <= len(inputs) <= vocabulary.n_words + max(arguments["bucket"], 0):
        raise _damaged(path, f"{len(inputs)} rows are too few or too many for {vocabulary.n_words} words")
    if len(outputs) != expected:
        raise _damaged(path, f"it has {len(outputs)} outputs and needs {expected}")
    if arguments["word_ngrams"] > 1 or arguments["maxn"] > 0:
        arguments["bucket"] = len(inputs) - vocabulary.n_words
    return Stored(arguments, threshold, vocabulary, inputs, outputs)


def _dictionary(file: BinaryIO, path: Path, size: int) -> Vocabulary:
    n, n_words, n_labels, tokens, pruned = _take(file, "<iiiqq")
    if pruned >= 0 or n_words < 0 or n_labels < 0 or n != n_words + n_labels or 10 * n > size:
        raise _damaged(path, "its dictionary is pruned, or its sizes do not fit")
    words: list[bytes] = []
    counts: list[int] = []
    rest = b""
    at = 0
    for i in range(n):
        while (end := rest.find(b"\0", at)) < 0 or end + 10 > len(rest):
            more = file.read(1 << 16)
            if not more:
                raise _damaged(path, "it ends within the dictionary")
            rest, at = rest[at:] + more, 0
        words.append(rest[at:end])
        count, kind = struct.unpack_from("<qb", rest, end + 1)
        if kind != (i >= n_words):
            raise _damaged(path, "words and labels are out of order")
        counts.append(count)
        at = end + 10
    file.seek(at - len(rest), 1)
    if len(set(words)) != n:
        raise _damaged(path, "a word is there twice")
    return Vocabulary(tuple(words), np.array(counts, np.int64), n_words, tokens)


def _matrix(file: BinaryIO, path: Path, size: int, dim: int) -> Matrix:
    kind, rows, columns = _take(file, "<bqq")
    at = file.tell()
    if kind:
        raise IntegrityError(f"{path.name} cannot be read", why="Its numbers are quantised", fix="Give the .bin file")
    if columns != dim or rows < 0 or rows * columns * 4 > size - at:
        raise _damaged(path, f"a matrix of {rows} × {columns} does not fit in it")
    file.seek(rows * columns * 4, 1)
    if rows * columns * 4 >= MAPPED:
        return np.memmap(path, "<f4", "r", at, (rows, columns))
    found = np.fromfile(path, "<f4", rows * columns, offset=at)
    return found.reshape(rows, columns)


def _take(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _damaged(path: Path, why: str) -> IntegrityError:
    return IntegrityError(f"{path.name} cannot be read", why=why, fix="Train or save the model again")
