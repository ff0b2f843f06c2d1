"""FAISS index files: every length held against the bytes that are there, before the library sees them.

Known are the three that K-NN writes: flat (IxF2, IxFI), inverted lists of vectors (IwFl), and of product-quantised
codes (IwPQ). All numbers are little-endian.

header      int32 dimensions, int64 vectors, two int64 without meaning, byte trained, int32 metric (0 inner product,
            1 squared L2)
flat        header, uint64 count, float32 each
lists       header, uint64 lists, uint64 probes, the flat index of their centres, byte 0 and uint64 0 (no map from
            ids), then for codes byte by_residual, uint64 code size, uint64 dimensions, uint64 parts, uint64 bits,
            uint64 count, float32 each; then "ilar", uint64 lists, uint64 code size, "full", uint64 lists, uint64 sizes
            of the lists (or "sprs", uint64 count, pairs of a list and its size), then each list's codes and int64 ids

Source: files that faiss 1.15 wrote, and what its reader takes.
"""

import struct
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import IntegrityError

Kind = Literal["faiss.Flat", "faiss.IVFFlat", "faiss.IVFPQ"]
MOST_DIMENSIONS, MOST_LISTS, MOST_BITS = 1 << 20, 1 << 24, 8
FLAT = {b"IxF2": 1, b"IxFI": 0}
LISTS: dict[bytes, Kind] = {b"IwFl": "faiss.IVFFlat", b"IwPQ": "faiss.IVFPQ"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What an index is: its kind, dimensions, vectors, whether near means a large inner product, and its lists."""

    kind: Kind
    d: int
    n: int
    inner: bool
    lists: int = 0
    probes: int = 0
    parts: int = 0


def inspected(content: bytes) -> Shape:
    """Walk through a file from end to end. Raises ``IntegrityError`` where it is not whole and sound."""
    walk = _Walk(content)
    name = walk.take(4)
    if name in FLAT:
        d, n = walk.flat(FLAT[name])
        shape = Shape("faiss.Flat", d, n, name == b"IxFI")
    elif name in LISTS:
        shape = _lists(walk, LISTS[name])
    else:
        raise damaged(f"it begins with {name!r}, which is no index known here")
    if walk.at != len(content):
        raise damaged("bytes are left over at its end")
    return shape


def restored(content: bytes) -> tuple[Any, Shape]:
    """Return FAISS's index and its shape. Raises ``IntegrityError``."""
    import faiss

    shape = inspected(content)
    try:
        index = faiss.deserialize_index(np.frombuffer(content, np.uint8))
    except RuntimeError as error:
        raise damaged(str(error).splitlines()[0][:200]) from error
    return index, shape


def damaged(why: str) -> IntegrityError:
    """Say that an index cannot be used."""
    return IntegrityError("The FAISS index cannot be read", why=why, fix="Train or save the model again")


def _lists(walk: "_Walk", kind: Kind) -> Shape:
    d, n, metric = walk.header()
    lists, probes = walk.numbers("QQ")
    centres = walk.take(4)
    if not 1 <= lists <= MOST_LISTS or FLAT.get(centres) != metric or walk.flat(metric) != (d, lists):
        raise damaged("the centres of its lists do not fit")
    if walk.numbers("BQ") != (0, 0):
        raise damaged("it maps ids directly")
    parts, size = 0, 4 * d
    if kind == "faiss.IVFPQ":
        parts, size = _codes(walk, d)
    sizes = _sizes(walk, lists, size)
    if sum(sizes) != n:
        raise damaged(f"its lists hold {sum(sizes)} vectors, and it claims {n}")
    for count in sizes:
        codes = walk.take(count * size)
        if kind == "faiss.IVFFlat":
            _finite(np.frombuffer(codes, "<f4"))
        ids = np.frombuffer(walk.take(count * 8), "<i8")
        if count and (ids.min() < 0 or ids.max() >= n):
            raise damaged("a vector has a number that is not there")
    return Shape(kind, d, n, metric == 0, lists, max(1, min(probes, lists)), parts)


def _codes(walk: "_Walk", d: int) -> tuple[int, int]:
    """Read the product quantiser: parts and bytes of a code."""
    _, size, own, parts, bits = walk.numbers("BQQQQ")
    if own != d or not 1 <= parts <= d or d % parts or not 1 <= bits <= MOST_BITS or size != (parts * bits + 7) // 8:
        raise damaged("its product quantiser does not fit")
    if len(walk.floats()) != d << bits:
        raise damaged("its product quantiser is not complete")
    return parts, size


def _sizes(walk: "_Walk", lists: int, size: int) -> list[int]:
    if walk.take(4) != b"ilar" or walk.numbers("QQ") != (lists, size):
        raise damaged("its lists are of another kind")
    form, count = walk.take(4), walk.numbers("Q")[0]
    if form == b"full" and count == lists:
        return [int(x) for x in np.frombuffer(walk.take(8 * count), "<u8")]
    if form == b"sprs" and count % 2 == 0 and count <= 2 * lists:
        pairs = np.frombuffer(walk.take(8 * count), "<u8").reshape(-1, 2)
        if len(pairs) and (pairs[:, 0].max() >= lists or (np.diff(pairs[:, 0].astype(np.int64)) <= 0).any()):
            raise damaged("a list is named that is not there")
        return [int(x) for x in pairs[:, 1]]
    raise damaged("its lists' sizes cannot be read")


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    if not np.isfinite(values).all():
        raise damaged("a number is not finite")
    return values


class _Walk:
    """Goes through bytes from the beginning to the end."""

    def __init__(self, content: bytes) -> None:
        self._content, self.at = memoryview(content), 0

    def take(self, size: int) -> bytes:
        if size < 0 or size > len(self._content) - self.at:
            raise damaged("it ends too early")
        self.at += size
        return bytes(self._content[self.at - size : self.at])

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def floats(self) -> NDArray[Any]:
        return _finite(np.frombuffer(self.take(4 * self.numbers("Q")[0]), "<f4"))

    def header(self) -> tuple[int, int, int]:
        """Dimensions, vectors, metric."""
        d, n, _, _, trained, metric = self.numbers("iqqqBi")
        if not 1 <= d <= MOST_DIMENSIONS or n < 0 or trained != 1 or metric not in (0, 1):
            raise damaged(f"it claims {n} vectors of {d} dimensions, trained {trained}, metric {metric}")
        return d, n, metric

    def flat(self, metric: int) -> tuple[int, int]:
        """Dimensions and vectors of a flat index whose name has been read."""
        d, n, own = self.header()
        if own != metric or len(self.floats()) != n * d:
            raise damaged("its vectors do not fit its header")
        return d, n
