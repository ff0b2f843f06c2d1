"""recordIO-protobuf: rows of numbers as SageMaker's algorithms read and answer them (application/x-recordio-protobuf).

A record is framed as magic, length word, payload, zeros up to a multiple of four bytes, all little-endian (MXNet
RecordIO); what the payload says is :mod:`tarragon.data.record`.

Dense rows of one width differ only in the bytes of their numbers. The first record is therefore parsed, the records
after it that equal it everywhere else are found by comparing arrays, and their numbers are copied out in one step.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.data.arrays import Index, Matrix, Vector
from tarragon.data.record import (
    INT32,
    Numbers,
    Record,
    Tensor,
    damaged,
    key,
    map_entry,
    packed_field,
    parse,
    sized,
    varint,
)
from tarragon.errors import DataError

MAGIC = 0xCED7230A
MAGIC_BYTES = MAGIC.to_bytes(4, "little")
FLAG_SHIFT = 29  # the top three bits of the length word say which part of a split record this is
LENGTH_MASK = (1 << FLAG_SHIFT) - 1
CHUNK_BYTES = 4 << 20
MAX_COLUMNS = 1 << 26  # a key beyond it is damage, not data
TEMPLATE = 64  # records compared at first; twice as many after each success


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows as an array, (n, d), dense or sparse; labels, weights and numbers of queries, (n,), where rows had them."""

    X: "Matrix | sp.csr_matrix"
    y: Vector | None = None
    weight: Vector | None = None
    query: Index | None = None


def frames(file: BinaryIO) -> Iterator[bytes]:
    """Yield each payload of a file, parts of a split record put together again. Raises ``DataError``."""
    parts: list[bytes] = []
    while head := file.read(8):
        flag, length = _framed(head, 0, len(head))
        payload = _upto(file, length + (-length & 3))[:length]
        if len(payload) < length:
            raise damaged("the last record is not complete")
        if flag == 0 and not parts:
            yield payload
        elif (flag == 1 and not parts) or (flag in (2, 3) and parts):
            parts.append(payload)
            if flag == 3:
                yield MAGIC_BYTES.join(parts)
                parts = []
        else:
            raise damaged("the parts of a split record are out of order")
    if parts:
        raise damaged("the last record is not complete")


def _framed(buffer: bytes | memoryview, at: int, end: int) -> tuple[int, int]:
    """Return flag and payload length of the frame that begins at ``at``."""
    if end - at < 8:
        raise damaged("the last record is not complete")
    if buffer[at : at + 4] != MAGIC_BYTES:
        raise damaged("a record does not begin with the magic number 0xCED7230A")
    word = int.from_bytes(buffer[at + 4 : at + 8], "little")
    return word >> FLAG_SHIFT, word & LENGTH_MASK


def _upto(file: BinaryIO, size: int) -> bytes:
    """Read in blocks: a length word is a claim, memory is spent on what is there."""
    left, blocks = size, []
    while left and (block := file.read(min(left, CHUNK_BYTES))):
        blocks.append(block)
        left -= len(block)
    return b"".join(blocks)


def read_rows(source: bytes | BinaryIO) -> Rows:
    """Read every record's vector under ``values`` as one array, float32. Raises ``DataError``."""
    blocks = list(row_blocks(source))
    if not blocks:
        raise DataError("There are no records", why="The data are empty", fix="Give at least one record")
    if len(blocks) == 1:
        return blocks[0]
    width = max(block.X.shape[1] for block in blocks)
    labelled = all(block.y is not None for block in blocks)
    if any(sp.issparse(block.X) for block in blocks):
        X: Any = sp.vstack([widened(sp.csr_matrix(block.X), width) for block in blocks], format="csr")
    else:
        if len({block.X.shape[1] for block in blocks}) > 1:
            raise damaged("dense records have different numbers of values")
        X = np.concatenate([block.X for block in blocks])
    return Rows(X, np.concatenate([block.y for block in blocks if block.y is not None]) if labelled else None)


