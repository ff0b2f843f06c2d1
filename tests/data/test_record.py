"""One message, byte by byte: every kind of tensor, packed or not, and no nonsense past the door."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tarragon.data.record import BYTES, FLOAT32, FLOAT64, INT32, key, map_entry, packed_field, parse, sized, varint
from tarragon.errors import DataError


def entry(which: int, tensor: bytes, number: int = 1, name: bytes = b"values") -> bytes:
    value = key(2, 2) + sized(key(which, 2) + sized(tensor))
    return key(number, 2) + sized(key(1, 2) + sized(name) + value)


def test_a_varint_is_seven_bits_a_byte_lowest_first() -> None:
    assert (varint(1), varint(127), varint(300)) == (b"\x01", b"\x7f", b"\xac\x02")


def test_float_tensors_are_read_packed_and_one_by_one() -> None:
    packed = key(1, 2) + sized(struct.pack("<2f", 1.5, -2.0))
    single = b"".join(key(1, 5) + struct.pack("<f", v) for v in (1.5, -2.0))
    for tensor in (packed, single):
        assert parse(entry(FLOAT32, tensor)).features["values"].values.tolist() == [1.5, -2.0]
    double = key(1, 2) + sized(struct.pack("<d", 0.1))
    assert parse(entry(FLOAT64, double)).features["values"].values.tolist() == [0.1]


def test_integers_may_be_negative_and_take_ten_bytes() -> None:
    tensor = key(1, 2) + sized(varint(5) + varint((1 << 64) - 3))
    assert parse(entry(INT32, tensor)).features["values"].values.tolist() == [5, -3]


def test_bytes_keys_shape_and_texts_are_kept() -> None:
    sparse = (
        packed_field(np.array([2.0, 3.0])) + key(2, 2) + sized(varint(0) + varint(700)) + key(3, 2) + sized(varint(900))
    )
    payload = entry(FLOAT32, sparse) + entry(BYTES, key(1, 2) + sized(b"\x00png"), 2, b"image")
    payload += b"".join(key(n, 2) + sized(t) for n, t in ((3, b"row 1"), (4, b"m"), (5, b"{}")))
    record = parse(payload)
    assert record.features["values"].keys.tolist() == [0, 700]
    assert record.features["values"].shape == (900,)
    assert record.label["image"].content == (b"\x00png",)
    assert (record.uid, record.metadata, record.configuration) == ("row 1", "m", "{}")


def test_what_is_written_is_read() -> None:
    record = parse(
        map_entry(1, "values", packed_field(np.array([1.0, 2.5]))) + map_entry(2, "values", packed_field(np.ones(1)))
    )
    assert record.features["values"].values.tolist() == [1.0, 2.5]
    assert record.label["values"].values.tolist() == [1.0]


@pytest.mark.parametrize(
    "payload",
    [
        b"\x0a\xff", b"\x0b", b"\xff" * 11, key(1, 2) + sized(key(1, 2) + sized(b"\xff\xfe")),
        entry(FLOAT32, key(1, 2) + sized(b"abc")), entry(INT32, key(1, 2) + sized(b"\x80")),
        entry(INT32, key(1, 2) + sized(b"\x80" * 11 + b"\x00")),
    ],
)  # fmt: skip
def test_damaged_messages_are_named(payload: bytes) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        parse(payload)


@given(some.binary(max_size=80))
def test_no_bytes_bring_anything_but_a_record_or_a_data_error(payload: bytes) -> None:
    with contextlib.suppress(DataError):
        parse(payload)
