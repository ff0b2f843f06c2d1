"""Log groups and their streams as plain files that any process may append to and read at once.

::

    <home>/logs/<realm>/<group>/group.made       when the group was made
    <home>/logs/<realm>/<group>/<stream>.jsonl   its events, see :mod:`tarragon.engine.log_file`

Names are escaped byte by byte, so they are reversible and never lead anywhere; a very long one continues in a folder.
A place in a stream is a number of bytes: reading on from it costs what is read, however long the stream is.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from tarragon.engine import log_file
from tarragon.engine.disk import refusals, remove
from tarragon.engine.layout import contained
from tarragon.engine.log_file import LogEvent
from tarragon.errors import ConflictError, NotFoundError, ParameterError

MADE = "group.made"
ENDING = ".jsonl"
ON = "+"  # ends a folder in which a long name continues; an escaped name holds none
PIECE = 200  # characters of a name per path part, which with the ending stay below every file system's 255
NAME = 512  # longest name, as in CloudWatch
TOKEN = re.compile(r"[fb]/\d{1,18}")
PAGE_BYTES = 1 << 20  # of messages in one reading, as in CloudWatch


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group: its name, when it was made (ms since 1970), and the bytes in it."""

    name: str
    made: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LogStream:
    """A log stream; times in ms since 1970, None while it is empty.

    Parameters
    ----------
    name : str
    made : int
    first, last : int or None
        Times of the first and last event.
    taken : int or None
        When the last one was taken in.
    size_bytes : int
    """

    name: str
    made: int
    first: int | None
    last: int | None
    taken: int | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What part of a stream to read.

    Parameters
    ----------
    start, end : int, optional
        Only events with ``start <= time < end``, ms since 1970.
    limit : int
        Most events.
    token : str
        Where an earlier reading ended; "" starts at an end.
    from_head : bool
        Without a token: the oldest events first, not the newest.
    """

    start: int | None = None
    end: int | None = None
    limit: int = 10_000
    token: str = ""
    from_head: bool = False

    def holds(self, event: LogEvent) -> bool:
        """Say whether an event's time is inside."""
        return (self.start is None or event.time >= self.start) and (self.end is None or event.time < self.end)


@dataclass(frozen=True, slots=True)
class Reading:
    """Events in the order they were written, and the tokens to read on from either end of them."""

    events: tuple[LogEvent, ...]
    forward: str
    backward: str


ALL = Excerpt()


