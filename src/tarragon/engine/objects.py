"""The object store: named bytes in buckets, on this machine's disk by default, in S3 or elsewhere by URL.

A URI is ``s3://bucket/key`` or ``bucket/key``; both name the same object. Locally that is the plain file
``objects/<bucket>/<key>``, which anybody may look at. An object appears whole or not at all.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tarragon.engine.layout import contained
from tarragon.engine.protocol import Backend, ObjectRecord
from tarragon.errors import ConflictError, NotFoundError, ParameterError, near_miss

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # S3's rule for general purpose buckets
KEY_BYTES = 1024  # S3's limit


class Objects:
    """An object store.

    Parameters
    ----------
    root : Path or str
        A folder, or a URL for fsspec: ``s3://bucket/prefix``, ``memory://name``.
    """

    def __init__(self, root: Path | str) -> None:
        if isinstance(root, str) and "://" in root:
            from tarragon.engine.remote import Remote

            self._backend: Backend = Remote(root)
        else:
            from tarragon.engine.local_files import LocalFiles

            self._backend = LocalFiles(Path(root))

    def put(self, uri: str, source: Path | bytes) -> ObjectRecord:
        """Store a file or bytes; durable once this returns.

        Raises
        ------
        ParameterError
            When the URI is none, or its key could lead out of the store.
        ConflictError
            When a part of the key is an object already (locally a file cannot also be a folder).
        StorageError
            When the disk is full or the store refuses.
        """
        path = _path(uri)
        try:
            self._backend.write(path, source)
        except (NotADirectoryError, IsADirectoryError, FileExistsError):
            raise ConflictError(
                f"s3://{path} cannot be stored",
                why="another object's key is the beginning of it, or goes on where it ends",
                fix="Choose a key that is not also a folder",
            ) from None
        return self._backend.stat(path)

    def get(self, uri: str) -> bytes:
        """Read an object. Raises ``NotFoundError`` with near misses."""
        with self.open(uri) as file:
            return file.read()

    @contextmanager
    def open(self, uri: str) -> Iterator[BinaryIO]:
        """Open an object for reading. Raises ``NotFoundError`` with near misses."""
        path = _path(uri)
        try:
            file = self._backend.open(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise self._missing(path) from None
        with file:
            yield file

    def stat(self, uri: str) -> ObjectRecord:
        """Describe an object without reading it. Raises ``NotFoundError`` with near misses."""
        path = _path(uri)
        try:
            return self._backend.stat(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise self._missing(path) from None

    def exists(self, uri: str) -> bool:
        """Whether there is such an object."""
        try:
            self.stat(uri)
        except NotFoundError:
            return False
        return True

    def list(self, prefix: str) -> tuple[ObjectRecord, ...]:
        """List the objects whose URI begins with a prefix, by key; "bucket" lists all of it."""
        bucket, _, start = _stripped(prefix).partition("/")
        _path(f"{bucket}/x")
        return tuple(self._backend.find(f"{bucket}/{start}"))

    def delete(self, uri: str) -> None:
        """Remove an object; none is fine."""
        self._backend.delete(_path(uri))

    def put_folder(self, uri: str, folder: Path) -> tuple[ObjectRecord, ...]:
        """Store every file of a folder under a prefix, all of them or (locally) none.

        Raises
        ------
        ConflictError
            When there are objects under the prefix already.
        """
        path = _path(uri.rstrip("/"))
        try:
            self._backend.write_folder(path, folder)
        except FileExistsError:
            raise ConflictError(
                f"s3://{path} cannot be stored", why="there are objects under it already", fix="Choose another prefix"
            ) from None
        return tuple(self._backend.find(f"{path}/"))

    def get_folder(self, uri: str, folder: Path) -> tuple[Path, ...]:
        """Copy every object under a prefix into a folder. Raises ``NotFoundError`` when there are none."""
        prefix = _path(uri.rstrip("/")) + "/"
        found = self._backend.find(prefix)
        if not found:
            raise self._missing(prefix)
        copied = []
        for each in found:
            target = contained(folder, _stripped(each.uri).removeprefix(prefix))
            target.parent.mkdir(parents=True, exist_ok=True)
            with self.open(each.uri) as source, open(target, "wb") as file:
                while block := source.read(1 << 20):
                    file.write(block)
            copied.append(target)
        return tuple(copied)

    def local(self, uri: str) -> Path | None:
        """Say where an object or prefix lies on this machine's disk, to map it into memory; None when it does not."""
        where = getattr(self._backend, "where", None)
        return where(_path(uri.rstrip("/"))) if where else None

    def _missing(self, path: str) -> NotFoundError:
        bucket = path.partition("/")[0]
        known = [each.uri for each in self._backend.find(f"{bucket}/")[:1000]]
        return NotFoundError(
            f"There is no object s3://{path}",
            why=f"the bucket {bucket} holds {len(known)} objects" if known else f"the bucket {bucket} is empty",
            fix=near_miss(f"s3://{path}", known) if known else "",
        )


def object_root(home: Path) -> Path | str:
    """Say where a home's objects are: below it, or where ``$TARRAGON_OBJECTS`` says."""
    return os.environ.get("TARRAGON_OBJECTS") or home / "objects"


def _stripped(uri: str) -> str:
    return uri.removeprefix("s3://")


def _path(uri: str) -> str:
    """Check a URI and return it as ``bucket/key``."""
    bucket, _, key = _stripped(uri).partition("/")
    if not BUCKET.fullmatch(bucket) or ".." in bucket:
        raise ParameterError(
            f"{uri[:80]!r} names no object",
            why=f"{bucket[:63]!r} is no bucket: 3 to 63 lower-case letters, digits, dots and hyphens",
            fix='Write "bucket/key" or "s3://bucket/key"',
        )
    if not key or len(key.encode(errors="surrogatepass")) > KEY_BYTES:
        raise ParameterError(
            f"{uri[:80]!r} names no object", why=f"a key has 1 to {KEY_BYTES} bytes", fix='Write "bucket/key"'
        )
    contained(Path("/objects"), key)  # the rule by which names become paths; applied to remote stores alike
    return f"{bucket}/{key}"
