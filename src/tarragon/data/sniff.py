"""Finds out how a delimited text file is written: encoding, delimiter, quoting, header."""

import codecs
import csv
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tarragon.errors import DataError

logger = logging.getLogger(__name__)

SAMPLE_CHARS = 262_144  # looked at for delimiter and header; a few hundred rows of a wide table
SAMPLE_ROWS = 500
SAMPLE_LINES = 20  # at the least, however long they are
SEPARATORS = (",", ";", "\t", "|")
NO_SEPARATOR = "\x1f"  # ASCII unit separator: stands for "one column", no real cell holds it
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1e\x7f]")  # characters no text file needs
C1 = re.compile(r"[\x80-\x9f]")  # control characters that appear when a foreign encoding is read as Latin-1
NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?")
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?|\d{1,2}:\d{2}(:\d{2})?")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is written.

    Parameters
    ----------
    encoding : str
        A Python codec name; "utf-8" means that the bytes can be read as they are.
    separator, quote : str
    header : bool
        Whether the first record names the columns.
    names : tuple of str
        Column names, made up ("column_0") where there is no header.
    """

    encoding: str
    separator: str
    quote: str
    header: bool
    names: tuple[str, ...]


def find_encoding(data: bytes, source: str) -> tuple[str, int]:
    """Name the codec of a file's bytes and how many leading bytes mark it.

    UTF-8 and UTF-16 are recognised by their marks or by decoding; other bytes are read as Windows-1252, which
    contains printable Latin-1. Raises ``DataError`` for bytes that are no text in any of them.
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return name, len(mark)
    head = data[:4096]
    if b"\x00" in head:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        half = len(head) / 2
        if odd > 0.4 * half and even < 0.05 * half:
            return "utf-16-le", 0
        if even > 0.4 * half and odd < 0.05 * half:
            return "utf-16-be", 0
        raise _no_text(source, "it holds zero bytes, as only binary files do")
    if data.isascii() or _decodes(data, "utf-8"):
        return "utf-8", 0
    if _decodes(data, "cp1252"):
        return "cp1252", 0
    if len(C1.findall(data[:SAMPLE_CHARS].decode("latin-1"))) == 0:
        return "latin-1", 0
    raise _no_text(source, "its bytes are neither UTF-8, UTF-16, Latin-1 nor Windows-1252")


