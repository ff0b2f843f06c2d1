"""Image records as MXNet lays them out, read again from where they lie."""

import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from tarragon.data import framed, packed, write_png
from tarragon.data.picture_records import is_records, pairs, payloads, peeked, unpacked
from tarragon.errors import DataError

PICTURE = write_png(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))


def test_the_header_is_mxnets() -> None:
    assert packed([3.0], PICTURE, 7)[:24] == struct.pack("<IfQQ", 0, 3.0, 7, 0)
    assert packed([1.0, 2.0], PICTURE)[:32] == struct.pack("<IfQQff", 2, 0.0, 0, 0, 1.0, 2.0)


def test_records_are_read_again_from_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    path.write_bytes(b"".join(framed(packed(label, PICTURE)) for label in ([1.0], [2.0, 3.0], [4.0])))
    assert is_records(path)
    found = [unpacked(payload, stored) for payload, stored in payloads([path])]
    assert [labels.tolist() for labels, _ in found] == [[1.0], [2.0, 3.0], [4.0]]
    assert all(stored.content == b"" and stored.raw() == PICTURE for _, stored in found)
    assert found[1][1].picture().shape == (4, 4, 3)
    path.unlink()
    with pytest.raises(DataError, match=r"record 1 of a\.rec"):
        found[1][1].picture()


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "train_0"
    os.mkfifo(path)
    content = framed(PICTURE) + framed(b"1") + framed(PICTURE) + framed(b"0")
    writer = threading.Thread(target=path.write_bytes, args=(content,), daemon=True)
    writer.start()
    manifest, found = peeked([path])
    assert manifest
    assert [(picture.raw() == PICTURE, second) for picture, second, _ in pairs(found)] == [(True, b"1"), (True, b"0")]
    writer.join(5)


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"short", struct.pack("<IfQQ", 2**32 - 1, 0, 0, 0) + PICTURE,
        struct.pack("<IfQQ", 0, 0, 0, 0) + b"no picture", struct.pack("<IfQQf", 1, 0, 0, 0, float("nan")) + PICTURE,
        struct.pack("<IfQQ", 0, float("inf"), 0, 0) + PICTURE,
    ],
)  # fmt: skip
def test_spoilt_records_are_refused(tmp_path: Path, payload: bytes) -> None:
    path = tmp_path / "a.rec"
    path.write_bytes(framed(payload))
    with pytest.raises(DataError):
        [unpacked(*one) for one in payloads([path])]


def test_pairs_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (framed(PICTURE), framed(PICTURE) + framed(b"1") + framed(b"2")):
        path.write_bytes(content)
        with pytest.raises(DataError):
            list(pairs(peeked([path])[1]))
    path.write_bytes(b"")
    with pytest.raises(DataError, match="no records"):
        peeked([path])