class Logs:
    """The logs of a home.

    Parameters
    ----------
    home : Path
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._root, self._clock = home / "logs", clock

    def write(self, realm: str, group: str, stream: str, events: Iterable[tuple[int, str]]) -> None:
        """Append (ms since 1970, message) pairs, making group and stream when they are new.

        What is written survives its writer once this returns. A time more than two hours ahead becomes two hours.
        Raises ``ParameterError`` for a name that is none.
        """
        folder, path = self._group(realm, group), self._stream(realm, group, stream)
        with refusals(f"write to the log {stream}", path):
            if not (folder / MADE).exists():
                self._make_group(folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            log_file.append(path, events, int(self._clock() * 1000))

    def create_group(self, realm: str, group: str) -> None:
        """Make an empty group. Raises ``ConflictError``."""
        folder = self._group(realm, group)
        with refusals(f"make the log group {group}", folder):
            if not self._make_group(folder):
                raise _taken("log group", group)

    def create_stream(self, realm: str, group: str, stream: str) -> None:
        """Make an empty stream. Raises ``NotFoundError`` without its group, ``ConflictError`` if it is there."""
        self.group(realm, group)
        if self._stream(realm, group, stream).exists():
            raise _taken("log stream", stream)
        self.write(realm, group, stream, [])

    def delete_group(self, realm: str, group: str) -> None:
        """Remove a group with all its streams. Raises ``NotFoundError``."""
        self.group(realm, group)
        folder = self._group(realm, group)
        (folder / MADE).unlink(missing_ok=True)  # gone for readers at once
        remove(folder)

    def delete_stream(self, realm: str, group: str, stream: str) -> None:
        """Remove a stream. Raises ``NotFoundError``."""
        self._existing(realm, group, stream).unlink(missing_ok=True)

    def groups(self, realm: str, prefix: str = "") -> tuple[LogGroup, ...]:
        """List the groups whose names begin with ``prefix``, by name."""
        found = sorted((name, path) for name, path in _named(self._realm(realm), "") if name.startswith(prefix))
        return tuple(_described(name, path) for name, path in found if (path / MADE).exists())

    def group(self, realm: str, group: str) -> LogGroup:
        """Look one up. Raises ``NotFoundError``."""
        folder = self._group(realm, group)
        self._check(folder, group)
        return _described(group, folder)

    def streams(self, realm: str, group: str, prefix: str = "") -> tuple[LogStream, ...]:
        """List the streams whose names begin with ``prefix``, by name. Raises ``NotFoundError`` without the group."""
        found = (_facts(name, path) for name, path in self._files(realm, group, prefix))
        return tuple(facts for facts in found if facts is not None)

    def stream(self, realm: str, group: str, stream: str) -> LogStream:
        """Look one up. Raises ``NotFoundError``."""
        facts = _facts(stream, self._existing(realm, group, stream))
        if facts is None:
            raise NotFoundError(f'There is no log stream "{stream[:80]}"', why="it was removed just now")
        return facts

    def events(self, realm: str, group: str, stream: str, excerpt: Excerpt = ALL) -> Reading:
        """Read part of a stream, oldest first.

        Raises
        ------
        NotFoundError
            When there is no such group or stream.
        ParameterError
            When the token is none of a reading's.
        """
        path = self._existing(realm, group, stream)
        direction, place = _told(excerpt.token)
        with open(path, "rb") as file:
            if direction == "f" or (not direction and excerpt.from_head):
                if not direction and excerpt.start is not None:
                    place = log_file.near(file, excerpt.start)
                found, end = _taken_from(log_file.scan(file, place), excerpt)
                return Reading(found, f"f/{end.end if end else place}", f"b/{found[0].place if found else place}")
            last = place if direction else _end(file)
            found, end = _taken_from(log_file.scan_back(file, last), excerpt)
            begin = end.place if end else last if direction else 0
            return Reading(found[::-1], f"f/{found[0].end if found else last}", f"b/{begin}")

    def names(self, realm: str, group: str, prefix: str = "", since: int | None = None) -> tuple[str, ...]:
        """Name the streams that may hold an event at or after a time (ms since 1970); a look at no file's content."""
        least = None if since is None else (since - log_file.AHEAD_MS) / 1000
        files = self._files(realm, group, prefix)
        return tuple(name for name, path in files if least is None or _modified(path) >= least)

    def scan(self, realm: str, group: str, stream: str, place: int, size: int = log_file.BLOCK) -> Iterator[LogEvent]:
        """Read a stream on from a place, about ``size`` bytes at a time, without keeping its file open in between."""
        while True:
            try:
                with open(self._existing(realm, group, stream), "rb") as file:
                    found, end = log_file.block(file, place, size)
            except (NotFoundError, FileNotFoundError):  # removed meanwhile
                return
            if end == place:
                return
            yield from found
            place = end

    def near(self, realm: str, group: str, stream: str, ms: int) -> int:
        """Find a place in a stream before which nothing has a time of ``ms`` or later. Raises ``NotFoundError``."""
        with open(self._existing(realm, group, stream), "rb") as file:
            return log_file.near(file, ms)

    def _realm(self, realm: str) -> Path:
        return contained(self._root, _escaped(realm, "realm"))

    def _group(self, realm: str, group: str) -> Path:
        return contained(self._realm(realm), _escaped(group, "log group"))

    def _stream(self, realm: str, group: str, stream: str) -> Path:
        return contained(self._group(realm, group), _escaped(stream, "log stream") + ENDING)

    def _check(self, folder: Path, group: str) -> None:
        if not (folder / MADE).exists():
            raise NotFoundError(f'There is no log group "{group[:80]}"', why="nothing was written to it yet")

    def _existing(self, realm: str, group: str, stream: str) -> Path:
        self._check(self._group(realm, group), group)
        path = self._stream(realm, group, stream)
        if not path.exists():
            raise NotFoundError(f'There is no log stream "{stream[:80]}"', why=f"nothing in {group} was written to it")
        return path

    def _files(self, realm: str, group: str, prefix: str) -> list[tuple[str, Path]]:
        folder = self._group(realm, group)
        self._check(folder, group)
        return sorted((name, path) for name, path in _named(folder, ENDING) if name.startswith(prefix))

    def _make_group(self, folder: Path) -> bool:
        """Make a group's folder; False when it was there, which is what several first writers find."""
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with open(folder / MADE, "x") as file:
                file.write(str(int(self._clock() * 1000)))
        except FileExistsError:
            return False
        return True


