"""A table in blocks of rows, its cells as they were written, so that scoring a large file needs little memory.

CSV in UTF-8 is cut at record ends and Parquet by rows; whatever else there is (other encodings, gzip, JSON Lines,
Arrow, frames) is read whole and handed on in blocks.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from tarragon.data.sniff import SAMPLE_CHARS, find_encoding, sniff
from tarragon.data.source import Source, check_path, flat, format_of, load, parse
from tarragon.errors import DataError

BLOCK_ROWS = 50_000
BLOCK_BYTES = 16 << 20  # of CSV text per block; about the size of 50,000 rows of 40 columns
WHOLE_BYTES = 4 * BLOCK_BYTES  # a CSV file up to here is read whole: its header and types are judged on all of it


def blocks(source: Source, *, expect: Collection[str] = (), block_bytes: int = BLOCK_BYTES) -> Iterator[pl.DataFrame]:
    """Read a path or frame in blocks, all with the same columns.

    Parameters
    ----------
    source : path or frame
    expect : collection of str
        Column names the model knows; they help to recognise a header.
    block_bytes : int
        Of text per block of a CSV file that is not read whole.

    Raises
    ------
    DataError
        The source cannot be read.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    if path is not None:
        check_path(path)
        kind = format_of(path)
        if kind == "parquet":
            yield from _parquet(path)
            return
        if kind == "csv" and path.stat().st_size > 4 * block_bytes and _is_plain_utf8(path):
            yield from _csv(path, expect, block_bytes)
            return
    yield from load(source, expect=expect, hashed=False).frame.iter_slices(BLOCK_ROWS)


def _is_plain_utf8(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(SAMPLE_CHARS)
    whole_lines = head[: head.rfind(b"\n") + 1]
    return not head.startswith(b"\x1f\x8b") and b"\n" in head and find_encoding(whole_lines, str(path))[0] == "utf-8"


def _csv(path: Path, expect: Collection[str], block_bytes: int) -> Iterator[pl.DataFrame]:
    with path.open("rb") as file:
        head = file.read(SAMPLE_CHARS)
        skip = find_encoding(head[: head.rfind(b"\n") + 1], str(path))[1]
        text = head[skip : head.rfind(b"\n") + 1].decode("utf-8")
        dialect = sniff(text.lstrip("\r\n"), source=str(path), expect=expect, complete=False)
        file.seek(skip)
        header, rest = dialect.header, b""
        while True:
            read = file.read(block_bytes)
            data = rest + read
            end = _record_end(data, dialect.quote.encode()) if read else len(data)
            data, rest = data[:end], data[end:]
            data = data.lstrip(b"\r\n") if header else data
            if data.strip():
                yield parse(_checked(data, path), dialect, str(path), header=header)
                header = False
            if not read:
                return


def _record_end(data: bytes, quote: bytes) -> int:
    """Find the last line end outside quotes; 0 where there is none, so that the next block is added first."""
    end = data.rfind(b"\n") + 1
    open_quotes = data.count(quote, 0, end) % 2
    while end > 0 and open_quotes:
        before = data.rfind(b"\n", 0, end - 1) + 1
        open_quotes = (open_quotes - data.count(quote, before, end)) % 2
        end = before
    return end


def _checked(data: bytes, path: Path) -> bytes:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"Cannot read the text in {path}",
            why=f"It begins as UTF-8 but further on holds {data[error.start : error.start + 8]!r}",
            fix="Save the table as UTF-8 CSV, or as Parquet",
        ) from error
    return data


def _parquet(path: Path) -> Iterator[pl.DataFrame]:
    try:
        scan = pl.scan_parquet(path, glob=False)
        height = int(scan.select(pl.len()).collect().item())
        for start in range(0, max(height, 1), BLOCK_ROWS):
            yield flat(scan.slice(start, BLOCK_ROWS).collect(), str(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{path} is not a readable Parquet file",
            why=str(error).strip().partition("\n")[0],
            fix="Write it again, or give CSV instead",
        ) from error
