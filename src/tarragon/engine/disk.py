"""Writing to disk so that readers see the old file or the new one, never half of either.

A file is written under a hidden temporary name that carries its writer's identity, flushed to the disk, then renamed
over the target, and the folder is flushed too: once a call has returned, a power cut cannot undo it.
"""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tarragon.engine.identity import alive, myself
from tarragon.errors import StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
TEMPORARY = ".tmp"  # suffix of files in the making


@contextmanager
def refusals(doing: str, path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into a :class:`~tarragon.errors.StorageError` that says what to do.

    Parameters
    ----------
    doing : str
        What was being tried: "save the stage profile".
    path : Path
        Where.
    """
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        if error.errno in FULL:
            raise full(doing, path) from error
        if error.errno in FORBIDDEN:
            raise StorageError(
                f"Could not {doing}",
                why=f"writing to {path} is not permitted ({error.strerror})",
                fix="Check who owns that folder, or set TARRAGON_HOME to one you may write to",
            ) from error
        raise


def full(doing: str, path: Path) -> StorageError:
    """Build the error of a full disk, quota or file-size limit."""
    free = ""
    with suppress(OSError):
        free = f", {shutil.disk_usage(_existing(path)).free / 1e6:,.0f} MB are free"
    return StorageError(
        f"Could not {doing}",
        why=f"the disk, quota or file-size limit under {path} is full{free}",
        fix="Free some space, or set TARRAGON_HOME to a folder on a larger disk, and run again: what was saved is kept",
    )


@contextmanager
def atomic(path: Path, *, beside: Path | None = None, flushed: bool = True) -> Iterator[BinaryIO]:
    """Write a file that appears whole or not at all, and survives a power cut once this returns.

    Parameters
    ----------
    path : Path
        The file to make or replace; its folder is created.
    beside : Path, optional
        Folder of the temporary file, on the same file system; the target's own by default.
    flushed : bool
        False leaves the flushing to the system: enough against a killed process, and quicker. For what a run writes
        by the hundred and would do again after a power cut.
    """
    doing = f"write {path.name}"
    with refusals(doing, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_in(beside or path.parent, path.name)
        try:
            with open(temporary, "xb") as file:
                yield file
                if flushed:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if flushed:
            flush(path.parent)


def write_json(content: object, path: Path, *, indent: int | None = None) -> None:
    """Write plain JSON that appears whole or not at all, whoever is killed when; see ``flushed`` of :func:`atomic`."""
    with atomic(path, flushed=False) as file:
        file.write(json.dumps(content, indent=indent).encode())


def folder_bytes(folder: Path) -> int:
    """Add up the files in a folder and below it."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def flush(path: Path) -> None:
    """Make a file's bytes durable, or the renames, creations and removals in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_in(folder: Path, name: str) -> Path:
    """Name a file or folder in the making: hidden, unique, and traceable to its writer."""
    # The name is only a hint for people; a long one is cut so that the whole stays a legal file name.
    return folder / f".{name[:60]}~{myself()}~{secrets.token_hex(4)}{TEMPORARY}"


def sweep(folder: Path) -> int:
    """Remove what dead writers of this machine left unfinished in a folder; return how many."""
    swept = 0
    if not folder.is_dir():
        return swept
    for path in folder.glob(f".*{TEMPORARY}"):
        writer = path.name.rsplit("~", 2)[-2:-1]
        if writer and alive(writer[0]) is False:
            remove(path)
            swept += 1
    return swept


def remove(path: Path) -> None:
    """Remove a file or a whole folder; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
