r"""A streamed body as it was meant: unwrapped from ``aws-chunked``, its chunks' signatures and its checksums verified.

::

    <hexadecimal size>[;chunk-signature=<signature>]\r\n <bytes> \r\n …
    0[;chunk-signature=<signature>]\r\n
    [x-amz-checksum-crc32:<base64>\r\n …]
    [x-amz-trailer-signature:<signature>\r\n]
    \r\n

Each signature covers the one before it, beginning with the request's own, so chunks can neither be changed nor left
out nor moved. Source: "Signature calculations: transferring payload in multiple chunks", Amazon S3 API reference.
"""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Mapping

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.wire.checksum import DEFAULT, HEADER, SIZES, Checksum, begun, read, text
from tarragon.faces.aws.wire.signature import EMPTY_SHA256, Identity, signature_of

STREAMING = "STREAMING-"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
KINDS = (SIGNED, f"{SIGNED}-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
LINE_BYTES = 16 * 1024  # a chunk's head or a trailer is far shorter
PIECE_BYTES = 1 << 20  # what is handed on at once
AT_ONCE = 64 << 10  # bytes hashed faster than a thread is asked to


class Body:
    """A request's body as an async iterator of its real bytes.

    What was read counts only once iteration has ended by itself: signatures and checksums are compared at the end.

    Parameters
    ----------
    chunks : async iterator of bytes
        As received.
    identity : Identity
        Of the request's signature; its ``payload`` says how the body is framed and signed.
    headers : mapping
        Lower-case names.

    Attributes
    ----------
    checksums : dict of str to str
        After the end: the checksums that were asked for, compared and computed, by algorithm, as headers write them.
    size_bytes : int
        Bytes handed on so far.

    Raises
    ------
    AwsError
        While iterating: ``IncompleteBody``, ``SignatureDoesNotMatch``, ``XAmzContentSHA256Mismatch``, ``BadDigest``,
        ``InvalidRequest``.
    """

    def __init__(self, chunks: AsyncIterator[bytes], identity: Identity, headers: Mapping[str, str]) -> None:
        self._chunks, self._identity, self._headers = chunks, identity, headers
        self.checksums: dict[str, str] = {}
        self.size_bytes = 0
        self._trailers: dict[str, str] = {}
        self._streaming = identity.payload.startswith(STREAMING)
        if self._streaming and identity.payload not in KINDS:
            raise AwsError(
                "NotImplemented", f"The body's framing {identity.payload[:60]} is not implemented", status=501
            )
        self._expected = _length(headers, "x-amz-decoded-content-length" if self._streaming else "content-length")
        if self._streaming and self._expected is None:
            raise AwsError(
                "MissingContentLength", "You must provide the x-amz-decoded-content-length HTTP header.", status=411
            )
        self._running: dict[str, Checksum] = {name: begun(name) for name in _asked(headers)}
        self._whole = hashlib.sha256() if len(identity.payload) == len(EMPTY_SHA256) else None
        self._pieces = self._checked()

    @property
    def expected_bytes(self) -> int | None:
        """How many there will be, where the headers say so."""
        return self._expected

    def also(self, algorithm: str) -> None:
        """Compute a further checksum; before anything is read."""
        self._running.setdefault(algorithm, begun(algorithm))

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate once."""
        return self._pieces

    async def drain(self, write: Callable[[bytes], None]) -> None:
        """Hand all bytes to ``write``, in a thread: while a block is hashed and written the next one comes in."""
        running: asyncio.Future[None] | None = None
        try:
            async for block in self._counted():
                if running is not None:
                    await running
                    running = None
                if len(block) < AT_ONCE:
                    self._take(block, write)
                else:
                    running = asyncio.ensure_future(asyncio.to_thread(self._take, block, write))
        finally:
            if running is not None:
                await asyncio.wait([running])  # nobody may close the file before
        if running is not None:
            running.result()
        self._compare()

    async def _checked(self) -> AsyncIterator[bytes]:
        async for block in self._counted():
            self._update(block)
            yield block
        self._compare()

    async def _counted(self) -> AsyncIterator[bytes]:
        plain = _unwrapped(self._chunks, self._identity, self._trailers) if self._streaming else self._chunks
        async for block in _gathered(plain):
            self.size_bytes += len(block)
            if self._expected is not None and self.size_bytes > self._expected:
                raise _incomplete()
            yield block
        if self._expected is not None and self.size_bytes != self._expected:
            raise _incomplete()

    def _take(self, block: bytes, write: Callable[[bytes], None]) -> None:
        self._update(block)
        write(block)

    def _update(self, block: bytes) -> None:
        if self._whole is not None:
            self._whole.update(block)
        for each in self._running.values():
            each.update(block)

    def _compare(self) -> None:
        whole = self._whole
        if whole is not None and not hmac.compare_digest(whole.hexdigest(), self._identity.payload.lower()):
            raise AwsError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        self.checksums = {name: text(each.digest()) for name, each in self._running.items()}
        declared = [name.strip().lower() for name in self._headers.get("x-amz-trailer", "").split(",") if name.strip()]
        if missing := [name for name in declared if name not in self._trailers]:
            raise AwsError("MalformedTrailerError", f"The request's trailer {missing[0][:60]} did not come")
        for name, computed in self.checksums.items():
            header = HEADER + name.lower()
            given = self._headers.get(header, self._trailers.get(header))
            if given is None:
                continue
            if read(given, SIZES[name]) is None:
                raise AwsError("InvalidRequest", f"Value for {header} header is invalid.")
            if not hmac.compare_digest(given, computed):
                raise AwsError("BadDigest", f"The {name} you specified did not match the calculated checksum.")


def _asked(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Name the checksums to compute: those given in a header or trailer, or named; else S3's default."""
    trailers = headers.get("x-amz-trailer", "").lower()
    named = headers.get("x-amz-sdk-checksum-algorithm", headers.get("x-amz-checksum-algorithm", "")).upper()
    asked = [
        name
        for name in SIZES
        if HEADER + name.lower() in headers or HEADER + name.lower() in trailers.replace(" ", "").split(",")
    ]
    if len(asked) > 1:
        raise AwsError(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    return tuple(asked) or ((named,) if named in SIZES else (DEFAULT,))


def _length(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        raise AwsError("InvalidArgument", f"{name} is no number of bytes")
    return int(value)


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join small pieces, as they come from the network, into blocks worth a thread's while."""
    held: list[bytes] = []
    size = 0
    async for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            yield b"".join(held) if len(held) > 1 else piece
            held, size = [], 0
    if size:
        yield b"".join(held)


class _Reader:
    """Lines and runs of bytes out of pieces of any size."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks, self._held, self._at = chunks, b"", 0

    async def _more(self) -> None:
        async for piece in self._chunks:
            if piece:
                self._held, self._at = self._held[self._at :] + piece, 0
                return
        raise _incomplete()

    async def line(self) -> bytes:
        while (end := self._held.find(b"\r\n", self._at)) < 0:
            if len(self._held) - self._at > LINE_BYTES:
                raise _malformed()
            await self._more()
        line, self._at = self._held[self._at : end], end + 2
        if len(line) > LINE_BYTES:
            raise _malformed()
        return line

    async def run(self, size: int) -> AsyncIterator[bytes]:
        while size:
            if self._at == len(self._held):
                self._held, self._at = b"", 0
                await self._more()
            piece = self._held[self._at : self._at + min(size, PIECE_BYTES)]
            self._at += len(piece)
            size -= len(piece)
            yield piece

    async def drained(self) -> None:
        rest = self._held[self._at :]
        async for piece in self._chunks:
            rest += piece
            if rest.strip(b"\r\n"):
                break
        if rest.strip(b"\r\n"):
            raise _malformed()


async def _unwrapped(
    chunks: AsyncIterator[bytes], identity: Identity, trailers: dict[str, str]
) -> AsyncIterator[bytes]:
    reader = _Reader(chunks)
    chain = _Chain(identity) if identity.payload.startswith(SIGNED) else None
    while True:
        head, _, extension = (await reader.line()).partition(b";")
        size = _size(head)
        hashed = hashlib.sha256()
        async for piece in reader.run(size):
            if chain:
                hashed.update(piece)
            yield piece
        if chain:
            chain.follow(f"{EMPTY_SHA256}\n{hashed.hexdigest()}", "PAYLOAD", _signature(extension))
        if not size:
            break
        if await reader.line():
            raise _malformed()
    await _read_trailers(reader, trailers)
    signature = trailers.pop("x-amz-trailer-signature", "")
    if chain and identity.payload.endswith("-TRAILER"):
        canonical = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        chain.follow(hashlib.sha256(canonical.encode()).hexdigest(), "TRAILER", signature)
    await reader.drained()


async def _read_trailers(reader: _Reader, trailers: dict[str, str]) -> None:
    while line := (await reader.line()).strip():
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or len(trailers) >= 16:
            raise _malformed()
        trailers[name.strip().lower()] = value.strip()


class _Chain:
    """Signatures, each over the one before."""

    def __init__(self, identity: Identity) -> None:
        self._identity, self._last = identity, identity.seed

    def follow(self, hashed: str, kind: str, signature: str) -> None:
        who = self._identity
        expected = signature_of(who.key, f"AWS4-HMAC-SHA256-{kind}\n{who.date}\n{who.scope}\n{self._last}\n{hashed}")
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
            raise AwsError(
                "SignatureDoesNotMatch",
                "The chunk's signature we calculated does not match the signature you provided.",
                status=403,
            )
        self._last = expected


def _signature(extension: bytes) -> str:
    name, _, value = extension.decode("latin-1").partition("=")
    return value.strip() if name.strip() == "chunk-signature" else ""


def _size(head: bytes) -> int:
    digits = head.strip()
    if not digits or len(digits) > 12 or digits.strip(b"0123456789abcdefABCDEF"):
        raise _malformed()
    return int(digits, 16)


def _incomplete() -> AwsError:
    return AwsError(
        "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header"
    )


def _malformed() -> AwsError:
    return AwsError("InvalidRequest", "The body is not well formed: it does not keep to the aws-chunked framing")
