"""What a server and a model's worker say to each other over a socket: frames of a small head and a body.

::

    length of the head, length of the body (uint32, big-endian each), the head as JSON, the body

The server asks ``{"type", "accept", …}``; the worker answers in the order it was asked, ``{"status", "type", …}``. An
answer in pieces is several frames with ``"more": true`` and a last one without. A worker's first frame says who it
is, its second that its model is loaded, or why not.
"""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

LENGTHS = struct.Struct(">II")
HEAD_BYTES = 1 << 20
BODY_BYTES = 1 << 30
Head = Mapping[str, Any]


def frame(head: Head, body: bytes = b"") -> bytes:
    """Write a frame.

    Examples
    --------
    >>> list(Frames().feed(frame({"status": 200}, b"0.5")))
    [({'status': 200}, b'0.5')]
    """
    written = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((LENGTHS.pack(len(written), len(body)), written, body))


class Frames:
    """Puts frames together from whatever pieces they arrive in."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> "list[tuple[dict[str, Any], bytes]]":
        """Take bytes in and return the frames that are whole. Raises ``ValueError`` for what is no frame."""
        held = self._held
        held += data
        found, at = [], 0
        while len(held) - at >= LENGTHS.size:
            head, body = LENGTHS.unpack_from(held, at)
            if head > HEAD_BYTES or body > BODY_BYTES:
                raise ValueError(f"a frame of {head} and {body} bytes")
            start = at + LENGTHS.size
            middle, end = start + head, start + head + body
            if len(held) < end:
                break
            with memoryview(held) as view:
                found.append((json.loads(bytes(view[start:middle])), bytes(view[middle:end])))
            at = end
        if at:
            del held[:at]
        return found


class Line:
    """A worker's end: frames read and written one after the other, blocking.

    Parameters
    ----------
    connection : socket
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._frames = connection, Frames()
        self._waiting: list[tuple[dict[str, Any], bytes]] = []

    def read(self) -> tuple[dict[str, Any], bytes] | None:
        """Wait for a frame; None when the other end has gone."""
        while not self._waiting:
            try:
                data = self._connection.recv(1 << 18)
            except ConnectionError:
                return None
            if not data:
                return None
            self._waiting = self._frames.feed(data)
        return self._waiting.pop(0)

    def write(self, head: Head, body: bytes = b"") -> None:
        """Send a frame."""
        self._connection.sendall(frame(head, body))
