import asyncio
import hashlib
import io
from base64 import b64encode

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.wire.checksum import begun, text
from tarragon.faces.aws.wire.chunked import KINDS, Body
from tarragon.faces.aws.wire.signature import EMPTY_SHA256, UNSIGNED, Identity, signature_of, signing_key

SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER = KINDS
DATA = bytes(range(256)) * 1000


def identity(payload):
    key = signing_key("secret", "20260101", "us-east-1", "s3")
    scope = "20260101/us-east-1/s3/aws4_request"
    return Identity("AKID", "us-east-1", "s3", payload, key, "0" * 64, scope, "20260101T000000Z")


def read(raw, payload, headers, step=1000):
    async def pieces():
        for at in range(0, len(raw), step):
            yield raw[at : at + step]

    async def gather():
        body = Body(pieces(), identity(payload), headers)
        return b"".join([piece async for piece in body]), body

    async def drain():
        body, drained = Body(pieces(), identity(payload), headers), []
        await body.drain(drained.append)
        return b"".join(drained), body

    got, body = asyncio.run(gather())
    again, other = asyncio.run(drain())
    assert (got, body.checksums, body.size_bytes) == (again, other.checksums, other.size_bytes)
    return got, body


def refused(*arguments, **named):
    with pytest.raises(AwsError) as caught:
        read(*arguments, **named)
    return caught.value.code


def signed(pieces, trailer=None):
    """Frame and sign as the reference says."""
    who, last, out = identity(SIGNED), "0" * 64, b""
    for piece in [*pieces, b""]:
        hashed = hashlib.sha256(piece).hexdigest()
        last = signature_of(
            who.key, f"AWS4-HMAC-SHA256-PAYLOAD\n{who.date}\n{who.scope}\n{last}\n{EMPTY_SHA256}\n{hashed}"
        )
        out += f"{len(piece):x};chunk-signature={last}\r\n".encode() + piece + (b"\r\n" if piece else b"")
    if trailer:
        hashed = hashlib.sha256(f"{trailer}\n".encode()).hexdigest()
        last = signature_of(who.key, f"AWS4-HMAC-SHA256-TRAILER\n{who.date}\n{who.scope}\n{last}\n{hashed}")
        out += f"{trailer}\r\nx-amz-trailer-signature:{last}\r\n".encode()
    return out + b"\r\n"


def crc(algorithm, data=DATA):
    made = begun(algorithm)
    made.update(data)
    return text(made.digest())


@pytest.mark.parametrize("step", [1, 7, 1000, 10**7])
def test_what_botocore_wraps(step):
    data = DATA[: 3000 if step == 1 else None]
    wrapped = AwsChunkedWrapper(
        io.BytesIO(data), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=700
    ).read()
    headers = {"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-decoded-content-length": str(len(data))}
    got, body = read(wrapped, UNSIGNED_TRAILER, headers, step)
    assert got == data
    assert body.checksums == {"CRC32": crc("CRC32", data)}
    assert body.size_bytes == len(data)


@pytest.mark.parametrize("step", [3, 1000, 10**7])
def test_signed_chunks(step):
    headers = {"x-amz-decoded-content-length": str(len(DATA))}
    raw = signed([DATA[:8192], DATA[8192:8193], DATA[8193:]])
    got, body = read(raw, SIGNED, headers, step)
    assert got == DATA
    assert body.checksums == {"CRC64NVME": crc("CRC64NVME")}