def _escaped(name: str, what: str) -> str:
    """Turn any name into a relative path that can be turned back."""
    if not 0 < len(name) <= NAME:
        raise ParameterError(f"{name[:80]!r} cannot be a {what}", why=f"it has {len(name)} characters, not 1 to {NAME}")
    # "=" escapes, not "%": what decodes percent signs downstream must find nothing to decode.
    text = quote(name, safe="", errors="surrogatepass").replace("%", "=")
    text = re.sub(r"^\.", "=2E", text)
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    return "/".join([piece + ON for piece in pieces[:-1]] + pieces[-1:])


def _named(folder: Path, ending: str, before: str = "") -> Iterator[tuple[str, Path]]:
    """List what a folder holds under escaped names that have an ending."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.endswith(ON):
            yield from _named(Path(entry.path), ending, before + entry.name.removesuffix(ON))
        elif entry.name.endswith(ending) and entry.name != MADE:
            text = before + entry.name.removesuffix(ending)
            yield unquote(text.replace("=", "%"), errors="surrogatepass"), Path(entry.path)


def _described(name: str, folder: Path) -> LogGroup:
    try:
        made = int((folder / MADE).read_text() or 0)
    except (FileNotFoundError, ValueError):  # removed, or written just now
        made = 0
    return LogGroup(name, made, sum(_size(path) for _, path in _named(folder, ENDING)))


def _facts(name: str, path: Path) -> LogStream | None:
    try:
        with open(path, "rb") as file:
            first = next(log_file.scan(file, 0), None)
            last = next(log_file.scan_back(file, _end(file)), None)
        times = (first.time if first else None, last.time if last else None, last.taken if last else None)
        return LogStream(name, log_file.made(path), *times, _size(path))
    except FileNotFoundError:  # removed meanwhile
        return None


def _taken_from(events: Iterable[LogEvent], excerpt: Excerpt) -> tuple[tuple[LogEvent, ...], LogEvent | None]:
    """Take what an excerpt holds, and say which event was looked at last."""
    found: list[LogEvent] = []
    last, size = None, 0
    for event in events:
        if len(found) >= excerpt.limit or size >= PAGE_BYTES:
            break
        last = event
        if excerpt.holds(event):
            found.append(event)
            size += len(event.message)
    return tuple(found), last


def _told(token: str) -> tuple[str, int]:
    if not token:
        return "", 0
    if not TOKEN.fullmatch(token):
        raise ParameterError(f"{token[:80]!r} is not a place in a log", why="no reading ended there")
    return token[0], int(token[2:])


def _end(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0


def _taken(what: str, name: str) -> ConflictError:
    return ConflictError(f"There is a {what} called {name} already", why="it was made before", fix="Use it")
