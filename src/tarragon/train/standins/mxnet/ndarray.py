"""Arrays in MXNet's files: ``load`` gives a list, or a dictionary where they have names."""

from __future__ import annotations  # clients bring Pythons of their own, from 3.9 on

import math
import struct
from typing import Any

import numpy as np

LIST, ARRAY = 0x112, 0xF993FAC9
TYPES = {0: "<f4", 1: "<f8", 2: "<f2", 3: "|u1", 4: "<i4", 5: "|i1", 6: "<i8"}
MOST_DIMENSIONS = 32


class NDArray:
    """Numbers, as far as looking at them goes."""

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self._values = values

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sides."""
        sides: tuple[int, ...] = self._values.shape
        return sides

    @property
    def dtype(self) -> type:
        """Its numbers' type."""
        kind: type = self._values.dtype.type
        return kind

    @property
    def T(self) -> NDArray:
        """The array with its sides swapped."""
        return NDArray(self._values.T)

    def asnumpy(self) -> np.ndarray[Any, Any]:
        """Return a copy as NumPy has it."""
        return self._values.copy()

    def asscalar(self) -> Any:
        """Return the only number."""
        return self._values.item()

    def __getitem__(self, key: Any) -> NDArray:
        return NDArray(np.asarray(self._values[key]))

    def __len__(self) -> int:
        return len(self._values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return self._values.astype(dtype) if dtype is not None else self._values.copy()

    def __repr__(self) -> str:
        return f"{self._values}\n<NDArray {'x'.join(map(str, self.shape))} @cpu(0)>"


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def take(self, size: int) -> bytes:
        if not 0 <= size <= len(self._content) - self._at:
            raise ValueError("Invalid NDArray file format: it ends too early")
        self._at += size
        return self._content[self._at - size : self._at]

    def numbers(self, form: str) -> tuple[Any, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def array(self) -> NDArray:
        kind, storage, dimensions = self.numbers("IiI")
        if kind != ARRAY or storage != 0 or dimensions > MOST_DIMENSIONS:
            raise ValueError("Invalid NDArray file format: only dense arrays of version 2 are read")
        shape = self.numbers(f"{dimensions}q")
        flag = self.numbers("iii")[2]
        if flag not in TYPES or min(shape, default=0) < 0:
            raise ValueError("Invalid NDArray file format")
        dtype = np.dtype(TYPES[flag])
        return NDArray(np.frombuffer(self.take(math.prod(shape) * dtype.itemsize), dtype).reshape(shape))


def load_frombuffer(buf: bytes) -> list[NDArray] | dict[str, NDArray]:
    """Read what ``save`` of MXNet wrote."""
    reader = _Reader(bytes(buf))
    magic, _, count = reader.numbers("QQQ")
    if magic != LIST:
        raise ValueError("Invalid NDArray file format")
    arrays: list[NDArray] = []
    while len(arrays) < count:
        arrays.append(reader.array())
    names = []
    for _ in range(min(reader.numbers("Q")[0], count)):
        names.append(reader.take(reader.numbers("Q")[0]).decode("utf-8"))
    return {name: array for name, array in zip(names, arrays)} if names else arrays  # noqa: B905 - as Python 3.9 has it


def load(fname: str) -> list[NDArray] | dict[str, NDArray]:
    """Read a file of arrays."""
    with open(fname, "rb") as file:
        return load_frombuffer(file.read())
