"""MXNet's image records, and where a picture's bytes lie, so that they are read when needed.

A record's payload is a header of 24 bytes, little-endian (uint32 flag, float32 label, uint64 id, uint64 second id);
where the flag is above 0 it counts the float32 labels that follow; then the encoded picture. Source: files that
MXNet 1.9.1 wrote. The pipes of an augmented manifest hold plain payloads instead, one attribute after the other.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tarragon.data.pixels import Pixels, is_picture, read_mask, read_picture
from tarragon.data.recordio import MAGIC_BYTES, frames
from tarragon.errors import DataError

HEADER = struct.Struct("<IfQQ")
Labels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture's bytes: a file of their own, part of a record in a file, or in memory.

    Parameters
    ----------
    name : str
        For messages.
    path : Path, optional
        None where ``content`` holds the bytes.
    at : int
        Where the record begins in the file; -1 where the file is the picture.
    skip : int
        Bytes of the payload before the picture.
    content : bytes
    """

    name: str
    path: Path | None = None
    at: int = -1
    skip: int = 0
    content: bytes = b""

    def raw(self) -> bytes:
        """Read them. Raises ``DataError``."""
        if self.path is None:
            return self.content
        try:
            if self.at < 0:
                return self.path.read_bytes()
            with self.path.open("rb") as file:
                file.seek(self.at)
                return next(frames(file), b"")[self.skip :]
        except OSError as error:
            raise DataError(f"{self.name} cannot be read", why=str(error), fix="Check the channel's files") from error

    def picture(self) -> Pixels:
        """Decode it, (h, w, 3). Raises ``DataError`` that names it."""
        return self._named(read_picture)

    def mask(self) -> Pixels:
        """Decode it as a mask, (h, w). Raises ``DataError`` that names it."""
        return self._named(read_mask)

    def _named(self, decode: Callable[[bytes], Pixels]) -> Pixels:
        try:
            return decode(self.raw())
        except DataError as error:
            raise DataError(f"{self.name}: {error.what}", why=error.why, fix=error.fix) from error


def is_records(path: Path) -> bool:
    """Whether a file is made of records: a pipe always is here, a file by its first bytes."""
    if path.is_fifo():
        return True
    with path.open("rb") as file:
        return file.read(4) == MAGIC_BYTES


def payloads(paths: Sequence[Path]) -> Iterator[tuple[bytes, Stored]]:
    """Yield each record's payload, and where it can be read again; what a pipe gives stays in memory.

    Raises
    ------
    DataError
        A file is cut off, or not made of records.
    """
    for path in paths:
        piped = path.is_fifo()
        try:
            with path.open("rb") as file:
                at = 0
                for number, payload in enumerate(frames(file)):
                    name = f"record {number} of {path.name}"
                    if piped:
                        yield payload, Stored(name, content=payload)
                    else:
                        yield payload, Stored(name, path, at)
                        at = file.tell()
        except DataError as error:
            raise DataError(f"{path.name}: {error.what}", why=error.why, fix="Write the file again") from error


def unpacked(payload: bytes, stored: Stored) -> tuple[Labels, Stored]:
    """Split an image record into its labels, (k,) float32, and the picture. Raises ``DataError``."""
    if len(payload) < HEADER.size:
        raise damaged(stored, f"it has {len(payload)} bytes, and its header alone takes {HEADER.size}")
    flag, label, _, _ = HEADER.unpack_from(payload)
    skip = HEADER.size + 4 * flag
    if skip >= len(payload):
        raise damaged(stored, f"it claims {flag} labels and has {len(payload)} bytes")
    labels = np.frombuffer(payload, "<f4", flag, HEADER.size) if flag else np.array([label], np.float32)
    if not is_picture(payload[skip : skip + 8]):
        raise damaged(stored, "what follows its header is no JPEG or PNG")
    if not np.isfinite(labels).all():
        raise damaged(stored, "a label is not a finite number")
    if stored.path is None:
        return labels, Stored(stored.name, content=payload[skip:])
    return labels, Stored(stored.name, stored.path, stored.at, skip)


def packed(labels: Sequence[float], picture: bytes, number: int = 0) -> bytes:
    """Write the payload of an image record; one label stands in the header, several follow it."""
    values = np.asarray(labels, "<f4")
    if len(values) == 1:
        return HEADER.pack(0, float(values[0]), number, 0) + picture
    return HEADER.pack(len(values), 0.0, number, 0) + values.tobytes() + picture


def pairs(found: Iterable[tuple[bytes, Stored]]) -> Iterator[tuple[Stored, bytes, Stored]]:
    """Yield an augmented manifest's examples: the picture, and the second attribute's bytes, also as stored.

    Raises
    ------
    DataError
        A picture has no second attribute, or the first is no picture.
    """
    held: Stored | None = None
    for payload, stored in found:
        if held is None:
            if not is_picture(payload):
                raise damaged(stored, "it is no JPEG or PNG: the manifest's first attribute must be the picture")
            held = stored
        else:
            yield held, payload, stored
            held = None
    if held is not None:
        raise damaged(held, "it is a picture without the attribute that belongs to it")


def peeked(paths: Sequence[Path]) -> tuple[bool, Iterator[tuple[bytes, Stored]]]:
    """Say whether records are plain ones of an augmented manifest, and give all of them; a pipe is read once.

    Raises
    ------
    DataError
        There is no record.
    """
    found = payloads(paths)
    first = next(found, None)
    if first is None:
        raise DataError("The channel has no records", why="Its files are empty", fix="Give at least one record")
    return is_picture(first[0]), chain([first], found)


def framed(payload: bytes) -> bytes:
    """Frame a payload as one record."""
    return MAGIC_BYTES + len(payload).to_bytes(4, "little") + payload + bytes(-len(payload) & 3)


def damaged(stored: Stored, why: str) -> DataError:
    """Say that a record is not what its format allows."""
    return DataError(f"{stored.name} cannot be used", why=why, fix="Write it again, for example with MXNet's im2rec")