def _decodes(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    step = 1 << 24
    try:
        for start in range(0, len(data), step):
            decoder.decode(data[start : start + step], start + step >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def _no_text(source: str, why: str) -> DataError:
    return DataError(
        f"Cannot read the text in {source}",
        why=f"The encoding is unreadable: {why}",
        fix="Save the table as UTF-8 CSV, or as Parquet",
    )


def beginning(data: bytes) -> tuple[str, bool]:
    """Decode the part of UTF-8 bytes that is looked at: some rows even of a very wide table; and whether it is all."""
    end = min(len(data), SAMPLE_CHARS)
    for _ in range(SAMPLE_LINES - data.count(b"\n", 0, end)):
        end = data.find(b"\n", end) + 1 or len(data)
    return data[:end].decode("utf-8", errors="ignore"), end == len(data)


def sniff(
    text: str, *, source: str, encoding: str = "utf-8", expect: Collection[str] = (), complete: bool = True
) -> Dialect:
    """Find delimiter, quoting and header from the beginning of a file.

    Parameters
    ----------
    text : str
        The beginning of the file, decoded.
    source : str
        Its name, for errors.
    expect : collection of str
        Column names the caller knows of (the target): seeing one in the first record proves a header.
    complete : bool
        Whether ``text`` is the whole file; otherwise its last record is cut off and not looked at.

    Raises
    ------
    DataError
        No text, only a header, or two columns of the same name.
    """
    if not text.strip():
        raise DataError(f"{source} is empty", why="It holds no rows", fix="Give a file with a header and rows")
    junk = len(CONTROL.findall(text))
    if junk > 0.002 * len(text):
        raise _no_text(source, "it is full of control characters, as only binary files are")
    quote = _quote(text)
    separator = _separator(text, quote, complete)
    rows = _records(text, separator, quote, complete)
    header = has_header(rows, expect)
    if header:
        names = tuple(name.strip() or f"column_{i}" for i, name in enumerate(rows[0]))
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise duplicate_names(source, twice)
        if len(rows) == 1 and complete:
            raise DataError(f"{source} has a header but no rows", why="Nothing follows its first line", fix="Add rows")
    else:
        names = tuple(f"column_{i}" for i in range(max(len(row) for row in rows)))
    return Dialect(encoding, separator, quote, header, names)


def duplicate_names(source: str, names: Sequence[str]) -> DataError:
    """Say which column names occur more than once."""
    shown = ", ".join(f'"{n}"' for n in names[:5])
    return DataError(
        f"{source} has several columns of the same name",
        why=f"More than once: {shown}",
        fix="Rename or remove one of each",
    )


def _quote(text: str) -> str:
    r"""Return ``"`` unless cells are plainly wrapped in ``'`` and no ``"`` is used."""
    if '"' in text:
        return '"'
    wrapped = len(re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n])", text, flags=re.MULTILINE))
    return "'" if wrapped >= 3 else '"'


def _records(text: str, separator: str, quote: str, complete: bool) -> list[list[str]]:
    """Cut the first records; of an incomplete text the last one is cut off and left out."""
    rows: list[list[str]] = []
    with _long_cells(text):
        try:
            for row in csv.reader(text.splitlines(keepends=True), delimiter=separator, quotechar=quote):
                if row:
                    rows.append(row)
                if len(rows) > SAMPLE_ROWS:
                    break
        except csv.Error as error:  # what was read so far must be enough
            logger.debug("stopped looking at a sample: %s", error)
    if len(rows) > 1 and (not complete or len(rows) > SAMPLE_ROWS):
        rows.pop()
    return rows or [[text[:100]]]


@contextmanager
def _long_cells(text: str) -> Iterator[None]:
    """Let the csv module take cells of any length, as files do."""
    limit = csv.field_size_limit(len(text) + 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _separator(text: str, quote: str, complete: bool) -> str:
    """Return the delimiter that cuts most rows into the same number of cells, more than one."""
    best, best_score = NO_SEPARATOR, 0.0
    for candidate in SEPARATORS:
        if candidate not in text:
            continue
        widths = Counter(len(row) for row in _records(text, candidate, quote, complete))
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        share = count / sum(widths.values())
        # A comma may be a decimal mark inside a file cut by ';': consistency first, then the number of cells.
        score = share + 0.001 * min(width, 100) if width > 1 and share >= 0.7 else 0.0
        if score > best_score:
            best, best_score = candidate, score
    return best


def has_header(rows: Sequence[Sequence[str]], expect: Collection[str] = ()) -> bool:
    """Whether the first record names the columns.

    A name the caller knows settles it. Otherwise each column votes: a word above numbers or dates speaks for a
    header, a number above numbers against it. Where all is text, a first record of distinct words that do not
    come again in their columns is a header.

    Examples
    --------
    >>> has_header([["age", "job"], ["31", "cook"], ["27", "clerk"]])
    True
    >>> has_header([["31", "cook"], ["27", "clerk"]])
    False
    """
    first = [cell.strip() for cell in rows[0]]
    if any(cell in expect for cell in first):
        return True
    body = rows[1:SAMPLE_ROWS]
    votes = 0
    for i, cell in enumerate(first):
        below = [row[i].strip() for row in body if i < len(row) and row[i].strip()]
        measured = bool(below) and sum(_is_value(v) for v in below) >= 0.8 * len(below)
        if _is_value(cell):
            votes += 1 if _is_year(cell) and below and not any(_is_year(v) for v in below) else -1
        elif cell and measured:
            votes += 1
    if votes:
        return votes > 0
    if any(_is_value(cell) for cell in first) or len(set(first)) < len(first):
        return not any(_is_value(cell) for cell in first) and len(body) > 0 and len(set(first)) > 1
    named = [i for i, cell in enumerate(first) if cell]
    return bool(named) and not any(row[i].strip() == first[i] for row in body for i in named if i < len(row))


def _is_value(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell) or DATE.fullmatch(cell))


def _is_year(cell: str) -> bool:
    return len(cell) == 4 and cell.isdigit() and 1900 <= int(cell) <= 2100


def ragged(text: str, dialect: Dialect, source: str) -> DataError:
    """Say which record has more cells than there are columns."""
    with _long_cells(text):
        reader = csv.reader(text.splitlines(keepends=True), delimiter=dialect.separator, quotechar=dialect.quote)
        try:
            wide = next((len(row) for row in reader if len(row) > len(dialect.names)), 0)
            where = f"Line {reader.line_num} has {wide} cells where {len(dialect.names)} were expected" if wide else ""
        except csv.Error as error:
            where = str(error)
    return DataError(
        f"{source} cannot be cut into columns",
        why=where or f"Its rows do not fit the delimiter {dialect.separator!r}",
        fix='Put cells that contain the delimiter into double quotes ("…")',
    )
