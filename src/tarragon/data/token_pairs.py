"""Pairs of token sequences with their vocabularies, as Seq2Seq's channels hold them.

Records of recordIO-protobuf with int32 tensors ``source`` and ``target``; vocabularies are JSON objects from token to
number, of which the first four are ``<pad>``, ``<unk>``, ``<s>`` and ``</s>``.
"""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from tarragon.data.record import INT32, Record, key, parse, sized, varint
from tarragon.data.recordio import MAGIC_BYTES, frames
from tarragon.errors import DataError

PAD, UNKNOWN, BEGIN, END = range(4)
SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
Tokens = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TokenPairs:
    """Sequences to learn from, or to answer.

    Parameters
    ----------
    source : tuple of ndarray of int64
        Numbers of tokens, without padding, beginning and end.
    target : tuple of ndarray of int64, optional
        As many; None where they are to be found.
    source_words, target_words : mapping of str to int
        The vocabularies; empty where a fitted model knows them.
    """

    source: tuple[Tokens, ...]
    target: tuple[Tokens, ...] | None = None
    source_words: Mapping[str, int] | None = None
    target_words: Mapping[str, int] | None = None

    def __len__(self) -> int:
        return len(self.source)


def read_token_pairs(
    paths: Iterable[Path], source_words: Mapping[str, int], target_words: Mapping[str, int]
) -> TokenPairs:
    """Read records of pairs. Raises ``DataError`` naming the record."""
    source: list[Tokens] = []
    target: list[Tokens] = []
    for path in paths:
        with path.open("rb") as file:
            for n, payload in enumerate(frames(file), 1):
                record = parse(payload)
                for name, kept, words in (("source", source, source_words), ("target", target, target_words)):
                    kept.append(tokens_of(record, name, f"{path.name}, record {n}", len(words)))
    if not source:
        raise DataError("The channel has no records", why="Its files are empty", fix="Give at least one record")
    return TokenPairs(tuple(source), tuple(target), source_words, target_words)


def read_token_records(file: BinaryIO, name: str, size: int) -> list[Tokens]:
    """Read the sequences under one name. Raises ``DataError``."""
    return [tokens_of(parse(payload), name, f"record {n}", size) for n, payload in enumerate(frames(file), 1)]


def tokens_of(record: Record, name: str, where: str, size: int) -> Tokens:
    """Take a sequence out of a record, without padding, beginning and end.

    Parameters
    ----------
    record : Record
    name : str
    where : str
        How to call the record.
    size : int
        Words of the vocabulary.

    Raises
    ------
    DataError
    """
    if name not in record.features:
        raise _bad(f'{where} has no "{name}"', "Write int32 tensors under source and target")
    values = record.features[name].values
    if values.dtype.kind == "f" and (values != np.floor(values)).any():
        raise _bad(f"{where}: {name} holds numbers that are not whole", "Write int32 tensors")
    found: Tokens = values.astype(np.int64)
    if len(found) and (found.min() < 0 or found.max() >= size):
        raise _bad(
            f"{where}: {name} names token {int(found.max() if found.max() >= size else found.min())}"
            f" of a vocabulary of {size}",
            "Number the tokens by the vocabularies of the channel vocab",
        )
    kept: Tokens = found[(found != PAD) & (found != BEGIN) & (found != END)]
    return kept


def read_vocabulary(path: Path) -> dict[str, int]:
    """Read a vocabulary. Raises ``DataError`` unless it numbers its tokens from 0 without gaps, special ones first."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _bad(f"{path.name} is not JSON ({str(error)[:80]})", "Write an object from token to number") from error
    return checked_vocabulary(found, path.name)


def checked_vocabulary(found: object, name: str) -> dict[str, int]:
    """Return a vocabulary if it is one. Raises ``DataError``."""
    numbers = list(found.values()) if isinstance(found, dict) else []
    if not numbers or any(isinstance(n, bool) or not isinstance(n, int) for n in numbers):
        raise _bad(f"{name} is not an object from token to number", 'Write {"<pad>": 0, "<unk>": 1, …}')
    assert isinstance(found, dict)
    if sorted(numbers) != list(range(len(numbers))):
        raise _bad(f"{name} does not number its {len(numbers)} tokens from 0 without gaps", "Number them anew")
    if any(found.get(word) != n for n, word in enumerate(SPECIAL)) or len(numbers) <= len(SPECIAL):
        raise _bad(f"{name} does not begin with {', '.join(SPECIAL)}", "Give these the numbers 0 to 3, then the words")
    return {str(word): int(n) for word, n in found.items()}


def write_token_records(columns: Mapping[str, Iterable[Tokens]]) -> bytes:
    """Write sequences as records of int32 tensors under the names of the columns."""
    names, made = list(columns), []
    for row in zip(*columns.values(), strict=True):
        file = io.BytesIO()
        for name, tokens in zip(names, row, strict=True):
            packed = b"".join(varint(int(t)) for t in tokens)
            value = key(INT32, 2) + sized(key(1, 2) + sized(packed))
            file.write(key(1, 2) + sized(key(1, 2) + sized(name.encode()) + key(2, 2) + sized(value)))
        payload = file.getvalue()
        made.append(MAGIC_BYTES + len(payload).to_bytes(4, "little") + payload + bytes(-len(payload) & 3))
    return b"".join(made)


def _bad(why: str, fix: str) -> DataError:
    return DataError("The token sequences cannot be read", why=why, fix=fix)
