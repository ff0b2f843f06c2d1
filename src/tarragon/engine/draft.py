"""Objects and parts of objects in the making: hidden files, and the MD5 of what was written to them."""

import errno
import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from tarragon.engine.disk import refusals, remove
from tarragon.engine.object_index import Version

BLOCK = 1 << 20


class Draft:
    """An object in the making: a hidden file and the MD5 of what was written to it.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path, self.size_bytes = path, 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._file = open(path, "xb", buffering=0)  # noqa: SIM115 - closed by finish or discard

    def write(self, data: bytes) -> None:
        """Add bytes. Raises ``StorageError`` when the disk is full."""
        self._md5.update(data)
        with refusals("store an object", self.path):
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        self.size_bytes += len(data)

    def take(self, source: BinaryIO, offset: int, size: int, *, hashed: bool) -> None:
        """Add bytes of an open file, within the kernel where it can; ``hashed`` reads them for the MD5 too."""
        with refusals("store an object", self.path):
            if hashed or not _copied(source.fileno(), self._file.fileno(), offset, size):
                self._file.seek(self.size_bytes)  # also after a copy that stopped half way
                source.seek(offset)
                left = size
                while left and (block := source.read(min(left, BLOCK))):
                    self._md5.update(block)
                    self._file.write(block)
                    left -= len(block)
                size -= left
        self.size_bytes += size

    def finish(self) -> Version:
        """Flush to the disk and close."""
        with refusals("store an object", self.path):
            os.fsync(self._file.fileno())
        facts = os.fstat(self._file.fileno())
        self._file.close()
        return Version(facts.st_size, facts.st_mtime_ns)

    def discard(self) -> None:
        """Throw it away; nothing happens after it was stored."""
        self._file.close()
        remove(self.path)

    @property
    def md5(self) -> bytes:
        """Of what was written so far."""
        return self._md5.digest()


def _copied(source: int, target: int, offset: int, size: int) -> bool:
    copy = getattr(os, "copy_file_range", None)
    if copy is None:
        return False
    while size:
        try:
            done = copy(source, target, size, offset)
        except OSError as error:
            if error.errno in (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                return False
            raise
        if not done:
            return False
        size, offset = size - done, offset + done
    return True


class PartDraft:
    """A part in the making.

    Parameters
    ----------
    path : Path
    offset : int
        Where in the file it begins.
    """

    def __init__(self, path: Path, offset: int) -> None:
        self.path, self.size_bytes, self._offset = path, 0, offset
        self._md5 = hashlib.md5(usedforsecurity=False)
        with refusals("store a part", path):
            self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666)

    def write(self, data: bytes) -> None:
        """Add bytes. Raises ``StorageError`` when the disk is full."""
        self._md5.update(data)
        view = memoryview(data)
        with refusals("store a part", self.path):
            while view:
                done = os.pwrite(self._file, view, self._offset + self.size_bytes)
                self.size_bytes += done
                view = view[done:]

    def finish(self) -> None:
        """Flush to the disk and close."""
        with refusals("store a part", self.path):
            getattr(os, "fdatasync", os.fsync)(self._file)
        self.close()

    def close(self) -> None:
        """Close without flushing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @property
    def md5(self) -> bytes:
        """Of what was written so far."""
        return self._md5.digest()
