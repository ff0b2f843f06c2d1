"""One log stream as a file of lines that only grows: appended whole, and read from any byte on, either way.

A line is ``{"t": ms, "i": ms taken in, "m": message}``; the first, ``{"made": ms}``, says when the file was made. The
times at which lines were taken in never go back, so that the neighbourhood of a moment is found by bisection.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tarragon.engine.disk import full

logger = logging.getLogger(__name__)
MESSAGE = 64_000  # characters of a message, at most 256 kB; longer ones are split, as log agents do
BLOCK = 1 << 18  # bytes read at once; a longer line takes several
AHEAD_MS = 2 * 3_600_000  # no event is taken in more than this before its time; CloudWatch's limit


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One message.

    Parameters
    ----------
    time, taken : int
        When it happened and when it was taken in, ms since 1970.
    message : str
    place, end : int
        The bytes in its stream at which it begins and ends.
    """

    time: int
    taken: int
    message: str
    place: int
    end: int


def append(path: Path, events: Iterable[tuple[int, str]], taken: int) -> None:
    """Write (ms, message) pairs in one piece at the end of a stream, making it when it is new."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        end = os.fstat(handle).st_size
        head = b'{"made": %d}\n' % taken if not end else b""
        torn = end > 0 and os.pread(handle, 1, end - 1) != b"\n"  # by a full disk or a power cut
        limit = taken + AHEAD_MS
        lines = [_line(min(at, limit), taken, piece) for at, message in events for piece in _pieces(message)]
        data = head + b"\n" * torn + b"".join(lines)
        if data and os.write(handle, data) != len(data):
            raise full("write to the log", path)
    finally:
        os.close(handle)


def scan(file: BinaryIO, place: int) -> Iterator[LogEvent]:
    """Read events from the line that begins at ``place`` on; an unfinished last line is left for the next reader."""
    while True:
        found, end = block(file, place)
        if end == place:
            return
        yield from found
        place = end


def block(file: BinaryIO, place: int, size: int = BLOCK) -> tuple[list[LogEvent], int]:
    """Read the whole lines in about ``size`` bytes from ``place`` on, at least one; and say where they end."""
    file.seek(place)
    data = file.read(size)
    while b"\n" not in data and (more := file.read(BLOCK)):
        data += more
    whole = data[: data.rfind(b"\n") + 1]
    return list(_events(whole, place)), place + len(whole)


def scan_back(file: BinaryIO, place: int) -> Iterator[LogEvent]:
    """Read events that end at or before ``place``, the newest first."""
    rest, first = b"", place
    while first > 0:
        size = min(BLOCK, first)
        first -= size
        file.seek(first)
        rest = file.read(size) + rest
        cut = rest.find(b"\n") + 1 if first else 0  # the first line of a block is whole only at the file's start
        if first and not cut:
            continue
        whole = rest[cut : rest.rfind(b"\n") + 1]
        yield from reversed(list(_events(whole, first + cut)))
        rest = rest[:cut]


def near(file: BinaryIO, ms: int) -> int:
    """Find a line's beginning before which nothing has a time of ``ms`` or later; close to the first that may."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > BLOCK:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        event = next(scan(file, file.tell()), None)
        if event is None or event.place >= high or event.taken >= ms - AHEAD_MS:
            high = middle
        else:
            low = event.place
    return low


def made(path: Path) -> int:
    """Say when a stream was made, ms since 1970."""
    with open(path, "rb") as file:
        try:
            return int(json.loads(file.readline())["made"])
        except (ValueError, KeyError, TypeError):
            return int(path.stat().st_mtime * 1000)


def _events(data: bytes, place: int) -> Iterator[LogEvent]:
    for text in data.splitlines(keepends=True) if b"\r" not in data else _split(data):
        end = place + len(text)
        try:
            found = json.loads(text)
            if "m" in found:
                yield LogEvent(int(found["t"]), int(found["i"]), str(found["m"]), place, end)
        except (ValueError, KeyError, TypeError):
            if text.strip():
                logger.warning("A log line was cut short when its writer was stopped, and is skipped: %.80r", text)
        place = end


def _split(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in data.split(b"\n")[:-1]]


def _line(at: int, taken: int, message: str) -> bytes:
    return json.dumps({"t": at, "i": taken, "m": message}, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


def _pieces(message: str) -> list[str]:
    message = message.removesuffix("\n")
    return [message[at : at + MESSAGE] for at in range(0, len(message), MESSAGE)] or [""]
