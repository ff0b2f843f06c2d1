"""Texts with classes: CSV without a header, the class's number first and the text second."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tarragon.data.arrays import Index
from tarragon.data.channel import files
from tarragon.errors import DataError

NAME = "data.csv"
MOST_CLASSES = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts, and their classes where they are known.

    Parameters
    ----------
    texts : tuple of str, n of them
    y : ndarray of shape (n,), int64, optional
        Class codes 0…K-1.
    n_classes : int
        K; 0 without classes.
    """

    texts: tuple[str, ...]
    y: Index | None = None
    n_classes: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, index: Index) -> "Texts":
        """Take texts by number."""
        return replace(
            self, texts=tuple(self.texts[i] for i in index.tolist()), y=None if self.y is None else self.y[index]
        )


def read_texts(folders: Path | Sequence[Path], *, n_classes: int = 0) -> Texts:
    """Read the ``data.csv`` of a channel, or all its CSV files where none has that name.

    Parameters
    ----------
    folders : Path or sequence of Path
    n_classes : int
        Classes there are; 0: as many as occur.

    Raises
    ------
    DataError
        There is no file; a row has not two columns; a class is no whole number from 0 to K-1, or one of them never
        occurs.
    """
    found = files([folders] if isinstance(folders, Path) else folders)
    chosen = [path for path in found if path.name == NAME] or [p for p in found if p.suffix.lower() == ".csv"]
    if not chosen:
        raise DataError(f"There is no {NAME}", why=f"The channel has {found[0].name}", fix=f"Name the file {NAME}")
    texts: list[str] = []
    codes: list[int] = []
    for path in chosen:
        for number, row in _rows(path):
            if len(row) != 2:
                raise _refused(path, number, f"it has {len(row)} columns, and should be class,text")
            try:
                code = int(row[0])
            except ValueError as error:
                raise _refused(path, number, f"{row[0][:40]!r} is no class number") from error
            if not 0 <= code < (n_classes or MOST_CLASSES):
                raise _refused(path, number, f"class {code} is not from 0 to {(n_classes or MOST_CLASSES) - 1}")
            texts.append(row[1])
            codes.append(code)
    if not texts:
        raise DataError("The channel has no texts", why="Its files are empty", fix="Give lines like 0,some text")
    y = np.array(codes, np.int64)
    if not n_classes:
        missing = np.setdiff1d(np.arange(y.max() + 1), y)
        if len(missing):
            raise DataError(
                "The classes are not 0 to K-1",
                why=f"The highest is {y.max()}, and {missing[0]} never occurs",
                fix="Number them from 0 without a gap",
            )
    return Texts(tuple(texts), y, n_classes or int(y.max()) + 1)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        content = path.read_bytes().decode("utf-8-sig")
        if "\0" in content:
            raise _refused(path, 1, "it holds bytes that no text has")
        for number, row in enumerate(csv.reader(io.StringIO(content, newline=""), strict=True), 1):
            if row:
                yield number, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(path, 0, str(error)) from error


def _refused(path: Path, number: int, why: str) -> DataError:
    where = f"row {number} of {path.name}" if number else path.name
    return DataError(
        f"The texts cannot be read: {where}", why=why, fix='Write lines like 0,"some text", without a header'
    )
