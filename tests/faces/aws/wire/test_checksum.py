import hashlib
import zlib
from base64 import b64decode

import pytest

from tarragon.faces.aws.wire.checksum import CYCLIC, SIZES, Part, begun, combined, composite, read, text

# The check values of the catalogue of parametrised CRC algorithms, over "123456789".
PUBLISHED = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}


def digest(algorithm, *pieces):
    made = begun(algorithm)
    for piece in pieces:
        made.update(piece)
    return made.digest()


@pytest.mark.parametrize("algorithm", PUBLISHED)
def test_published_values_in_any_pieces(algorithm):
    assert digest(algorithm, b"123456789").hex() == PUBLISHED[algorithm]
    assert digest(algorithm, b"1", b"", b"2345", b"6789").hex() == PUBLISHED[algorithm]


def test_independent_implementations():
    data = bytes(range(256)) * 99
    assert digest("CRC32", data) == zlib.crc32(data).to_bytes(4, "big")
    for name in ("SHA1", "SHA256", "MD5"):
        assert digest(name, data[:5], data[5:]) == hashlib.new(name, data).digest()


@pytest.mark.parametrize("algorithm", CYCLIC)
def test_parts_make_the_whole(algorithm):
    pieces = [b"first" * 1000, b"", b"second" * 77, b"x"]
    parts = [Part(text(digest(algorithm, piece)), len(piece)) for piece in pieces]
    assert combined(algorithm, parts) == text(digest(algorithm, *pieces))


def test_a_checksum_of_checksums_tells_how_many():
    parts = [Part(text(digest("SHA256", piece)), len(piece)) for piece in (b"a", b"b")]
    made = composite("SHA256", parts)
    assert made.endswith("-2")
    assert (
        b64decode(made[:-2]) == hashlib.sha256(hashlib.sha256(b"a").digest() + hashlib.sha256(b"b").digest()).digest()
    )


def test_reading():
    for name, size in SIZES.items():
        assert read(text(digest(name, b"x")), size) == digest(name, b"x")
    for wrong in ("", "x", "AAAA", "====", "\N{SNOWMAN}"):
        assert read(wrong, 4) is None
