"""S3's checksums: computed while bytes pass, written big-endian in base64, combined from parts.

The cyclic ones but the oldest come from AWS's own common runtime, which uses the processor's instructions for them.
"""

import binascii
import hashlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from awscrt import checksums as crt

HEADER = "x-amz-checksum-"
DEFAULT = "CRC64NVME"  # what S3 computes for objects that came without
CYCLIC: Mapping[str, tuple[Callable[[bytes, int], int], Callable[[int, int, int], int], int]] = {
    "CRC32": (zlib.crc32, crt.combine_crc32, 4),
    "CRC32C": (crt.crc32c, crt.combine_crc32c, 4),
    "CRC64NVME": (crt.crc64nvme, crt.combine_crc64nvme, 8),
}
SIZES: Mapping[str, int] = {
    "CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16, "XXHASH64": 8,
    "XXHASH3": 8, "XXHASH128": 16,
}  # fmt: skip
XXHASH = {
    "XXHASH64": crt.XXHash.new_xxhash64, "XXHASH3": crt.XXHash.new_xxhash3_64, "XXHASH128": crt.XXHash.new_xxhash3_128,
}  # fmt: skip


def member(algorithm: str) -> str:
    """Name an algorithm's member in S3's shapes: "ChecksumCRC32"."""
    return f"Checksum{algorithm}"


class Checksum(Protocol):
    """A checksum in the making."""

    def update(self, data: bytes) -> None:
        """Take in more bytes."""

    def digest(self) -> bytes:
        """Say the checksum so far, big-endian."""


class _Cyclic:
    def __init__(self, algorithm: str) -> None:
        self._function, _, self._size = CYCLIC[algorithm]
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XXHash:
    def __init__(self, algorithm: str) -> None:
        self._hash = XXHASH[algorithm]()

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return bytes(self._hash.finalize())


def begun(algorithm: str) -> Checksum:
    """Begin a checksum, one of :data:`SIZES`.

    Examples
    --------
    >>> made = begun("CRC32")
    >>> made.update(b"123456789")
    >>> made.digest().hex()
    'cbf43926'
    """
    if algorithm in CYCLIC:
        return _Cyclic(algorithm)
    if algorithm in XXHASH:
        return _XXHash(algorithm)
    return hashlib.new(algorithm.lower(), usedforsecurity=False)


def text(digest: bytes) -> str:
    """Write a digest as headers do."""
    return b64encode(digest).decode()


def read(value: str, size: int) -> bytes | None:
    """Read a header's digest; None unless it is base64 of that many bytes."""
    try:
        digest = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == size else None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload: its checksum as headers write it, and its bytes' number."""

    checksum: str
    size_bytes: int


def composite(algorithm: str, parts: Sequence[Part]) -> str:
    """Make the checksum of the parts' checksums, with their number: what S3 calls COMPOSITE."""
    made = begun(algorithm)
    for part in parts:
        made.update(b64decode(part.checksum))
    return f"{text(made.digest())}-{len(parts)}"


def combined(algorithm: str, parts: Sequence[Part]) -> str:
    """Make the whole's checksum out of the parts' without their bytes: what S3 calls FULL_OBJECT; cyclic ones only.

    Examples
    --------
    >>> both = combined("CRC32", [Part("yyFyOg==", 4), Part("bqUMsg==", 5)])
    """
    _, join, size = CYCLIC[algorithm]
    value = 0
    for part in parts:
        value = join(value, int.from_bytes(b64decode(part.checksum), "big"), part.size_bytes)
    return text(value.to_bytes(size, "big"))
