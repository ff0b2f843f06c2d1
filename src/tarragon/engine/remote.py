"""Objects in any store fsspec knows: S3, MinIO, memory. Their own writes are whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

from tarragon.engine.protocol import ObjectRecord
from tarragon.errors import MissingExtraError, StorageError


class Remote:
    """An fsspec file system as an object store.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``, ``memory://name``; objects lie under it as ``<bucket>/<key>``.

    Raises
    ------
    MissingExtraError
        When the protocol needs a package that is not installed.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise MissingExtraError(
                f"{url.partition('://')[0]}:// cannot be opened", why=str(error), fix="pip install 'tarragon[s3]'"
            ) from None
        except ValueError as error:
            raise StorageError(
                f"{url} is no object store", why=str(error), fix="For example s3://bucket/prefix"
            ) from None
        self._root = str(root).rstrip("/")

    def write(self, path: str, source: Path | bytes) -> None:
        """Store an object, replacing what was there."""
        with _refusals(path):
            if isinstance(source, bytes):
                self._files.pipe_file(self._full(path), source)
            else:
                self._files.put_file(str(source), self._full(path))

    def open(self, path: str) -> BinaryIO:
        """Open for reading."""
        with _refusals(path):
            return cast(BinaryIO, self._files.open(self._full(path), "rb"))

    def find(self, prefix: str) -> list[ObjectRecord]:
        """List objects whose path begins with a prefix, by path."""
        with _refusals(prefix):
            self._files.invalidate_cache()
            found = self._files.find(self._full(prefix.rpartition("/")[0]), detail=True)
        paths = ((str(name)[len(self._root) + 1 :], facts) for name, facts in sorted(found.items()))
        return [_record(path, facts) for path, facts in paths if path.startswith(prefix)]

    def stat(self, path: str) -> ObjectRecord:
        """Describe an object."""
        with _refusals(path):
            facts = self._files.info(self._full(path))
        if facts["type"] != "file":
            raise IsADirectoryError(path)
        return _record(path, facts)

    def delete(self, path: str) -> None:
        """Remove an object."""
        with _refusals(path):
            if self._files.isfile(self._full(path)):
                self._files.rm_file(self._full(path))

    def write_folder(self, path: str, folder: Path) -> None:
        """Store a folder's files one by one; the caller's own record says when all are there."""
        if self.find(f"{path}/"):
            raise FileExistsError(path)
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.write(f"{path}/{file.relative_to(folder).as_posix()}", file)

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"


def _record(path: str, facts: "dict[str, object]") -> ObjectRecord:
    when = next((facts[key] for key in ("mtime", "LastModified", "created") if key in facts), None)
    modified = (
        when.timestamp() if isinstance(when, datetime) else float(when) if isinstance(when, (int, float)) else 0.0
    )
    return ObjectRecord(f"s3://{path}", int(cast(int, facts.get("size") or 0)), modified)


@contextmanager
def _refusals(path: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, FileExistsError):
        raise
    except OSError as error:
        raise StorageError(
            f"The object store refused {path}",
            why=str(error) or type(error).__name__,
            fix="Check its address, your credentials and the network",
        ) from error
