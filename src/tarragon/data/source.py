"""From a path or a frame to raw polars columns, and the hash of where they came from."""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from tarragon.data.cells import Unused, column, flat, never, plain_cells
from tarragon.data.frames import from_frame
from tarragon.data.sniff import Dialect, beginning, find_encoding, ragged, sniff
from tarragon.errors import DataError

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame

Source: TypeAlias = "str | Path | pl.DataFrame | IntoDataFrame"
"""A path to CSV, TSV, Parquet, JSON Lines or Arrow, or a pandas, polars or Arrow frame."""

HASH_ROWS = 100_000  # rows of a frame turned to text at a time while hashing
FORMATS = {
    ".parquet": "parquet", ".pq": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".arrow": "ipc", ".feather": "ipc", ".ipc": "ipc",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """What was read, before any cleaning.

    Parameters
    ----------
    frame : polars.DataFrame
        Text files give text columns only; other sources keep their types, flat.
    name : str
        The path, or "frame".
    sha256 : str
        Of the file's bytes, or of the frame's content.
    notes : tuple of str
    """

    frame: pl.DataFrame
    name: str
    sha256: str
    notes: tuple[str, ...] = ()


def load(source: Source, *, expect: Collection[str] = (), unused: Unused = never, hashed: bool = True) -> Raw:
    """Read a path or frame as it is.

    Parameters
    ----------
    source : path or frame
    expect : collection of str
        Column names the caller knows of; they help to recognise a header.
    unused : callable
        Tells columns nobody will use; they may be nested.
    hashed : bool
        Whether to compute ``sha256``; prediction does without.

    Raises
    ------
    DataError
        The file is missing, empty, broken or of no known format, or has nested or doubly named columns.
    """
    if isinstance(source, (str, Path)):
        return _load_file(Path(source).expanduser(), expect, unused, hashed)
    frame = source if isinstance(source, pl.DataFrame) else from_frame(source, unused)
    frame = flat(frame, "the frame", unused)
    if frame.width == 0:
        raise DataError(
            "The frame has no columns", why="Nothing to learn from", fix="Give a frame with columns and rows"
        )
    return Raw(frame, "frame", frame_sha256(frame) if hashed else "")


def check_path(path: Path) -> None:
    """Raise ``DataError`` unless there is a readable, non-empty file."""
    if not path.exists():
        from tarragon.errors import near_miss

        folder = path.parent if path.parent.is_dir() else None
        others = sorted(p.name for p in folder.iterdir() if p.is_file())[:200] if folder else []
        hint = near_miss(path.name, others) if others else "Check the path"
        raise DataError(f"There is no file {path}", why="The path does not exist", fix=hint)
    if path.is_dir():
        raise DataError(f"{path} is a folder", why="A table is read from one file", fix="Name the file inside it")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty", why="The file has no bytes", fix="Give a file with a header and rows")


def format_of(path: Path) -> str:
    """Return "csv", "parquet", "jsonl" or "ipc": by the first bytes where they tell, else by the suffix."""
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "ipc"
    suffixes = [s.lower() for s in path.suffixes]
    suffix = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else (suffixes or [""])[-1]
    return FORMATS.get(suffix, "csv")


def _load_file(path: Path, expect: Collection[str], unused: Unused, hashed: bool) -> Raw:
    check_path(path)
    kind = format_of(path)
    try:
        if kind in ("parquet", "ipc"):
            frame = _read_binary(path, kind)
            digest = file_sha256(path) if hashed else ""
        else:
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest() if hashed else ""
            data = unpacked(data, path)
            frame = read_json(data, str(path), unused) if kind == "jsonl" else read_text(data, str(path), expect)
    except OSError as error:
        raise DataError(
            f"Cannot read {path}", why=str(error), fix="Check the file and your rights to read it"
        ) from error
    return Raw(flat(frame, str(path), unused), str(path), digest)


def _read_binary(path: Path, kind: str) -> pl.DataFrame:
    title = "Parquet" if kind == "parquet" else "Arrow"
    try:
        if kind == "parquet":
            return pl.read_parquet(path, glob=False)
        with path.open("rb") as file:
            streamed = file.read(4) == b"\xff\xff\xff\xff"
        return pl.read_ipc_stream(path) if streamed else pl.read_ipc(path)
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise DataError(
            f"{path} is not a readable {title} file", why=_first_line(error), fix="Write it again, or give CSV instead"
        ) from error


def unpacked(data: bytes, path: Path) -> bytes:
    """Decompress gzip, recognised by its first bytes."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not a whole gzip file", why=str(error), fix="Compress or download it again"
        ) from error


def read_text(data: bytes, source: str, expect: Collection[str] = ()) -> pl.DataFrame:
    """Read a delimited text file's bytes; every column is text."""
    encoding, skip = find_encoding(data, source)
    if encoding != "utf-8":
        try:
            data = data[skip:].decode(encoding).encode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"Cannot read the text in {source}", why=str(error), fix="Save the table as UTF-8 CSV"
            ) from error
    elif skip:
        data = data[skip:]
    data = data.lstrip(b"\r\n") if data[:1] in (b"\r", b"\n") else data
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    sample, complete = beginning(data)
    dialect = sniff(sample, source=source, encoding=encoding, expect=expect, complete=complete)
    return parse(data, dialect, source, header=dialect.header)


