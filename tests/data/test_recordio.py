"""Rows through recordIO-protobuf and back, also as the SageMaker SDK writes them, and no nonsense past the door."""

import contextlib
import io
import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as some

from tarragon.data import recordio
from tarragon.data.recordio import frames, read_rows, row_blocks, write_records, write_rows
from tarragon.errors import DataError

SDK = os.environ.get("TARRAGON_SDK_V2", "")  # a Python that has the SageMaker SDK v2
PROGRAM = """
import sys, numpy as np
from sagemaker.serializer_utils import write_numpy_to_dense_tensor
held = np.load(sys.argv[1])
with open(sys.argv[2], "wb") as file:
    write_numpy_to_dense_tensor(file, held["X"], held["y"])
"""


def rows(n: int = 200, d: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, d)).astype(np.float32), rng.integers(0, 3, n).astype(np.float64)


def by_formula(vector: list[float], label: float) -> bytes:
    """One dense record, written down from the format's description: lengths below 128 are one byte."""

    def tensor(values: list[float]) -> bytes:
        packed = struct.pack(f"<{len(values)}f", *values)
        inner = bytes([0x0A, len(packed)]) + packed
        value = bytes([0x12, len(inner)]) + inner
        return b"\x0a\x06values" + bytes([0x12, len(value)]) + value

    features, labels = tensor(vector), tensor([label])
    payload = bytes([0x0A, len(features)]) + features + bytes([0x12, len(labels)]) + labels
    return struct.pack("<II", 0xCED7230A, len(payload)) + payload + bytes(-len(payload) % 4)


def test_what_is_written_has_the_bytes_of_the_format() -> None:
    X = np.array([[1.0, -2.5, 3.25], [0.0, 7.0, 1e-3]], np.float32)
    expected = by_formula(X[0].tolist(), 1.0) + by_formula(X[1].tolist(), 0.0)
    assert write_rows(X, np.array([1.0, 0.0])) == expected


@pytest.mark.parametrize("d", [1, 5, 40])
def test_dense_rows_come_back(d: int) -> None:
    X, y = rows(300, d)
    found = read_rows(write_rows(X, y))
    np.testing.assert_array_equal(found.X, X)
    np.testing.assert_array_equal(found.y, y)
    assert read_rows(write_rows(X)).y is None


def test_sparse_rows_come_back_with_their_width() -> None:
    X = sp.random(50, 400, 0.03, format="csr", dtype=np.float32, random_state=0)
    found = read_rows(write_rows(X, np.arange(50.0)))
    assert found.X.shape == (50, 400)
    assert (found.X != X).nnz == 0
    np.testing.assert_array_equal(found.y, np.arange(50.0))


def test_mixed_records_of_other_types_are_put_together() -> None:
    X, y = rows(3, 2)
    mixed = write_rows(X[:1], y[:1]) + write_rows(sp.csr_matrix(X[1:2]), y[1:2]) + write_rows(X[2:], y[2:])
    found = read_rows(mixed)
    np.testing.assert_array_equal(found.X.toarray(), X)
    np.testing.assert_array_equal(found.y, y)


def test_a_stream_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordio, "CHUNK_BYTES", 1_000)
    X, y = rows(500, 4)
    blocks = list(row_blocks(io.BytesIO(write_rows(X, y))))
    assert len(blocks) > 5
    np.testing.assert_array_equal(np.concatenate([b.X for b in blocks]), X)


def test_a_split_record_is_joined_with_the_magic_between() -> None:
    whole = by_formula([1.0], 0.0)[8:48]
    payload = whole[:8] + struct.pack("<I", 0xCED7230A) + whole[8:16]
    first, last = payload[:8], payload[12:]
    parts = b"".join(
        struct.pack("<II", 0xCED7230A, flag << 29 | len(part)) + part for flag, part in ((1, first), (3, last))
    )
    assert list(frames(io.BytesIO(parts))) == [payload]
    with pytest.raises(DataError, match="out of order"):
        list(frames(io.BytesIO(parts[16:])))


def test_answers_are_labels_under_their_names() -> None:
    answer = write_records({}, {"score": np.array([[0.25, 0.75], [0.5, 0.5]]), "predicted_label": np.array([1, 0])})
    found = [recordio.parse(payload) for payload in frames(io.BytesIO(answer))]
    assert [r.label["score"].values.tolist() for r in found] == [[0.25, 0.75], [0.5, 0.5]]
    assert [r.label["predicted_label"].values.tolist() for r in found] == [[1.0], [0.0]]


def test_damage_is_named() -> None:
    X, y = rows(4, 3)
    good = write_rows(X, y)
    for bad in (good[:-9], b"\0" + good, good[:4] + b"\xff\xff\xff\x1f" + good[8:], good + b"\x0a\x23"):
        with pytest.raises(DataError):
            read_rows(bad)
    with pytest.raises(DataError, match="different numbers"):
        read_rows(good + write_rows(X[:, :2], y))
    with pytest.raises(DataError, match="no vector"):
        read_rows(write_records({"other": X}, {}))
    with pytest.raises(DataError, match="no records"):
        read_rows(b"")


@given(some.integers(0, 400), some.integers(0, 255))
def test_a_changed_byte_never_crashes_the_reader(place: int, value: int) -> None:
    X, y = rows(6, 3)
    content = bytearray(write_rows(X, y))
    content[place % len(content)] = value
    with contextlib.suppress(DataError):
        read_rows(bytes(content))


@pytest.mark.skipif(not SDK, reason="TARRAGON_SDK_V2 names no Python with the SageMaker SDK v2")
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_the_sdks_own_bytes_are_read(tmp_path: Path, dtype: str) -> None:
    X, y = rows(50, 6)
    X = (X * 1000).astype(dtype)
    np.savez(tmp_path / "rows.npz", X=X, y=y.astype(np.float32))
    argv = [SDK, "-c", PROGRAM, str(tmp_path / "rows.npz"), str(tmp_path / "rows.pbr")]
    subprocess.run(argv, check=True, capture_output=True, timeout=120)
    content = (tmp_path / "rows.pbr").read_bytes()
    found = read_rows(content)
    np.testing.assert_array_equal(found.X, X.astype(np.float32))
    np.testing.assert_array_equal(found.y, y)
    if dtype == "float32":
        assert write_rows(X, y) == content