def widened(X: "sp.csr_matrix", width: int) -> "sp.csr_matrix":
    """Return sparse rows with ``width`` columns, the new ones empty."""
    return sp.csr_matrix((X.data, X.indices, X.indptr), shape=(X.shape[0], max(width, X.shape[1])))


def row_blocks(source: bytes | BinaryIO) -> Iterator[Rows]:
    """Yield rows as they are read: memory is a chunk of 4 MB and what was made of it. Raises ``DataError``."""
    file: BinaryIO = BytesIO(source) if isinstance(source, bytes) else source
    rest = b""
    while chunk := file.read(CHUNK_BYTES):
        rest = yield from _whole(rest + chunk if rest else chunk)
    if rest:
        yield _loose([parse(payload) for payload in frames(BytesIO(rest))])


def _whole(buffer: bytes) -> Generator[Rows, None, bytes]:
    """Yield the rows of the records that lie whole in the buffer; return the bytes after them."""
    at, end, loose = 0, len(buffer), []
    while at + 8 <= end:
        flag, length = _framed(buffer, at, end)
        stride = 8 + length + (-length & 3)
        if flag or at + stride > end:
            break
        record = parse(buffer[at + 8 : at + 8 + length])
        alike, block = _alike(buffer, at, stride, record)
        if block is None:
            loose.append(record)
        else:
            if loose:
                yield _loose(loose)
                loose = []
            yield block
        at += alike * stride
    if loose:
        yield _loose(loose)
    return buffer[at:]


