"""The object store in full: buckets, objects with facts beside their bytes, conditions, and keys page by page.

The bytes are the same plain files that :class:`tarragon.engine.Objects` reads and writes. What else is known of an
object (its tag, type, checksums) is in an index beside them, and found anew for files that were put there by hand.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any, BinaryIO, NamedTuple

from tarragon.engine.disk import flush, refusals, remove, temporary_in
from tarragon.engine.draft import BLOCK, Draft
from tarragon.engine.layout import contained
from tarragon.engine.local_files import MAKING
from tarragon.engine.object_index import Facts, ObjectIndex, Version
from tarragon.engine.object_tree import ObjectTree
from tarragon.engine.objects import BUCKET
from tarragon.errors import ConflictError, NotFoundError, ParameterError

HIDDEN = ".meta"  # no bucket's name begins with a dot
HASHED_BYTES = 8 << 20  # larger files that came by hand get a tag made of their version, as reading them all costs


class Stored(NamedTuple):
    """An object as it is on disk.

    Parameters
    ----------
    key : str
    size_bytes : int
    modified : float
        Seconds since 1970.
    tag : str
        Changes with the bytes: their MD5, or with a dash at its end something else.
    facts : mapping
        What was kept with it.
    """

    key: str
    size_bytes: int
    modified: float
    tag: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a bucket's keys.

    Parameters
    ----------
    objects : tuple of Stored
    prefixes : tuple of str
        What keys with the delimiter in them were rolled up into.
    last : str
        The last key or prefix on the page; "" when there is none.
    more : bool
        Whether there are keys after it.
    """

    objects: tuple[Stored, ...]
    prefixes: tuple[str, ...]
    last: str
    more: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which keys: those that begin with ``prefix`` and come after ``after``, rolled up at ``delimiter``."""

    prefix: str = ""
    after: str = ""
    delimiter: str = ""
    limit: int = 1000


Check = Callable[[Stored | None], None]


class Buckets:
    """The buckets under a folder; make it with :func:`buckets_in`, so that a process has one per folder.

    Parameters
    ----------
    root : Path
    folded : bool, optional
        Whether the disk ignores case; found out by default.
    """

    def __init__(self, root: Path, folded: bool | None = None) -> None:
        self.root = root
        self.tree = ObjectTree(root, folded)
        self.index = ObjectIndex(root / HIDDEN / "index.db")
        self.lock = RLock()  # held while what is at a key changes

    def names(self) -> list[tuple[str, float]]:
        """Name the buckets, each with when its folder was made or changed."""
        if not self.root.is_dir():
            return []
        with os.scandir(self.root) as scan:
            found = [(each.name, each.stat().st_mtime) for each in scan if each.name[0] != "." and each.is_dir()]
        return sorted(found)

    def exists(self, bucket: str) -> bool:
        """Whether there is such a bucket."""
        return BUCKET.fullmatch(bucket) is not None and (self.root / bucket).is_dir()

    def make(self, bucket: str) -> bool:
        """Make a bucket; False when it was there. Raises ``ParameterError`` for what is no bucket's name."""
        folder = self._folder(bucket)
        with refusals(f"make the bucket {bucket}", folder):
            self.root.mkdir(parents=True, exist_ok=True)
            try:
                folder.mkdir()
            except FileExistsError:
                return False
            flush(self.root)
        return True

    def remove(self, bucket: str) -> None:
        """Remove an empty bucket. Raises ``ConflictError`` when it is not."""
        folder = self._folder(bucket)
        with self.lock:
            if next(self.tree.keys(bucket), None) is not None:
                raise ConflictError(
                    f"The bucket {bucket} is not empty", why="objects are in it", fix="Delete them first"
                )
            remove(folder)
            flush(self.root)
            for upload in self.index.forget_bucket(bucket):
                remove(contained(self.root, f"{HIDDEN}/uploads/{upload}"))

    def stat(self, bucket: str, key: str) -> Stored:
        """Describe an object. Raises ``NotFoundError``."""
        file, stored = self.open(bucket, key)
        file.close()
        return stored

    def find(self, bucket: str, key: str) -> Stored | None:
        """Describe an object; None when there is none."""
        try:
            return self.stat(bucket, key)
        except NotFoundError:
            return None

    def open(self, bucket: str, key: str) -> tuple[BinaryIO, Stored]:
        """Open an object: its bytes and facts are of one version, whatever happens to the key meanwhile."""
        self._folder(bucket)
        for _ in range(10):  # it may be moved aside between being found and being opened
            path = self.tree.locate(bucket, key)
            if path is None:
                break
            try:
                file = open(path, "rb", buffering=0)  # noqa: SIM115 - the caller closes it
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
            return file, self._described(bucket, [(key, path, os.fstat(file.fileno()))])[0]  # type: ignore[return-value]
        raise NotFoundError(f"There is no object {key[:200]!r} in the bucket {bucket}")

    def draft(self) -> Draft:
        """Begin an object, aside."""
        folder = self.root / MAKING
        with refusals("store an object", folder):
            folder.mkdir(parents=True, exist_ok=True)
            return Draft(temporary_in(folder, "object"))

    def keep(
        self, draft: Draft, where: tuple[str, str], facts: Mapping[str, Any], check: Check | None = None
    ) -> Stored:
        """Give a finished draft its key; durable, and seen by everybody, once this returns.

        Parameters
        ----------
        draft : Draft
        where : (bucket, key)
        facts : mapping
            Plain values; "tag" among them.
        check : callable, optional
            Is given what is there now (None for nothing) and may raise to leave it so; nothing comes between.
        """
        return self.keep_file(draft.path, draft.finish(), where, facts, check)

    def keep_file(
        self,
        path: Path,
        version: Version,
        where: tuple[str, str],
        facts: Mapping[str, Any],
        check: Check | None = None,
    ) -> Stored:
        """Give any finished file of this disk a key; see :meth:`keep`."""
        bucket, key = where
        with self.lock, refusals("store an object", self.root / bucket):
            if not self.exists(bucket):
                raise NotFoundError(f"There is no bucket {bucket}")
            if check is not None:
                check(self.find(bucket, key))
            # The facts first, the bytes by one rename after: at every moment what is there is described rightly.
            now = self.tree.locate(bucket, key)
            seen = now.stat() if now is not None else None
            self.index.note(bucket, [(key, version, facts)], Version(seen.st_size, seen.st_mtime_ns) if seen else None)
            try:
                target = self.tree.rename(path, bucket, key)
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    raise ParameterError("The key is too long for this disk", why=error.strerror or "") from error
                raise
        flush(target.parent)
        return Stored(key, version.size, version.changed / 1e9, str(facts["tag"]), facts)

    def edit(self, bucket: str, key: str, edit: Callable[[Stored], Mapping[str, Any]]) -> Stored:
        """Replace what is known of an object by what ``edit`` makes of it. Raises ``NotFoundError``."""
        with self.lock:
            file, stored = self.open(bucket, key)
            with file:
                seen = os.fstat(file.fileno())
            facts = edit(stored)
            self.index.note(bucket, [(key, Version(seen.st_size, seen.st_mtime_ns), facts)])
        return Stored(key, stored.size_bytes, stored.modified, stored.tag, facts)

    def delete(self, bucket: str, key: str, check: Check | None = None) -> bool:
        """Remove an object and the folders that become empty; False when there was none."""
        self._folder(bucket)
        with self.lock:
            if check is not None:
                check(self.find(bucket, key))
            path = self.tree.locate(bucket, key)
            if path is None:
                return False
            path.unlink(missing_ok=True)
            flush(path.parent)
            self.index.forget(bucket, key)
            self.tree.prune(path.parent)
        return True

    def page(self, bucket: str, wanted: Wanted) -> Page:
        """List keys in byte order from any point on; the time depends on the page, not on the bucket."""
        self._folder(bucket)
        found: list[tuple[str, bytes, os.stat_result]] = []
        prefixes: list[str] = []
        more = False
        prefix, delimiter = wanted.prefix.encode(), wanted.delimiter.encode()
        after = wanted.after.encode()
        if delimiter and wanted.after.startswith(wanted.prefix) and delimiter in after[len(prefix) :]:
            rolled = after[: after.index(delimiter, len(prefix)) + len(delimiter)]
            least = _past(rolled) if rolled == after else after + b"\0"
        else:
            least = after + b"\0" if after else b""
        last = b""
        keys = self.tree.keys(bucket, max(prefix, least))
        while (each := next(keys, None)) is not None:
            key, path = each
            if not key.startswith(prefix):
                break
            if key == last:
                continue
            if len(found) + len(prefixes) >= wanted.limit:
                more = True
                break
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            if at >= 0:
                last = key[: at + len(delimiter)]
                prefixes.append(last.decode())
                keys = self.tree.keys(bucket, _past(last))
            elif (facts := _facts(path)) is not None:
                last = key
                found.append((key.decode(), path, facts))
        objects = tuple(each for each in self._described(bucket, found) if each is not None)
        return Page(objects, tuple(prefixes), last.decode(), more)

    def _folder(self, bucket: str) -> Path:
        if not BUCKET.fullmatch(bucket) or ".." in bucket:
            raise ParameterError(f"{bucket[:80]!r} is no bucket's name", fix="3 to 63 of a-z, 0-9, dots and hyphens")
        return contained(self.root, bucket)

    def _described(self, bucket: str, files: Sequence[tuple[str, Path | bytes, os.stat_result]]) -> list[Stored | None]:
        """Add what is known to files, finding out what is not; None for a file that is gone."""
        versions = [(key, Version(facts.st_size, facts.st_mtime_ns)) for key, _, facts in files]
        known = self.index.facts(bucket, versions)
        found_out: list[tuple[str, Version, Facts]] = []
        for at, facts in enumerate(known):
            if facts is None and (tag := _tag(files[at][1], versions[at][1])):
                made = known[at] = {"tag": tag}
                found_out.append((*versions[at], made))
        if found_out:
            self.index.note(bucket, found_out)
        return [
            Stored(key, size, changed / 1e9, str(facts["tag"]), facts) if facts else None
            for (key, (size, changed)), facts in zip(versions, known, strict=True)
        ]


@lru_cache(maxsize=16)
def buckets_in(root: Path) -> Buckets:
    """Open the buckets under a folder; the same ones each time."""
    return Buckets(root)


def blocks(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    """Read a run of bytes of an open file, block by block."""
    file.seek(start)
    while size and (block := file.read(min(size, BLOCK))):
        size -= len(block)
        yield block


def _past(key: bytes) -> bytes:
    """Say the least key that comes after every key beginning with this one; its last byte is never 255 in UTF-8."""
    return key[:-1] + bytes([key[-1] + 1])


def _facts(path: bytes) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _tag(path: Path | bytes, version: Version) -> str:
    """Find a tag for a file nobody described; "" when it is gone."""
    if version.size > HASHED_BYTES:
        made = hashlib.md5(f"{version.size} {version.changed}".encode(), usedforsecurity=False)
        return f"{made.hexdigest()}-{-(-version.size // HASHED_BYTES)}"
    made = hashlib.md5(usedforsecurity=False)
    try:
        # A first listing does this for every file: without a file object it takes half the time.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            while block := os.read(handle, BLOCK):
                made.update(block)
        finally:
            os.close(handle)
    except OSError:
        return ""
    return made.hexdigest()
