"""The object store's folders: where a key's file is or will be, and keys in order without reading all of them."""

import os
import stat
import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from tarragon.engine.disk import flush
from tarragon.engine.key_path import BESIDE, CONTINUED, MARK, names_of, part_of
from tarragon.engine.layout import contained

REMEMBERED = 400_000  # names of listed folders kept in memory; about 200 bytes each
SETTLED_NS = 100_000_000  # a folder changed less than this before it was read may change again within its time's grain
ATTEMPTS = 10  # another process may remove an empty folder just when we need it


class Entry(NamedTuple):
    """A file or folder as its part of a key sorts.

    Parameters
    ----------
    part : bytes
        Of a folder with "/" at its end.
    name : bytes
        On the disk, relative to the folder that was read.
    """

    part: bytes
    name: bytes


class ObjectTree:
    """The folders under a root.

    Parameters
    ----------
    root : Path
        Has a folder per bucket.
    folded : bool, optional
        Whether the disk ignores case; looked up by default.
    """

    def __init__(self, root: Path, folded: bool | None = None) -> None:
        self.root = root
        self._folded = folded
        self._lock = Lock()
        self._read: OrderedDict[bytes, tuple[int, list[Entry]]] = OrderedDict()
        self._held = 0

    @property
    def folded(self) -> bool:
        """Whether the disk takes "A" and "a" for the same name."""
        if self._folded is None:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".case-{os.getpid()}"
            probe.touch()
            self._folded = probe.with_name(probe.name.upper()).exists()
            probe.unlink(missing_ok=True)
        return self._folded

    def place(self, bucket: str, key: str, *, beside: bool = False) -> Path:
        """Say where a key's file belongs. Raises ``ParameterError`` for what would lead out."""
        *above, last = key.split("/")
        names = [name for part in above for name in names_of(part, folded=self.folded)]
        names += names_of(last, folded=self.folded, beside=beside)
        return contained(self.root, "/".join((bucket, *names)))

    def locate(self, bucket: str, key: str) -> Path | None:
        """Find a key's file; None when there is none."""
        for path in (self.place(bucket, key), self.place(bucket, key, beside=True)):
            if _is_file(path):
                return path
        return self._by_hand(bucket, key) if self.folded else None

    def settle(self, bucket: str, key: str) -> Path:
        """Find or choose a key's file and make the folders above it, moving objects that are in their way aside."""
        target = self.locate(bucket, key)
        if target is None:
            target = self.place(bucket, key)
            if target.is_dir():
                target = self.place(bucket, key, beside=True)
        self._make(target.parent)
        return target

    def rename(self, source: Path, bucket: str, key: str) -> Path:
        """Move a finished file to a key's place, replacing what was there."""
        for attempt in range(ATTEMPTS):
            target = self.settle(bucket, key)
            try:
                os.replace(source, target)
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                if attempt == ATTEMPTS - 1 or not source.exists():
                    raise
            else:
                return target
        raise AssertionError("unreachable")

    def prune(self, folder: Path) -> None:
        """Remove a folder and those above it while they are empty; a bucket's own stays."""
        bottom = self.root.resolve()
        with suppress(OSError):  # not empty, or filled again just now
            while folder.parent != bottom and folder.is_relative_to(bottom):
                folder.rmdir()
                folder = folder.parent

    def keys(self, bucket: str, least: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Go through a bucket's keys that are not less than ``least``, in byte order, each with its file's path."""
        return self._walk(os.fsencode(self.root / bucket), b"", least)

    def _walk(self, folder: bytes, base: bytes, least: bytes) -> Iterator[tuple[bytes, bytes]]:
        entries = self._entries(folder)
        rest = least[len(base) :] if least.startswith(base) else b""
        at = bisect_left(entries, (rest,)) if rest else 0
        if at and entries[at - 1].part.endswith(b"/") and rest.startswith(entries[at - 1].part):
            at -= 1  # its own name is less, but what is in it may not be
        for part, name in entries[at:]:
            path = folder + b"/" + name
            if part.endswith(b"/"):
                yield from self._walk(path, base + part, least)
            else:
                yield base + part, path

    def _entries(self, folder: bytes) -> list[Entry]:
        try:
            changed = os.stat(folder).st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            return []
        with self._lock:
            held = self._read.get(folder)
            if held is not None and held[0] == changed:
                self._read.move_to_end(folder)
                return held[1]
        began = time.time_ns()
        entries, settled = self._scanned(folder)
        if settled and began - changed > SETTLED_NS:
            self._remember(folder, changed, entries)
        return entries

    def _scanned(self, folder: bytes) -> tuple[list[Entry], bool]:
        """Read a folder in order; False when it has pieces of long names, which have times of their own."""
        found, whole = [], True
        mark, reached = MARK.encode(), self._reached
        with suppress(FileNotFoundError), os.scandir(folder) as scan:
            for each in scan:
                name = each.name
                part, suffix = part_of(name) if name.startswith(mark) else (name, "")
                if each.is_symlink() and not reached(each.path):
                    continue
                if not each.is_dir(follow_symlinks=False):
                    found.append(Entry(part, name))
                elif suffix == CONTINUED:
                    whole = False
                    inner, _ = self._scanned(folder + b"/" + name)
                    found += [Entry(part + inside, name + b"/" + below) for inside, below in inner]
                elif suffix != BESIDE:
                    found.append(Entry(part + b"/", name))
        found = [each for each in found if _readable(each.part)]
        found.sort()
        return found, whole

    def _reached(self, path: bytes) -> bool:
        real = Path(os.fsdecode(os.path.realpath(path)))
        return real.is_file() and real.is_relative_to(self.root.resolve())

    def _remember(self, folder: bytes, changed: int, entries: list[Entry]) -> None:
        with self._lock:
            before = self._read.pop(folder, None)
            self._held += len(entries) - (len(before[1]) if before else 0)
            self._read[folder] = (changed, entries)
            while self._held > REMEMBERED and len(self._read) > 1:
                _, (_, gone) = self._read.popitem(last=False)
                self._held -= len(gone)

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        inside = folder.relative_to(self.root.resolve()).parts
        path = self.root.resolve()
        for name in inside:
            path /= name
            if path.is_file():
                self._step_aside(path)
            if not path.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                flush(path.parent)

    def _step_aside(self, path: Path) -> None:
        """Give an object that is where a folder is needed its other name; whoever looks finds one of the two."""
        part, suffix = part_of(os.fsencode(path.name))
        if suffix:
            return
        target = path.parent.joinpath(*names_of(part.decode(), folded=self.folded, beside=True))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(path, target)
        flush(path.parent)

    def _by_hand(self, bucket: str, key: str) -> Path | None:
        """Find a file put there by hand under its plain name, capitals and all, where the disk ignores case."""
        path = self.root / bucket
        for part in key.split("/"):
            if not path.is_dir() or part not in os.listdir(path):
                return None
            path /= part
        return path if path.is_file() else None


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # not there, or no name for this disk
        return False


def _readable(part: bytes) -> bool:
    if part.isascii():
        return True
    try:
        part.decode()
    except UnicodeDecodeError:
        return False  # no key has such a name: keys are UTF-8
    return True
