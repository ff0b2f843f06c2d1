"""One message of recordIO-protobuf: maps of named tensors, read and written by the few wire rules of protobuf it needs.

Source: the ``aialgs.data`` messages of the SageMaker SDK (proto2): Record {1 features, 2 label: map of name to Value;
3 uid; 4 metadata; 5 configuration}, Value {2 float32, 3 float64, 7 int32, 9 bytes}, tensor {1 values, 2 keys, 3 shape}.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import DataError

FLOAT32, FLOAT64, INT32, BYTES = 2, 3, 7, 9  # field numbers of Value
NUMBERS: Mapping[int, np.dtype[Any]] = {FLOAT32: np.dtype("<f4"), FLOAT64: np.dtype("<f8")}
Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """Numbers under one name.

    Parameters
    ----------
    values : ndarray
        float32, float64 or int64 (of int32).
    keys : ndarray of int64, optional
        Columns of the values, where the row is sparse.
    shape : tuple of int
    content : tuple of bytes
        What a Bytes value holds; then there are no values.
    start : int
        Where the values lie in the payload, when they lie there as they are; -1 otherwise.
    """

    values: Numbers
    keys: NDArray[np.int64] | None = None
    shape: tuple[int, ...] = ()
    content: tuple[bytes, ...] = ()
    start: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One message: tensors by name, and three texts that may come with them."""

    features: Mapping[str, Tensor]
    label: Mapping[str, Tensor] = field(default_factory=dict)
    uid: str = ""
    metadata: str = ""
    configuration: str = ""


def damaged(why: str) -> DataError:
    """Say that bytes are not what recordIO-protobuf allows."""
    return DataError(
        "The recordIO-protobuf data cannot be read",
        why=why,
        fix="Write it again, for example with sagemaker.amazon.common.write_numpy_to_dense_tensor",
    )


def parse(payload: bytes) -> Record:
    """Read one message. Raises ``DataError``."""
    features: dict[str, Tensor] = {}
    label: dict[str, Tensor] = {}
    texts = {3: "", 4: "", 5: ""}
    for number, kind, start, end in _fields(payload, 0, len(payload)):
        if number in (1, 2) and kind == 2:
            name, tensor = _entry(payload, start, end)
            (features if number == 1 else label)[name] = tensor
        elif number in texts and kind == 2:
            texts[number] = _text(payload, start, end)
    return Record(features, label, texts[3], texts[4], texts[5])


def _fields(buffer: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (number, wire type, start, end) of each field; for a varint the bytes it takes."""
    while at < end:
        key, at = _varint(buffer, at, end)
        kind = key & 7
        if kind == 2:
            size, start = _varint(buffer, at, end)
            stop = start + size
        elif kind == 0:
            start = at
            _, stop = _varint(buffer, at, end)
        elif kind in (1, 5):
            start, stop = at, at + (8 if kind == 1 else 4)
        else:
            raise damaged(f"wire type {kind} is not used by these messages")
        if stop > end:
            raise damaged("a field is longer than its message")
        yield key >> 3, kind, start, stop
        at = stop


def _varint(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = buffer[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise damaged("a number is cut off or longer than ten bytes")


def _text(buffer: bytes, start: int, end: int) -> str:
    try:
        return buffer[start:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise damaged("a text is not UTF-8") from error


def _entry(buffer: bytes, start: int, end: int) -> tuple[str, Tensor]:
    """Read one entry of a map: name and value."""
    name, tensor = "", Tensor(np.zeros(0, np.float32))
    for number, kind, first, last in _fields(buffer, start, end):
        if number == 1 and kind == 2:
            name = _text(buffer, first, last)
        elif number == 2 and kind == 2:
            for which, inner, a, b in _fields(buffer, first, last):
                if inner == 2 and which in (FLOAT32, FLOAT64, INT32, BYTES):
                    tensor = _tensor(buffer, which, a, b)
    return name, tensor


def _tensor(buffer: bytes, which: int, start: int, end: int) -> Tensor:
    values: list[Numbers] = []
    content: list[bytes] = []
    keys: list[NDArray[np.int64]] = []
    shape: list[int] = []
    place = -1
    for number, kind, first, last in _fields(buffer, start, end):
        if number == 1 and which == BYTES:
            content.append(buffer[first:last])
        elif number == 1:
            values.append(_packed(buffer, which, first, last))
            place = first if kind == 2 and which in NUMBERS and len(values) == 1 else -1
        elif number == 2 and which != BYTES:
            keys.append(_varints(buffer, first, last))
        elif number == 3 and which != BYTES:
            shape += _varints(buffer, first, last).tolist()
    empty = np.zeros(0, NUMBERS.get(which, np.dtype(np.int64)))
    joined = values[0] if len(values) == 1 else np.concatenate(values) if values else empty
    columns = None if not keys else keys[0] if len(keys) == 1 else np.concatenate(keys)
    return Tensor(joined, columns, tuple(shape), tuple(content), place)


def _packed(buffer: bytes, which: int, start: int, end: int) -> Numbers:
    """Read numbers that lie one after another; a single one looks the same."""
    if which == INT32:
        return _varints(buffer, start, end).astype(np.int32).astype(np.int64)
    dtype = NUMBERS[which]
    count, rest = divmod(end - start, dtype.itemsize)
    if rest:
        raise damaged("a list of numbers is not a whole number of them")
    return np.frombuffer(buffer, dtype, count, start)


def _varints(buffer: bytes, start: int, end: int) -> NDArray[np.int64]:
    """Read packed varints, all at once: seven bits a byte, the lowest first."""
    raw = np.frombuffer(buffer, np.uint8, end - start, start)
    if not len(raw):
        return np.zeros(0, np.int64)
    last = raw < 0x80
    if last.all():
        return raw.astype(np.int64)
    if not last[-1]:
        raise damaged("a number is cut off")
    stops = np.flatnonzero(last)
    starts = np.concatenate([[0], stops[:-1] + 1])
    if (stops - starts).max() > 9:
        raise damaged("a number is longer than ten bytes")
    place = np.arange(len(raw)) - np.repeat(starts, stops - starts + 1)
    bits = (raw & 0x7F).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.bitwise_or.reduceat(bits, starts).astype(np.int64)


def packed_field(values: Numbers) -> bytes:
    """Write float32 numbers as the values of a tensor."""
    return key(1, 2) + sized(np.asarray(values, dtype="<f4").tobytes())


def map_entry(number: int, name: str, tensor: bytes) -> bytes:
    """Write one entry of the features (1) or the label (2): a name and its float32 tensor."""
    value = key(FLOAT32, 2) + sized(tensor)
    return key(number, 2) + sized(key(1, 2) + sized(name.encode()) + key(2, 2) + sized(value))


def key(number: int, kind: int) -> bytes:
    """Write what comes before a field: its number and wire type."""
    return varint(number << 3 | kind)


def sized(content: bytes) -> bytes:
    """Write bytes after their length."""
    return varint(len(content)) + content


def varint(value: int) -> bytes:
    """Write a varint."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
