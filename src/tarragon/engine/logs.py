"""Log groups and streams: lines with times, kept as plain files that any process may append to.

::

    home/logs/<realm>/<group>/<stream>.jsonl      one line of JSON each: [milliseconds, "message"]

A group's or stream's name becomes one file name by percent-encoding; a place in a stream is the byte it begins at.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from tarragon.engine.disk import refusals
from tarragon.errors import NotFoundError

SUFFIX = ".jsonl"
BLOCK = 1 << 20
LINE_BYTES = 1 << 20  # a longer message is cut


@dataclass(frozen=True, slots=True)
class LogStream:
    """What is known of a stream without reading it.

    Parameters
    ----------
    name : str
    created, last : int
        Milliseconds since 1970: when it was made, and last written to.
    first : int or None
        Time of its first line.
    newest : int or None
        Time of its last line.
    size_bytes : int
    """

    name: str
    created: int
    last: int
    first: int | None
    newest: int | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line.

    Parameters
    ----------
    stream : str
    at : int
        The byte it begins at.
    time : int
        Milliseconds since 1970.
    message : str
    """

    stream: str
    at: int
    time: int
    message: str


class Logs:
    """The logs of a home.

    Parameters
    ----------
    home : Path
    """

    def __init__(self, home: Path) -> None:
        self._root = Path(home) / "logs"

    def write(self, realm: str, group: str, stream: str, lines: Sequence[tuple[int, str]]) -> None:
        """Append lines, making the group and the stream when they are new.

        Parameters
        ----------
        lines : sequence of (int, str)
            Milliseconds since 1970, and the message without its newline.
        """
        path = self._path(realm, group, stream)
        text = "".join(json.dumps([time, message[:LINE_BYTES]]) + "\n" for time, message in lines)
        with refusals("write to the log", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, text.encode())
            finally:
                os.close(handle)

    def create_group(self, realm: str, group: str) -> bool:
        """Make an empty group; whether it is new."""
        folder = self._folder(realm, group)
        with refusals("make the log group", folder):
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                return False
        return True

    def create_stream(self, realm: str, group: str, stream: str) -> bool:
        """Make an empty stream; whether it is new. Raises ``NotFoundError`` when there is no such group."""
        self._group(realm, group)
        path = self._path(realm, group, stream)
        new = not path.exists()
        self.write(realm, group, stream, ())
        return new

    def delete(self, realm: str, group: str, stream: str | None = None) -> None:
        """Remove a group or a stream. Raises ``NotFoundError``."""
        folder = self._group(realm, group)
        if stream is None:
            shutil.rmtree(folder)
        else:
            self._stream(realm, group, stream).unlink()

    def groups(self, realm: str, prefix: str = "") -> tuple[tuple[str, int, int], ...]:
        """List groups by name: name, milliseconds when it was made, bytes."""
        folder = self._folder(realm)
        if not folder.is_dir():
            return ()
        found = []
        for each in folder.iterdir():
            name = unquote(each.name)
            if name.startswith(prefix) and each.is_dir():
                size = sum(file.stat().st_size for file in each.iterdir())
                found.append((name, int(each.stat().st_ctime * 1000), size))
        return tuple(sorted(found))

    def streams(self, realm: str, group: str, prefix: str = "") -> tuple[LogStream, ...]:
        """List a group's streams by name. Raises ``NotFoundError``."""
        found = []
        for path in self._group(realm, group).glob(f"*{SUFFIX}"):
            name = unquote(path.name.removesuffix(SUFFIX))
            if name.startswith(prefix):
                found.append(_described(name, path))
        return tuple(sorted(found, key=lambda stream: stream.name))

    def events(self, realm: str, group: str, stream: str, start: int = 0) -> Iterator[LogEvent]:
        """Read a stream's lines from a byte on. Raises ``NotFoundError``."""
        path = self._stream(realm, group, stream)
        return _lines(stream, path, start)

    def before(self, realm: str, group: str, stream: str, end: int | None, count: int) -> list[LogEvent]:
        """Read the last ``count`` lines that end at a byte (the stream's end when None), oldest first."""
        path = self._stream(realm, group, stream)
        size = path.stat().st_size
        end = size if end is None else min(end, size)
        start, lines = end, 0
        with open(path, "rb") as file:
            while start > 0 and lines <= count:
                step = min(BLOCK, start)
                start -= step
                file.seek(start)
                lines += file.read(step).count(b"\n")
            file.seek(start)
            data = file.read(end - start)
        if start > 0:  # the first piece of a line belongs to the line before
            cut = data.find(b"\n") + 1
            start, data = start + cut, data[cut:]
        found, at = [], start
        for text in data.splitlines(keepends=True):
            if (event := _event(stream, at, text)) is not None:
                found.append(event)
            at += len(text)
        return found[-count:] if count else []

    def size(self, realm: str, group: str, stream: str) -> int:
        """Say where a stream ends. Raises ``NotFoundError``."""
        return self._stream(realm, group, stream).stat().st_size

    def _group(self, realm: str, group: str) -> Path:
        folder = self._folder(realm, group)
        if not folder.is_dir():
            raise NotFoundError("The specified log group does not exist.")
        return folder

    def _stream(self, realm: str, group: str, stream: str) -> Path:
        self._group(realm, group)
        path = self._path(realm, group, stream)
        if not path.is_file():
            raise NotFoundError("The specified log stream does not exist.")
        return path

    def _folder(self, realm: str, group: str | None = None) -> Path:
        folder = self._root / _name(realm)
        return folder if group is None else folder / _name(group)

    def _path(self, realm: str, group: str, stream: str) -> Path:
        return self._folder(realm, group) / (_name(stream)[: 255 - len(SUFFIX)] + SUFFIX)


def _name(text: str) -> str:
    """Make one harmless file name of any text; "." and "~" are encoded too, so that none is hidden or special."""
    return quote(text, safe="")[:250].replace(".", "%2E").replace("~", "%7E")


def _lines(stream: str, path: Path, start: int) -> Iterator[LogEvent]:
    with open(path, "rb") as file:
        file.seek(start)
        at = start
        for text in file:
            if not text.endswith(b"\n"):
                return  # still being written
            if (event := _event(stream, at, text)) is not None:
                yield event
            at += len(text)


def _event(stream: str, at: int, text: bytes) -> LogEvent | None:
    try:
        time, message = json.loads(text)
        return LogEvent(stream, at, int(time), str(message))
    except (ValueError, TypeError):
        return None  # cut short by a kill


def _described(name: str, path: Path) -> LogStream:
    facts = path.stat()
    first = next(_lines(name, path, 0), None)
    newest = first
    with open(path, "rb") as file:
        file.seek(max(0, facts.st_size - BLOCK))
        tail = file.read().splitlines()
    for text in reversed(tail):
        if (event := _event(name, 0, text)) is not None:
            newest = event
            break
    return LogStream(
        name, int(facts.st_ctime * 1000) if first is None else first.time, int(facts.st_mtime * 1000),
        None if first is None else first.time, None if newest is None else newest.time, facts.st_size,
    )  # fmt: skip
