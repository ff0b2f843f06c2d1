"""Event streams: each event one frame, with its length, headers and checksums.

A frame is ``total length, headers' length, CRC32 of those eight bytes, headers, payload, CRC32 of all before``; numbers
are big-endian and 32 bits wide. Source: the format as botocore's ``eventstream`` module reads it.
"""

import json
import struct
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from botocore.model import Shape

TEXT = 7  # the type of a header whose value is UTF-8 text


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Write one frame.

    Examples
    --------
    >>> len(frame({}, b""))
    16
    """
    head = b"".join(
        bytes([len(name)]) + name.encode() + struct.pack(">BH", TEXT, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


async def frames(protocol: str, shape: Shape, events: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    """Write events of the form ``{"PayloadPart": {"Bytes": b"…"}}``; ``{"error": (code, message)}`` ends the stream."""
    if protocol != "rest-json":
        yield frame({":message-type": "event", ":event-type": "initial-response"}, b"{}")
    async for event in events:
        for name, value in event.items():
            if name == "error":
                code, message = value
                words = {":message-type": "exception", ":exception-type": code, ":content-type": "application/json"}
                yield frame(words, json.dumps({"message": message}).encode())
                return
            yield _event(shape.members[name], name, value)


def _event(shape: Shape, name: str, value: Mapping[str, Any]) -> bytes:
    headers = {":message-type": "event", ":event-type": name}
    for member, each in value.items():
        if shape.members[member].serialization.get("eventpayload"):
            return frame({**headers, ":content-type": "application/octet-stream"}, each)
    return frame({**headers, ":content-type": "application/json"}, json.dumps(dict(value)).encode())
