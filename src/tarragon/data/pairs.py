"""Pairs of an entity and the IPv4 address it used, from CSV, JSON and JSON Lines.

An entity may be any text: a user, an account, an advertiser. Two numbers stand for a pair: a hash of the entity's text,
the same on every machine and in every process, and the address as 32 bits.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.data.channel import files
from tarragon.data.wire import media
from tarragon.errors import DataError

OCTET = r"(0|[1-9]\d{0,2})"  # a leading nought is octal to some readers: refused
DOTTED = rf"^{OCTET}\.{OCTET}\.{OCTET}\.{OCTET}$"
SHOWN = 60  # letters of a wrong cell
KINDS = ("csv", "json", "jsonlines")
FIX = "Give an IPv4 address in dotted form, such as 192.0.2.1"


@dataclass(frozen=True, slots=True, eq=False)
class AddressPairs:
    """Pairs, one a row.

    Parameters
    ----------
    entity : ndarray of shape (n,), uint64
        Hash of each entity's text: the first eight bytes, little-endian, of its BLAKE2b digest of that size.
    address : ndarray of shape (n,), uint32
        The first octet is the highest byte.

    Examples
    --------
    >>> pairs = AddressPairs.of([("ann", "192.0.2.1"), ("bob", "10.0.0.7"), ("ann", "10.0.0.7")])
    >>> [hex(address) for address in pairs.address]
    ['0xc0000201', '0xa000007', '0xa000007']
    >>> bool(pairs.entity[0] == pairs.entity[2])
    True
    """

    entity: NDArray[np.uint64]
    address: NDArray[np.uint32]

    @property
    def n_rows(self) -> int:
        """How many there are."""
        return len(self.entity)

    @classmethod
    def of(cls, rows: Sequence[Sequence[str]]) -> "AddressPairs":
        """Make them of texts. Raises ``DataError`` naming the first row that is no pair."""
        for number, row in enumerate(rows, 1):
            if isinstance(row, str) or len(row) != 2 or not all(isinstance(cell, str) for cell in row):
                raise _refused(number, f"it holds {str(list(row))[:SHOWN]}", 'Give two texts: ["entity", "192.0.2.1"]')
        frame = pl.DataFrame({"entity": [r[0] for r in rows], "address": [r[1] for r in rows]}, SCHEMA)
        return _pairs(frame)


SCHEMA = pl.Schema({"entity": pl.String(), "address": pl.String()})


def read_pairs(content: bytes, content_type: str = "text/csv") -> AddressPairs:
    """Decode a file's or a request's pairs.

    Parameters
    ----------
    content : bytes
        CSV without a header: the entity, then the address. JSON: ``{"instances": [{"features": ["ann",
        "192.0.2.1"]}]}``, or ``{"data": {"features": {"values": […]}}}`` in place of each; JSON Lines: one a line.
    content_type : str

    Raises
    ------
    DataError
        The content type is another, the bytes are not what it says, or a row is no pair; the row is named.
    """
    kind = media(content_type).kind
    if kind not in KINDS:
        raise DataError(
            f"The content type {content_type[:SHOWN]!r} holds no pairs", why="Pairs are texts", fix="Use text/csv"
        )
    if not content.strip():
        raise DataError("There are no rows", why="The body or file is empty", fix="Give at least one pair")
    if kind == "csv":
        return _pairs(_csv(content))
    return AddressPairs.of(_instances(content, lines=kind == "jsonlines"))


def read_pair_files(folders: Sequence[Path], content_type: str = "") -> AddressPairs:
    """Read every file of a channel, in the order of their names. Raises ``DataError`` naming file and row."""
    parts = []
    for path in files(folders):
        try:
            if (content := path.read_bytes()).strip():
                parts.append(read_pairs(content, content_type or "text/csv"))
        except DataError as error:
            raise DataError(f"{path.name}: {error.what}", why=error.why, fix=error.fix) from error
    if not parts:
        raise DataError("The channel has no rows", why="All its files are empty", fix="Give at least one pair")
    return AddressPairs(np.concatenate([p.entity for p in parts]), np.concatenate([p.address for p in parts]))


def entity_hash(text: str) -> int:
    """Hash an entity's text to 64 bits.

    Examples
    --------
    >>> entity_hash("ann") == entity_hash("ann") != entity_hash("bob")
    True
    """
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _csv(content: bytes) -> pl.DataFrame:
    try:
        return pl.read_csv(
            io.BytesIO(content), has_header=False, schema=SCHEMA, truncate_ragged_lines=False, raise_if_empty=False
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        raise DataError(
            "The CSV data cannot be read as pairs",
            why=str(error).splitlines()[0][:200],
            fix="Give two columns in every row, the entity and then its address, without a header",
        ) from error


def _instances(content: bytes, *, lines: bool) -> list[Any]:
    try:
        if lines:
            found: Any = [json.loads(line) for line in content.splitlines() if line.strip()]
        else:
            found = json.loads(content)
            found = found.get("instances") if isinstance(found, dict) else found
    except (ValueError, RecursionError) as error:
        raise _unread(str(error)) from error
    if not isinstance(found, list) or not found:
        raise _unread('there is no list "instances" of at least one pair')
    return [_features(row) for row in found]


def _features(row: Any) -> list[Any]:
    while isinstance(row, dict):
        row = next((row[name] for name in ("features", "data", "values") if name in row), None)
    return row if isinstance(row, list) else [row]


def _unread(why: str) -> DataError:
    fix = 'Send {"instances": [{"features": ["entity", "192.0.2.1"]}]}'
    return DataError("The JSON data cannot be read", why=why, fix=fix)


def _pairs(frame: pl.DataFrame) -> AddressPairs:
    """Hash the entities, once each, and put the octets together. Raises ``DataError`` naming the first wrong row."""
    frame = frame.with_columns(pl.col("address").str.strip_chars(), pl.col("entity").str.strip_chars())
    empty = frame["entity"].is_null() | (frame["entity"] == "")
    if empty.any():
        raise _refused(int(empty.arg_max() or 0) + 1, "it names no entity", "Give the entity, then its address")
    octets = frame["address"].str.extract_groups(DOTTED).struct.unnest().cast(pl.UInt32, strict=False).to_numpy()
    wrong = ~(np.nan_to_num(octets.astype(np.float64), nan=256.0) < 256).all(axis=1)
    if wrong.any():
        first = int(wrong.argmax())
        cell = frame["address"][first]
        if cell is None or cell == "":
            raise _refused(first + 1, "it has no address", FIX)
        kind = "is an IPv6 address" if ":" in cell else "is no IPv4 address"
        raise _refused(first + 1, f"{cell[:SHOWN]!r} {kind}", FIX)
    address = (octets.astype(np.uint32) << np.array([24, 16, 8, 0], np.uint32)).sum(axis=1, dtype=np.uint32)
    names = frame["entity"].unique(maintain_order=True)
    hashes = np.array([entity_hash(text) for text in names.to_list()], np.uint64)
    where = frame["entity"].replace_strict(names, pl.Series(np.arange(len(names))), return_dtype=pl.Int64)
    return AddressPairs(hashes[where.to_numpy()], address)


def _refused(row: int, why: str, fix: str) -> DataError:
    return DataError(f"Row {row} is no pair of an entity and an address", why=why, fix=fix)
