"""Reads files in blocks of rows, so that tables larger than memory can be streamed or thinned."""

import codecs
import gzip
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

import polars as pl

from tarragon.data.cells import flat
from tarragon.data.sniff import Dialect, beginning, find_encoding, sniff
from tarragon.data.source import Source, format_of, load, parse, read_json
from tarragon.errors import DataError

READ_BYTES = 1 << 24  # of text at a time
ENCODING_BYTES = 1 << 20  # looked at for the encoding
BLOCK_ROWS = 65_536
WHOLE_BYTES = 64 << 20  # a file up to here is read whole: header and delimiter are judged on all of it


def read_blocks(
    source: Source, *, rows: int = BLOCK_ROWS, expect: Collection[str] = (), whole_bytes: int = WHOLE_BYTES
) -> Iterator[pl.DataFrame]:
    """Read a path or frame in blocks of ``rows`` rows, the cells as they were written.

    Parameters
    ----------
    source : path or frame
    expect : collection of str
        Column names the caller knows of; they help to recognise a header.
    whole_bytes : int
        A larger file is read block by block.
    """
    path = Path(source).expanduser() if isinstance(source, (str, Path)) else None
    if path is not None and path.is_file() and path.stat().st_size > whole_bytes:
        return frames(path, rows=rows, expect=expect)
    return load(source, expect=expect, hashed=False).frame.iter_slices(rows)


def frames(path: Path, *, rows: int, expect: Collection[str] = ()) -> Iterator[pl.DataFrame]:
    """Raw blocks of exactly ``rows`` rows (the last may be shorter), in the order of the file."""
    kind = format_of(path)
    if kind in ("parquet", "ipc"):
        yield from _binary_frames(path, kind, rows)
        return
    waiting: list[pl.DataFrame] = []
    held = 0
    for block in _text_frames(path, expect) if kind == "csv" else _json_frames(path):
        waiting.append(block)
        held += block.height
        if held >= rows:
            joined = pl.concat(waiting, how="diagonal_relaxed")
            whole = held - held % rows
            yield from joined[:whole].iter_slices(rows)
            waiting, held = [joined[whole:]], held - whole
    if held:
        yield pl.concat(waiting, how="diagonal_relaxed")


def _binary_frames(path: Path, kind: str, rows: int) -> Iterator[pl.DataFrame]:
    try:
        lazy = pl.scan_parquet(path, glob=False) if kind == "parquet" else pl.scan_ipc(path)
        start = 0
        while (block := lazy.slice(start, rows).collect()).height:
            yield flat(block, str(path))
            start += rows
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{path} cannot be read in blocks", why=str(error).splitlines()[0], fix="Write it again as Parquet"
        ) from error


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]  # both read bytes


def _chunks(path: Path) -> Iterator[bytes]:
    """UTF-8 bytes of a text file, in pieces, without byte order mark."""
    try:
        with _opened(path) as file:
            first = file.read(READ_BYTES)
            # A cut character at the end of the sample must not make UTF-8 look like something else.
            cut = max(first[:ENCODING_BYTES].rfind(b"\n"), 0) + 1 if len(first) > ENCODING_BYTES else len(first)
            encoding, skip = find_encoding(first[:cut], str(path))
            decoder = codecs.getincrementaldecoder(encoding)()
            piece = first[skip:]
            while piece:
                yield piece if encoding == "utf-8" else decoder.decode(piece).encode("utf-8")
                piece = file.read(READ_BYTES)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read to its end", why=str(error), fix="Check that the file is whole"
        ) from error


def _text_frames(path: Path, expect: Collection[str]) -> Iterator[pl.DataFrame]:
    dialect: Dialect | None = None
    rest = b""
    for chunk in _chunks(path):
        rest += chunk
        header = dialect is None
        if dialect is None:
            sample, _ = beginning(rest)
            dialect = sniff(sample, source=str(path), expect=expect, complete=len(rest) < READ_BYTES)
            header = dialect.header
        end = record_end(rest, dialect.quote.encode())
        if end:
            yield parse(rest[:end], dialect, str(path), header=header)
            rest = rest[end:]
            dialect = Dialect(dialect.encoding, dialect.separator, dialect.quote, False, dialect.names)
    if rest.strip() and dialect is not None:
        yield parse(rest, dialect, str(path), header=dialect.header)


def record_end(data: bytes, quote: bytes) -> int:
    r"""Where the last whole record ends: after the last line end outside quotes; 0 if there is none.

    Examples
    --------
    >>> record_end(b'a,b\n1,"x\ny', b'"')
    4
    """
    end = data.rfind(b"\n") + 1
    if not end:
        return 0
    if data.count(quote, 0, end) % 2 == 0:
        return end
    # An odd number of quotes before a line end means that it lies inside a cell: go back to before that cell.
    while end and data.count(quote, 0, end) % 2:
        opened = data.rfind(quote, 0, end)
        end = data.rfind(b"\n", 0, opened) + 1
    return end


def _json_frames(path: Path) -> Iterator[pl.DataFrame]:
    rest = b""
    for chunk in _chunks(path):
        rest += chunk
        end = rest.rfind(b"\n") + 1
        if end and rest[:end].strip():
            yield read_json(rest[:end], str(path))
            rest = rest[end:]
    if rest.strip():
        yield read_json(rest, str(path))


def thinned(path: Path, most: int, *, expect: Collection[str] = ()) -> tuple[pl.DataFrame, int, int]:
    """Read every k-th row so that between ``most`` and half of it remain, in one pass and little memory.

    Returns
    -------
    frame : polars.DataFrame
        Raw rows number 0, k, 2k, … of the file.
    total, step : int
        Rows of the file, and k: 1 when all were kept.
    """
    kept: list[pl.DataFrame] = []
    total, step, held = 0, 1, 0
    for block in frames(path, rows=BLOCK_ROWS, expect=expect):
        kept.append(block.gather_every(step, offset=-total % step))
        total += block.height
        held += kept[-1].height
        while held > most:
            kept = [pl.concat(kept, how="diagonal_relaxed").gather_every(2)]
            held, step = kept[0].height, 2 * step
    if not kept:
        raise DataError(f"{path} has no rows", why="Nothing follows its header", fix="Add rows")
    return pl.concat(kept, how="diagonal_relaxed"), total, step
