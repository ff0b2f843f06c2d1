"""MXNet's NDArray-list files: the arrays in which SageMaker's first-party algorithms keep their models.

A file is little-endian: uint64 0x112, uint64 0, uint64 count; per array uint32 0xF993FAC9, int32 storage type, uint32
dimensions, int64 each, int32 device type, int32 device, int32 type flag, the numbers; then uint64 count of names, and
per name uint64 length and its bytes. Without names it is a list. Source: files that MXNet 1.9.1 wrote.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import IntegrityError

LIST, ARRAY = 0x112, 0xF993FAC9
FLAGS: Mapping[int, str] = {0: "<f4", 1: "<f8", 2: "<f2", 3: "|u1", 4: "<i4", 5: "|i1", 6: "<i8"}
BY_TYPE = {np.dtype(code): flag for flag, code in FLAGS.items()}
MOST_DIMENSIONS = 32
Arrays = NDArray[Any]


def write_ndarrays(arrays: "Mapping[str, Arrays] | Sequence[Arrays]") -> bytes:
    """Write named arrays, or a list of them without names.

    Raises
    ------
    TypeError
        An array is of a type that the format does not know.

    Examples
    --------
    >>> read_ndarrays(write_ndarrays({"mean": np.ones(2, np.float32)}))["mean"].tolist()
    [1.0, 1.0]
    """
    named = dict(arrays) if isinstance(arrays, Mapping) else {}
    values = list(named.values()) if isinstance(arrays, Mapping) else list(arrays)
    parts = [struct.pack("<QQQ", LIST, 0, len(values))]
    for value in values:
        plain = np.ascontiguousarray(value)
        flag = BY_TYPE.get(plain.dtype)
        if flag is None:
            raise TypeError(f"an array of {plain.dtype} cannot be written")
        parts.append(struct.pack(f"<IiI{plain.ndim}q", ARRAY, 0, plain.ndim, *plain.shape))
        parts += [struct.pack("<iii", 1, 0, flag), plain.tobytes()]
    parts.append(struct.pack("<Q", len(named)))
    for name in named:
        raw = name.encode()
        parts += [struct.pack("<Q", len(raw)), raw]
    return b"".join(parts)


def read_ndarrays(content: bytes) -> "dict[str, Arrays]":
    """Read a file's arrays by name; a list's are named "0", "1" ….

    Every length in the file is held against the bytes that are there before it is used.

    Raises
    ------
    IntegrityError
    """
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        if size < 0 or size > len(content) - at:
            raise _damaged("it ends too early")
        at += size
        return content[at - size : at]

    def numbers(form: str) -> tuple[Any, ...]:
        return struct.unpack("<" + form, take(struct.calcsize("<" + form)))

    magic, _, count = numbers("QQQ")
    if magic != LIST:
        raise _damaged("it does not begin with 0x112")
    arrays: list[Arrays] = []
    while len(arrays) < count:
        kind, storage, dimensions = numbers("IiI")
        if kind != ARRAY or storage != 0 or dimensions > MOST_DIMENSIONS:
            raise _damaged("an array is not dense, or is of another version")
        shape = numbers(f"{dimensions}q")
        _, _, flag = numbers("iii")
        if flag not in FLAGS or any(side < 0 for side in shape):
            raise _damaged(f"an array has type {flag} and shape {shape}")
        dtype = np.dtype(FLAGS[flag])
        raw = take(math.prod(shape) * dtype.itemsize)
        arrays.append(np.frombuffer(raw, dtype).reshape(shape))
    named = [take(numbers("Q")[0]).decode("utf-8", "replace") for _ in range(min(numbers("Q")[0], count))]
    if named and len(named) != len(arrays):
        raise _damaged("not every array has a name")
    return dict(zip(named or map(str, range(len(arrays))), arrays, strict=True))


def _damaged(why: str) -> IntegrityError:
    return IntegrityError("The file of arrays cannot be read", why=why, fix="Train or save the model again")
