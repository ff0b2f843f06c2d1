"""Writes a frame to a file, whole or not at all."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from tarragon.errors import DataError, StorageError, near_miss

WRITERS: Mapping[str, Callable[[pl.DataFrame, Path], object]] = {
    ".csv": lambda frame, path: frame.write_csv(path),
    ".tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    ".parquet": lambda frame, path: frame.write_parquet(path),
    ".jsonl": lambda frame, path: frame.write_ndjson(path),
    ".ndjson": lambda frame, path: frame.write_ndjson(path),
    ".arrow": lambda frame, path: frame.write_ipc(path),
}


def write_table(frame: pl.DataFrame, path: str | Path) -> None:
    """Write a frame as CSV, TSV, Parquet, JSON Lines or Arrow, by the suffix of ``path``.

    The file appears under its name only when it is complete; a file of that name is replaced.

    Raises
    ------
    DataError
        The suffix names no format.
    StorageError
        The disk refused.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise DataError(
            f"Cannot write {path.name}",
            why=f'"{path.suffix}" names no table format',
            fix=near_miss(path.suffix, WRITERS),
        )
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        writer(frame, Path(temporary))
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except (OSError, pl.exceptions.PolarsError) as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(
            f"Cannot write {path}", why=str(error), fix="Free space, or choose another folder"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
