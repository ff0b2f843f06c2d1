"""Objects as plain files: ``<root>/<bucket>/<key>``, written aside, flushed, renamed into place."""

import io
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tarragon.engine.disk import atomic, flush, refusals, remove, sweep, temporary_in
from tarragon.engine.layout import contained
from tarragon.engine.object_tree import ObjectTree
from tarragon.engine.protocol import ObjectRecord

MAKING = ".making"  # where unfinished writes are: no bucket's name begins with a dot


class LocalFiles:
    """A folder as an object store.

    Parameters
    ----------
    root : Path
        Made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._tree = root, ObjectTree(root)
        sweep(root / MAKING)  # what killed writers left

    def write(self, path: str, source: Path | bytes) -> None:
        """Store an object, replacing what was there."""
        target = contained(self._root, path)
        if target.is_dir():
            raise IsADirectoryError(str(target))
        given = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        with given, atomic(target, beside=self._making()) as file:
            shutil.copyfileobj(given, file, 1 << 20)

    def open(self, path: str) -> BinaryIO:
        """Open for reading."""
        return open(self._located(path), "rb")

    def find(self, prefix: str) -> list[ObjectRecord]:
        """List objects whose path begins with a prefix, by path."""
        bucket, _, start = prefix.partition("/")
        found, least = [], start.encode(errors="surrogatepass")
        for key, path in self._tree.keys(bucket, least):
            if not key.startswith(least):
                break
            with suppress(FileNotFoundError):
                facts = os.stat(path)
                found.append(ObjectRecord(f"s3://{bucket}/{key.decode()}", facts.st_size, facts.st_mtime))
        return found

    def stat(self, path: str) -> ObjectRecord:
        """Describe an object."""
        facts = self._located(path).stat()
        return ObjectRecord(f"s3://{path}", facts.st_size, facts.st_mtime)

    def delete(self, path: str) -> None:
        """Remove an object, and the folders that become empty with it."""
        target = self._tree.locate(*path.split("/", 1))
        if target is None:
            return
        target.unlink()
        flush(target.parent)
        self._tree.prune(target.parent)

    def write_folder(self, path: str, folder: Path) -> None:
        """Store a folder: copied aside, flushed, then renamed as a whole."""
        target = contained(self._root, path)
        making = temporary_in(self._making(), target.name)
        with refusals(f"store the folder {path}", target):
            try:
                _copy(folder, making)
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.exists():
                    raise FileExistsError(str(target))
                os.rename(making, target)  # fails when the target came to be meanwhile and is not empty
                flush(target.parent)
            except OSError as error:
                remove(making)
                if target.exists() and any(target.iterdir()):
                    raise FileExistsError(str(target)) from error
                raise

    def where(self, path: str) -> Path:
        """Say where an object or prefix lies."""
        return contained(self._root, path)

    def _located(self, path: str) -> Path:
        bucket, key = path.split("/", 1)
        target = self._tree.locate(bucket, key)
        if target is None:
            raise FileNotFoundError(path)
        return target

    def _making(self) -> Path:
        folder = self._root / MAKING
        with refusals("write to the object store", folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder


def _copy(folder: Path, to: Path) -> None:
    """Copy a folder's files and flush each; ``shutil.copytree`` would wrap the reason of a failure out of sight."""
    for current, _, names in os.walk(folder):
        target = to / Path(current).relative_to(folder)
        target.mkdir(parents=True)
        for name in names:
            shutil.copyfile(Path(current) / name, target / name)
            flush(target / name)
        flush(target)