def _alike(buffer: bytes, at: int, stride: int, record: Record) -> tuple[int, Rows | None]:
    """Count the records from ``at`` on that differ from the first in their numbers only, and copy those out.

    Returns 1 and None where the record is not made of one dense vector and at most one number as its label.
    """
    vector, label = record.features.get("values"), record.label.get("values")
    plain = vector is not None and vector.keys is None and vector.start >= 0 and len(record.features) == 1
    named = label is None or (label.keys is None and label.start >= 0 and len(label.values) == 1)
    if not plain or not named or len(record.label) > 1:
        return 1, None
    assert vector is not None
    spans = [(8 + t.start, 8 + t.start + t.values.nbytes, t.values.dtype) for t in (vector, label) if t is not None]
    varies = np.zeros(stride, bool)
    for first, last, _ in spans:
        varies[first:last] = True
    fixed = np.flatnonzero(~varies)
    grid = np.frombuffer(buffer, np.uint8, (len(buffer) - at) // stride * stride, at).reshape(-1, stride)
    pattern, count, step = grid[0, fixed], 1, TEMPLATE
    while count < len(grid):
        same = (grid[count : count + step, fixed] == pattern).all(axis=1)
        if not same.all():
            count += int(same.argmin())
            break
        count, step = count + len(same), 2 * step
    X, *more = (np.ascontiguousarray(grid[:count, a:b]).view(dtype) for a, b, dtype in spans)
    return count, Rows(X.astype(np.float32), more[0][:, 0].astype(np.float64) if more else None)


def _loose(records: list[Record]) -> Rows:
    """Put records of any make together: sparse if one of them is."""
    vectors = [_vector(record) for record in records]
    labels = [record.label.get("values") for record in records]
    y = None
    if all(label is not None and len(label.values) == 1 for label in labels):
        y = np.array([float(label.values[0]) for label in labels if label is not None])
    if all(vector.keys is None for vector in vectors):
        if len({len(vector.values) for vector in vectors}) > 1:
            raise damaged("dense records have different numbers of values")
        return Rows(np.stack([vector.values for vector in vectors]).astype(np.float32), y)
    return Rows(_sparse(vectors), y)


def _vector(record: Record) -> Tensor:
    if "values" not in record.features:
        raise damaged('a record has no vector under the name "values"')
    return record.features["values"]


def _sparse(vectors: list[Tensor]) -> "sp.csr_matrix":
    columns = [np.arange(len(v.values)) if v.keys is None else v.keys for v in vectors]
    if any(len(k) != len(v.values) for k, v in zip(columns, vectors, strict=True)):
        raise damaged("a sparse record has not as many keys as values")
    indices = np.concatenate(columns)
    widest = max([int(indices.max(initial=-1)) + 1, *(v.shape[-1] for v in vectors if v.shape)])
    if widest > MAX_COLUMNS or indices.min(initial=0) < 0:
        raise damaged(f"a sparse record names column {widest - 1}, and {MAX_COLUMNS} are allowed")
    starts = np.concatenate([[0], np.cumsum([len(k) for k in columns])])
    data = np.concatenate([v.values for v in vectors]).astype(np.float32)
    return sp.csr_matrix((data, indices, starts), shape=(len(vectors), widest))


def write_rows(X: "Matrix | sp.csr_matrix", y: Vector | None = None) -> bytes:
    """Write rows, (n, d), and their labels as records of float32 numbers."""
    label = {} if y is None else {"values": np.asarray(y)}
    if not sp.issparse(X):
        return write_records({"values": np.asarray(X)}, label)
    rows = sp.csr_matrix(X)
    width = key(3, 2) + sized(varint(rows.shape[1]))
    made = []
    for i, (a, b) in enumerate(zip(rows.indptr[:-1], rows.indptr[1:], strict=True)):
        keys = b"".join(varint(int(k)) for k in rows.indices[a:b])
        tensor = packed_field(rows.data[a:b]) + key(2, 2) + sized(keys) + width
        record = map_entry(1, "values", tensor)
        if y is not None:
            record += map_entry(2, "values", packed_field(np.asarray(y[i : i + 1])))
        made.append(_frame(record))
    return b"".join(made)


def write_records(features: Mapping[str, Numbers], label: Mapping[str, Numbers]) -> bytes:
    """Write one record per row of named float32 arrays, (n,) or (n, k), all of one n.

    All records have one layout, so that it is made once and the numbers of all rows are copied in at once.
    """
    arrays = [(1, n, _columns(a)) for n, a in features.items()] + [(2, n, _columns(a)) for n, a in label.items()]
    count = len(arrays[0][2]) if arrays else 0
    payload, places = b"", []
    for number, name, values in arrays:
        entry = map_entry(number, name, packed_field(values[0] if count else np.zeros(0)))
        places.append(len(payload) + len(entry) - 4 * values.shape[1])  # a tensor's numbers end its entry
        payload += entry
    frame = np.frombuffer(_frame(payload), np.uint8)
    grid = np.tile(frame, (count, 1))
    for place, (_, _, values) in zip(places, arrays, strict=True):
        raw = values.view(np.uint8).reshape(count, -1)
        grid[:, 8 + place : 8 + place + raw.shape[1]] = raw
    return grid.tobytes()


def write_tensors(features: Mapping[str, Numbers]) -> bytes:
    """Write one record of named arrays, flat: integers as int32, everything else as float32.

    Examples
    --------
    >>> found = parse(next(frames(BytesIO(write_tensors({"shape": np.array([1, 300])})))))
    >>> found.features["shape"].values.tolist()
    [1, 300]
    """
    payload = b""
    for name, values in features.items():
        if values.dtype.kind in "iu":
            packed = b"".join(varint(int(value) & 0xFFFFFFFFFFFFFFFF) for value in values.reshape(-1))
            value = key(INT32, 2) + sized(key(1, 2) + sized(packed))
            payload += key(1, 2) + sized(key(1, 2) + sized(name.encode()) + key(2, 2) + sized(value))
        else:
            payload += map_entry(1, name, packed_field(values.reshape(-1)))
    return _frame(payload)


def _columns(array: Numbers) -> NDArray[np.float32]:
    return np.ascontiguousarray(array.reshape(len(array), -1), dtype="<f4")


def _frame(payload: bytes) -> bytes:
    return MAGIC_BYTES + len(payload).to_bytes(4, "little") + payload + bytes(-len(payload) & 3)
