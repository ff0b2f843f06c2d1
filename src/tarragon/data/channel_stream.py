"""The files of a training channel as a stream of blocks: memory is one block, however many rows there are."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from tarragon.data.arrays import Batches, Tabular
from tarragon.data.channel import files, guessed
from tarragon.data.recordio import Rows, row_blocks, widened
from tarragon.data.wire import Media, decode, media
from tarragon.errors import DataError

TEXT_BYTES = 8 << 20  # of CSV, LIBSVM or JSON Lines at a time
LINES = ("csv", "libsvm", "jsonlines")


def stream_files(
    folders: Path | Sequence[Path],
    content_type: str,
    *,
    labels: int = 1,
    width: int | None = None,
    n_classes: int = 0,
    block_bytes: int = TEXT_BYTES,
) -> Batches:
    """Open a channel as blocks of rows, in the order of the files' names and of the rows in them.

    Every pass opens the files anew and gives the same blocks. A pipe can be read once and is refused.

    Parameters
    ----------
    folders, content_type, labels
        As in :func:`tarragon.data.read_files`.
    width : int, optional
        Columns. None: those of the first block; sparse rows are then gone through once to find the last column.
    n_classes : int
        Passed on.
    block_bytes : int
        Of text at a time.

    Raises
    ------
    DataError
        The channel is empty, a file cannot be read, or rows have another number of columns; also while iterating.
    """
    paths = files([folders] if isinstance(folders, Path) else folders)
    if any(path.is_fifo() for path in paths):
        raise DataError("A pipe cannot be read more than once", why="Blocks are read again", fix="Use File mode")
    kind = media(content_type) if content_type else _kind_of(paths)
    columns = labels if kind.labels < 0 else kind.labels

    def blocks(width: int | None = None) -> Iterator[Rows]:
        for path in paths:
            try:
                for rows in _blocks(path, kind, columns, block_bytes):
                    yield rows if width is None else replace(rows, X=_fitting(rows, width))
            except DataError as error:
                raise DataError(f"{path.name}: {error.what}", why=error.why, fix=error.fix) from error

    def opened() -> Iterator[Tabular]:
        for rows in blocks(wide):
            yield Tabular(rows.X, rows.y, rows.weight, n_classes=n_classes)

    first = next(blocks(), None)
    if first is None:
        raise DataError("The channel has no rows", why="All its files are empty", fix="Give at least one row")
    wide = width or _width(first, blocks)
    return Batches(opened, wide, n_classes)


def _width(first: Rows, blocks: object) -> int:
    if isinstance(first.X, np.ndarray):
        return int(first.X.shape[1])
    assert callable(blocks)
    return max(int(rows.X.shape[1]) for rows in blocks())


def _kind_of(paths: Sequence[Path]) -> Media:
    for path in paths:
        with path.open("rb") as file:
            if head := file.read(4096):
                return guessed(path.suffix, head)
    return Media("csv")


def _blocks(path: Path, kind: Media, labels: int, size: int) -> Iterator[Rows]:
    if kind.kind == "recordio":
        with path.open("rb") as file:
            yield from row_blocks(file)
    elif kind.kind in LINES:
        for text in _texts(path, size):
            if text.strip():
                yield decode(text, kind, labels)
    elif content := path.read_bytes():
        yield decode(content, kind, labels)


def _texts(path: Path, size: int) -> Iterator[bytes]:
    """Cut a file of lines into pieces of about ``size`` bytes that end with a line."""
    with path.open("rb") as file:
        rest = b""
        for chunk in chain(iter(lambda: file.read(size), b""), (b"",)):
            if not chunk:
                yield rest
                return
            whole, mark, after = chunk.rpartition(b"\n")
            if mark:
                yield rest + whole + mark
                rest = after
            else:
                rest += chunk


def _fitting(rows: Rows, width: int) -> "np.ndarray | sp.csr_matrix":
    X = rows.X
    if X.shape[1] == width:
        return X
    if isinstance(X, np.ndarray) or X.shape[1] > width:
        raise DataError(
            f"The rows have {X.shape[1]} columns", why=f"{width} were expected", fix="Give all of them equally many"
        )
    return widened(sp.csr_matrix(X), width)