def parse(data: bytes, dialect: Dialect, source: str, *, header: bool) -> pl.DataFrame:
    """Cut UTF-8 bytes into text columns."""
    try:
        frame = pl.read_csv(
            io.BytesIO(data),
            has_header=header,
            separator=dialect.separator,
            quote_char=dialect.quote,
            infer_schema=False,
            schema=None if header else dict.fromkeys(dialect.names, pl.String),
        )
    except pl.exceptions.PolarsError as error:
        if isinstance(error, pl.exceptions.NoDataError):
            raise DataError(f"{source} has no rows", why=_first_line(error), fix="Give a header and rows") from error
        raise ragged(data.decode("utf-8", errors="replace"), dialect, source) from error
    if frame.width != len(dialect.names):
        raise ragged(data.decode("utf-8", errors="replace"), dialect, source)
    frame.columns = list(dialect.names)
    return frame


def read_json(data: bytes, source: str, unused: Unused = never) -> pl.DataFrame:
    """Read JSON Lines, or one JSON array of objects. Cells of mixed types become text."""
    text = data.lstrip()
    if not text:
        raise DataError(f"{source} is empty", why="It holds no rows", fix="Give one JSON object per line")
    rows = list(_json_rows(text, source))
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = {name: plain_cells([row.get(name) for row in rows], unused(name)) for name in names}
    return pl.DataFrame([column(name, values, source) for name, values in cells.items()])


def _json_rows(text: bytes, source: str) -> Iterator[dict[str, object]]:
    try:
        if text.startswith(b"["):
            records: Iterator[tuple[int, object]] = iter(enumerate(json.loads(text), start=1))
        else:
            records = ((n, json.loads(line)) for n, line in enumerate(text.splitlines(), start=1) if line.strip())
        for number, record in records:
            if not isinstance(record, dict):
                raise DataError(
                    f"{source} is not JSON Lines of objects",
                    why=f"Record {number} is {record!r:.60}",
                    fix='Write {"column": value} per line',
                )
            yield record
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{source} is not valid JSON Lines", why=str(error), fix="Give one JSON object per line, UTF-8"
        ) from error


def file_sha256(path: Path) -> str:
    """Hash a file's bytes in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def frame_sha256(frame: pl.DataFrame) -> str:
    """Hash a frame's names, types and cells; equal frames hash equally however they are held in memory."""
    digest = hashlib.sha256(json.dumps([[n, str(t)] for n, t in frame.schema.items()]).encode())
    for block in frame.iter_slices(HASH_ROWS):
        digest.update(block.write_csv(include_header=False, null_value="\\N").encode())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
