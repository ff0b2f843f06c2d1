"""Reads tables larger than memory in blocks, and encodes each block as it comes."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

from tarragon.data.align import align
from tarragon.data.arrays import Batches, Tabular
from tarragon.data.cells import flat
from tarragon.data.encode import Encoder
from tarragon.data.recipe import Recipe, apply
from tarragon.data.sniff import SAMPLE_CHARS, Dialect, find_encoding, sniff
from tarragon.data.source import check_path, format_of, parse, read_json
from tarragon.errors import DataError, ParameterError

READ_BYTES = 1 << 24  # of text at a time
ENCODING_BYTES = 1 << 20  # looked at for the encoding


def batches(source: str | Path, encoder: Encoder, view: str, *, rows: int = 65_536) -> Batches:
    """Stream a file through an encoder.

    Rows whose target is missing, or a class the encoder does not know, are left out. Every pass opens the file anew
    and gives the same blocks in the same order. Memory: one block of text and its arrays.

    Parameters
    ----------
    source : path
        CSV/TSV (.gz too), JSON Lines, Parquet or Arrow.
    encoder : Encoder
        Fitted on a sample of the same table.
    view : {"codes", "onehot", "dense"}
    rows : int
        Rows per block; the last may have fewer.
    """
    if rows < 1:
        raise ParameterError(f"rows={rows} is too few", why="A block needs a row", fix="Use 65536")
    path = Path(source)
    check_path(path)
    names = encoder.feature_names(view)
    categorical = encoder.transform(encoder.align(pl.DataFrame({c: [] for c in encoder.columns}))[0], view).categorical

    def opened() -> Iterator[Tabular]:
        for frame in frames(path, rows=rows, expect=encoder.columns):
            block = _encoded(frame, encoder, view)
            if block.n_rows:
                yield block

    return Batches(opened, len(names), len(encoder.question["classes"]), names, categorical)


def _encoded(frame: pl.DataFrame, encoder: Encoder, view: str) -> Tabular:
    question = encoder.question
    target, weight = question["target"], question["weight"]
    y = None
    if target in frame.columns:
        recipe = Recipe(**{**question["recipe"], "formats": tuple(question["recipe"]["formats"])})
        answers = apply(frame.get_column(target), recipe)
        if question["task"] != "regression":
            known = _typed(question["classes"], answers)
            answers = answers.replace_strict(known, list(range(len(known))), default=None, return_dtype=pl.Float64)
        there = answers.is_not_null()
        frame = frame.filter(there)
        y = answers.filter(there).cast(pl.Float64).to_numpy().astype(np.float64)
    made = encoder.transform(align(frame, encoder.specs)[0], view)
    weights = None
    if weight and weight in frame.columns:
        weights = apply(frame.get_column(weight), Recipe("number")).fill_null(0.0).to_numpy().astype(np.float64)
    return Tabular(made.X, y, weights, made.names, len(question["classes"]), made.categorical)


def _typed(classes: list[object], answers: pl.Series) -> list[object]:
    """Write labels as the answers are held: numbers as floats, words as words."""
    return [float(c) if answers.dtype == pl.Float64 else c for c in classes]  # type: ignore[arg-type]  # numeric there


def frames(path: Path, *, rows: int, expect: tuple[str, ...] = ()) -> Iterator[pl.DataFrame]:
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


def _text_frames(path: Path, expect: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    dialect: Dialect | None = None
    rest = b""
    for chunk in _chunks(path):
        rest += chunk
        header = dialect is None
        if dialect is None:
            sample = rest[: 4 * SAMPLE_CHARS].decode("utf-8", errors="ignore")[:SAMPLE_CHARS]
            dialect = sniff(sample, source=str(path), expect=expect, complete=len(rest) <= len(sample.encode()))
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
