"""Every content type gives the same rows, and what is not a table of numbers is refused with the reason."""

import contextlib
import io
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tarragon.data import media, read_body, write_rows
from tarragon.data.wire import Media, decode
from tarragon.errors import DataError

X = np.array([[1.5, -2.0, 0.25], [4.0, 5.0, -6.5]], np.float32)
Y = np.array([1.0, 0.0])


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def parquet(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    pl.DataFrame({f"c{i}": column for i, column in enumerate(array.T)}).write_parquet(file)
    return file.getvalue()


def csv(array: np.ndarray) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in array.tolist()).encode()


BODIES = {
    "text/csv": csv(X),
    "text/csv; charset=utf-8": csv(X) + b"\r\n",
    "application/json": json.dumps({"instances": [{"features": row} for row in X.tolist()]}).encode(),
    "application/jsonlines": b"\n".join(json.dumps({"features": row}).encode() for row in X.tolist()),
    "application/x-npy": npy(X),
    "application/x-parquet": parquet(X),
    "application/x-recordio-protobuf": write_rows(X),
}


@pytest.mark.parametrize("content_type", list(BODIES))
def test_every_content_type_gives_the_same_rows(content_type: str) -> None:
    np.testing.assert_array_equal(read_body(BODIES[content_type], content_type), X)


@pytest.mark.parametrize(
    "body",
    [
        X.tolist(), {"instances": X.tolist()},
        {"instances": [{"data": {"features": {"values": row}}} for row in X.tolist()]},
        {"instances": [{"data": {"features": {"keys": [0, 1, 2], "values": r, "shape": [3]}}} for r in X.tolist()]},
    ],
)  # fmt: skip
def test_json_comes_in_several_shapes(body: object) -> None:
    np.testing.assert_array_equal(read_body(json.dumps(body).encode(), "application/json"), X)


def test_libsvm_is_sparse_with_or_without_labels_and_weights() -> None:
    plain = decode(b"1 0:1.5 2:2\n0 1:3\n", media("text/libsvm"), 1)
    np.testing.assert_array_equal(plain.X.toarray(), [[1.5, 0, 2], [0, 3, 0]])
    np.testing.assert_array_equal(plain.y, Y)
    weighted = decode(b"1:0.5 0:1.5 2:2\n0:2 1:3\n", media("libsvm"), 1)
    np.testing.assert_array_equal(weighted.weight, [0.5, 2.0])
    np.testing.assert_array_equal(weighted.X.toarray(), plain.X.toarray())
    np.testing.assert_array_equal(read_body(b"0:1.5 2:2", "text/x-libsvm").toarray(), [[1.5, 0, 2]])


@pytest.mark.parametrize("gap", [b"1,,3", b"1,nan,3", b'1,"",3', b"1, ,3"])
def test_a_gap_is_missing(gap: bytes) -> None:
    np.testing.assert_array_equal(read_body(gap, "text/csv"), [[1, np.nan, 3]])


def test_the_separator_is_seen_and_large_tables_read_as_small_ones() -> None:
    for mark in ("\t", ";", "|"):
        np.testing.assert_array_equal(read_body(csv(X).replace(b",", mark.encode()), "text/csv"), X)
    large = np.random.default_rng(0).normal(size=(5_000, 4)).astype(np.float32)
    np.testing.assert_allclose(read_body(csv(large), "text/csv"), large, rtol=1e-6)


def test_content_types_are_understood_or_refused() -> None:
    assert media("TEXT/CSV;label_size=2") == Media("csv", 2)
    with pytest.raises(DataError, match="image/png"):
        media("image/png")
    with pytest.raises(DataError, match="label_size"):
        media("text/csv;label_size=x")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"a,b", "text/csv"), (b"1,2\n3", "text/csv"), (b"1_0,2", "text/csv"), (b"\xff\xfe\x00", "text/csv"),
        (b"", "text/csv"), (b"{", "application/json"), (b"[[1], [1, 2]]", "application/json"),
        (b'{"instances": [{"x": 1}]}', "application/json"), (b"[" * 100_000, "application/json"),
        (b'{"instances": [{"keys": [9], "values": [1], "shape": [3]}]}', "application/json"),
        (b"1 2:3 1:4 x", "text/libsvm"), (b"1 -4:3", "text/libsvm"), (b"PAR1", "application/x-parquet"),
        (npy(X)[:-4], "application/x-npy"), (b"\x93NUMPY", "application/x-npy"),
        (npy(np.array([["a"]])), "application/x-npy"), (b"\x0a\x23\xd7\xce\xff", "application/x-recordio-protobuf"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(DataError):
        read_body(body, content_type)


@pytest.mark.parametrize("content_type", ["text/csv", "application/json", "text/libsvm", "application/x-npy"])
@given(body=some.binary(max_size=60))
def test_no_bytes_bring_anything_but_rows_or_a_data_error(content_type: str, body: bytes) -> None:
    with contextlib.suppress(DataError):
        assert read_body(body, content_type).ndim == 2


def test_queries_of_libsvm_are_counted_in_their_order() -> None:
    found = decode(b"1 qid:7 0:1\n0 qid:7 1:2\n2 qid:3 0:1\n1 qid:7 0:4\n", media("text/libsvm"), 1)
    assert found.query is not None
    assert found.query.tolist() == [0, 0, 1, 2]
    assert decode(b"1 0:1\n", media("text/libsvm"), 1).query is None
