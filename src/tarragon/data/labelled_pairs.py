"""Pairs of token sequences with labels: JSON Lines of ``{"label": y, "in0": [ids], "in1": [ids]}``.

A training channel has both sequences and a label in every line; a request may leave one sequence out.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import DataError

MOST = 2**31 - 1  # largest token number that can be held
SIDES = ("in0", "in1")


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Sequences of token numbers, one behind the other.

    Parameters
    ----------
    flat : ndarray of shape (total,), int64
    starts : ndarray of shape (n + 1,), int64
        Where each begins; the last is the total.
    """

    flat: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> "Tokens":
        """Put sequences together."""
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        flat = np.fromiter((token for one in sequences for token in one), np.int64, int(lengths.sum()))
        return cls(flat, np.concatenate([[0], np.cumsum(lengths)]))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each, (n,)."""
        return np.diff(self.starts)

    def take(self, index: NDArray[np.int64]) -> "Tokens":
        """Return some of them."""
        lengths = self.lengths[index]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        where = np.arange(int(starts[-1])) + np.repeat(self.starts[index] - starts[:-1], lengths)
        return Tokens(self.flat[where], starts)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPairs:
    """Pairs, or one side of them.

    Parameters
    ----------
    in0, in1 : Tokens, optional
        Equally many; one may be missing where embeddings are asked for.
    y : ndarray of shape (n,), float64, optional
    """

    in0: Tokens | None
    in1: Tokens | None = None
    y: NDArray[np.float64] | None = None

    @property
    def n_rows(self) -> int:
        """How many there are."""
        return len(self.in0 if self.in0 is not None else self.in1 or ())


def read_pair_lines(paths: Iterable[Path]) -> LabelledPairs:
    """Read the files of a training channel. Raises ``DataError`` naming the file and the line that is wrong."""
    rows: list[dict[str, Any]] = []
    for path in paths:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    where = f"{path.name}, line {number}"
                    rows.append(_row(_object(line, where), where, whole=True))
    return _together(rows)


def read_pair_request(body: bytes, *, lines: bool) -> LabelledPairs:
    """Read a request: JSON Lines, or ``{"instances": [...]}``. Raises ``DataError``."""
    if lines:
        found: Any = [_object(line, f"line {n}") for n, line in enumerate(body.splitlines(), 1) if line.strip()]
    else:
        found = _object(body, "the request").get("instances")
    if not isinstance(found, list) or not found:
        raise _wrong("the request", 'there is no list "instances" of at least one')
    return _together([_row(each, f"instance {i}", whole=False) for i, each in enumerate(found)])


def _object(text: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(where, str(error)[:200]) from error
    if not isinstance(found, dict):
        raise _wrong(where, "it is not an object")
    return found


def _row(found: Any, where: str, *, whole: bool) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _wrong(where, "it is not an object")
    row: dict[str, Any] = {side: _tokens(found[side], f"{where}, {side}") for side in SIDES if side in found}
    if whole and len(row) < 2:
        raise _wrong(where, "in0 or in1 is missing")
    if not row:
        raise _wrong(where, "there is neither in0 nor in1")
    label: Any = found.get("label")
    if whole or label is not None:
        number = isinstance(label, int | float) and not isinstance(label, bool)
        if not number or not math.isfinite(label):
            raise _wrong(where, f"the label {label!r} is not a number")
        row["label"] = float(label)
    return row


def _tokens(found: Any, where: str) -> list[int]:
    if not isinstance(found, list) or not found:
        raise _wrong(where, "it is not a list of at least one token number")
    for token in found:
        if type(token) is not int or not 0 <= token <= MOST:
            raise _wrong(where, f"{str(token)[:40]} is not a token number")
    return found


def _together(rows: list[dict[str, Any]]) -> LabelledPairs:
    if not rows:
        raise DataError("There are no pairs", why="The data are empty", fix="Give at least one line")
    sides = set(rows[0]) - {"label"}
    if any(set(row) - {"label"} != sides for row in rows):
        raise _wrong("the request", "some have both in0 and in1, and some only one")
    made = {side: Tokens.of([row[side] for row in rows]) for side in sorted(sides)}
    labelled = all("label" in row for row in rows)
    return LabelledPairs(
        made.get("in0"), made.get("in1"), np.array([row["label"] for row in rows]) if labelled else None
    )


def _wrong(where: str, why: str) -> DataError:
    return DataError(
        "The pairs cannot be read", why=f"{where}: {why}", fix='Write {"label": 1, "in0": [6, 17], "in1": [16, 21, 13]}'
    )
