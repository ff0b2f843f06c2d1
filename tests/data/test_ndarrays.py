import struct

import numpy as np
import pytest

from tarragon.data import read_ndarrays, write_ndarrays
from tarragon.errors import IntegrityError

# As MXNet 1.9.1 writes mx.nd.save(file, [mx.nd.array([1.5])]), by the layout in the module's docstring.
ONE = (
    bytes.fromhex("1201000000000000" "0000000000000000" "0100000000000000")
    + bytes.fromhex("c9fa93f9" "00000000" "01000000" "0100000000000000" "01000000" "00000000" "00000000")
    + struct.pack("<f", 1.5)
    + bytes(8)
)  # fmt: skip


def test_a_list_is_written_byte_for_byte():
    assert write_ndarrays([np.array([1.5], np.float32)]) == ONE
    assert read_ndarrays(ONE)["0"].tolist() == [1.5]


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "u1", "i1", "i4", "i8"])
def test_every_type_and_rank_comes_back(kind):
    rng = np.random.default_rng(0)
    arrays = {"a": (rng.random((2, 3, 4)) * 100).astype(kind), "größe": np.zeros((0, 3), kind), "b": np.array(7, kind)}
    found = read_ndarrays(write_ndarrays(arrays))
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == np.dtype(kind)
        np.testing.assert_array_equal(found[name], array)


def test_what_the_format_does_not_know_is_refused():
    with pytest.raises(TypeError, match="complex"):
        write_ndarrays([np.zeros(1, complex)])


def test_damage_is_refused_and_no_claim_is_believed():
    whole = write_ndarrays({"a": np.zeros((3, 4), np.float32)})
    for end in range(len(whole)):
        with pytest.raises(IntegrityError):
            read_ndarrays(whole[:end])
    huge = bytearray(whole)
    huge[36:44] = struct.pack("<q", 1 << 60)
    with pytest.raises(IntegrityError, match="early"):
        read_ndarrays(bytes(huge))
    with pytest.raises(IntegrityError, match="0x112"):
        read_ndarrays(b"\x13" + whole[1:])