def test_signed_chunks_cannot_be_changed_moved_or_left_out():
    pieces = [DATA[:500], DATA[500:1000], DATA[1000:1500]]
    headers = {"x-amz-decoded-content-length": "1500"}
    raw = signed(pieces)
    assert refused(raw.replace(b"\x07\x08", b"\x08\x07", 1), SIGNED, headers) == "SignatureDoesNotMatch"
    head = raw.index(b"\r\n", 520 + 70)
    assert head
    assert refused(raw, SIGNED, {"x-amz-decoded-content-length": "1400"}) == "IncompleteBody"
    unsigned = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    assert refused(unsigned, SIGNED, headers) == "SignatureDoesNotMatch"
    # the last chunk, which is empty, is signed as well: a body cut short at a chunk's end is noticed
    assert refused(signed(pieces[:2])[:-90] + b"0\r\n\r\n", SIGNED, headers) == "SignatureDoesNotMatch"
    assert refused(raw[:-100], SIGNED, headers) == "IncompleteBody"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_signed_trailers(algorithm):
    name = f"x-amz-checksum-{algorithm.lower()}"
    headers = {"x-amz-decoded-content-length": str(len(DATA)), "x-amz-trailer": name}
    got, body = read(signed([DATA], f"{name}:{crc(algorithm)}"), SIGNED_TRAILER, headers)
    assert got == DATA
    assert body.checksums == {algorithm: crc(algorithm)}
    assert refused(signed([DATA], f"{name}:{crc(algorithm, b'x')}"), SIGNED_TRAILER, headers) == "BadDigest"
    assert refused(signed([DATA], f"{name}:nonsense"), SIGNED_TRAILER, headers) == "InvalidRequest"
    forged = signed([DATA], f"{name}:{crc(algorithm)}").replace(b"trailer-signature:", b"trailer-signature:0")
    assert refused(forged, SIGNED_TRAILER, headers) == "SignatureDoesNotMatch"
    missing = b"%x\r\n%s\r\n0\r\n\r\n" % (len(DATA), DATA)
    assert refused(missing, UNSIGNED_TRAILER, headers) == "MalformedTrailerError"


def test_plain_bodies():
    right = hashlib.sha256(DATA).hexdigest()
    got, body = read(DATA, right, {"content-length": str(len(DATA)), "x-amz-checksum-sha1": crc("SHA1")})
    assert got == DATA
    assert body.checksums == {"SHA1": crc("SHA1")}
    assert refused(DATA, EMPTY_SHA256, {}) == "XAmzContentSHA256Mismatch"
    assert refused(DATA, UNSIGNED, {"content-length": "5"}) == "IncompleteBody"
    assert refused(DATA[:4], UNSIGNED, {"content-length": "5"}) == "IncompleteBody"
    assert refused(DATA, UNSIGNED, {"x-amz-checksum-crc32": crc("CRC32", b"")}) == "BadDigest"
    assert refused(DATA, UNSIGNED, {"x-amz-checksum-sha256": b64encode(b"short").decode()}) == "InvalidRequest"
    two = {"x-amz-checksum-sha256": "x", "x-amz-checksum-sha1": "x"}
    assert refused(DATA, UNSIGNED, two) == "InvalidRequest"
    assert read(DATA, UNSIGNED, {"x-amz-sdk-checksum-algorithm": "CRC32C"})[1].checksums == {"CRC32C": crc("CRC32C")}


@pytest.mark.parametrize(
    "raw",
    [b"", b"x", b"zz\r\n", b"-5\r\nabc", b"5\r\nabcdefgh", b"5\r\nabcde\r\n", b"f" * 100_000, b"5;" + b"x" * 100_000,
     b"0\r\nno colon\r\n\r\n", b"0\r\n\r\nmore", b"\r\n\r\n", b"ffffffffffffff\r\n", b"0\r\n" + b"a:b\r\n" * 100],
)  # fmt: skip
def test_what_is_not_well_formed(raw):
    assert refused(raw, UNSIGNED_TRAILER, {"x-amz-decoded-content-length": "5"}) in ("IncompleteBody", "InvalidRequest")


def test_headers_that_make_no_sense():
    assert refused(b"", UNSIGNED_TRAILER, {}) == "MissingContentLength"
    assert refused(b"", UNSIGNED_TRAILER, {"x-amz-decoded-content-length": "\N{SUPERSCRIPT TWO}"}) == "InvalidArgument"
    assert refused(b"", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", {}) == "NotImplemented"
