"""Text as a stream of blocks of whole lines: memory is one block, however many lines there are."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from tarragon.data.channel import files
from tarragon.data.recordio import MAGIC_BYTES, frames
from tarragon.errors import DataError

BLOCK_BYTES = 8 << 20
LONGEST = 64 << 20  # bytes without a blank, beyond which a file is no text
PREFIX = "__label__"


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    r"""Lines of text that can be read again from the start.

    Parameters
    ----------
    open : callable
        Returns a fresh iterator over blocks of UTF-8 bytes, the same each time. A block ends with a line's end; in a
        line that is longer than a block, after a blank.

    Examples
    --------
    >>> list(Lines.of(["one line", "another"]))
    [b'one line\nanother\n']
    """

    open: Callable[[], Iterator[bytes]]

    def __iter__(self) -> Iterator[bytes]:
        return self.open()

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Lines":
        """Make a stream of lines that are there already; a line's end within one is a space."""
        block = b"".join(_line(text) for text in texts)
        return cls(lambda: iter((block,) if block else ()))


def stream_lines(folders: Path | Sequence[Path], *, block_bytes: int = BLOCK_BYTES) -> Lines:
    """Open a channel of text files as lines, in the order of the files' names.

    A file of plain text is given as it is. A file of JSON Lines with "source" and "label" (an augmented manifest), and
    records of RecordIO that are source and label by turns, become lines with the label in front. A pipe is read anew
    for every pass, as SageMaker offers one: ``train_0``, ``train_1`` ….

    Parameters
    ----------
    folders : Path or sequence of Path
    block_bytes : int
        Of text at a time.

    Raises
    ------
    DataError
        There is no file; while iterating: what is there is no text, or a line of a manifest cannot be read.
    """
    paths = files([folders] if isinstance(folders, Path) else folders)
    passes = 0

    def opened() -> Iterator[bytes]:
        nonlocal passes
        number, passes = passes, passes + 1
        for path in paths:
            try:
                with _place(path, number).open("rb") as file:
                    yield from _blocks(file, block_bytes)
            except DataError as error:
                raise DataError(f"{path.name}: {error.what}", why=error.why, fix=error.fix) from error

    return Lines(opened)


def _place(path: Path, number: int) -> Path:
    """Return the pipe of a pass: its name ends with the pass's number. A file is the same at each."""
    base, _, first = path.name.rpartition("_")
    return path.with_name(f"{base}_{number}") if first == "0" and number and path.is_fifo() else path


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    head = file.read(4)
    if head == MAGIC_BYTES:
        yield from _gathered(_recorded(file), size)
        return
    whole = _cut(file, head, size)
    first = next(whole, b"")
    if first.lstrip()[:1] == b"{" and _manifested(first):
        yield from _gathered((_labelled(line) for block in chain((first,), whole) for line in block.splitlines()), size)
        return
    for block in chain((first,), whole):
        if b"\0" in block:
            raise DataError(
                "The file is no text", why="It holds bytes that no text has", fix="Give one sentence a line, in UTF-8"
            )
        if block:
            yield block


def _cut(file: BinaryIO, head: bytes, size: int) -> Iterator[bytes]:
    """Cut into blocks that end with a line's end, or a blank where there is none; the last is given a line's end."""
    rest = [head]
    while chunk := file.read(size):
        whole, mark, after = chunk.rpartition(b"\n")
        if not mark:
            whole, mark, after = chunk.rpartition(b" ")
        if mark:
            yield b"".join([*rest, whole, mark])
            rest = [after]
        else:
            rest.append(chunk)
            if sum(map(len, rest)) > LONGEST:
                raise DataError(
                    "The file is no text", why=f"{LONGEST >> 20} MB without a blank", fix="Give one sentence a line"
                )
    last = b"".join(rest)
    if last:
        yield last if last.endswith(b"\n") else last + b"\n"


def _gathered(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    held: list[bytes] = []
    length = 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length >= size:
            yield b"".join(held)
            held, length = [], 0
    if length:
        yield b"".join(held)


def _manifested(block: bytes) -> bool:
    try:
        found = json.loads(block.lstrip().split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "source" in found


def _labelled(line: bytes) -> bytes:
    if not line.strip():
        return b""
    try:
        found = json.loads(line)
        return marked(found["source"], found.get("label", []))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _no_manifest(f"{line[:60]!r} {error}") from error


def _recorded(file: BinaryIO) -> Iterator[bytes]:
    """Read records by turns: the source, then its label."""
    file_again = _Again(MAGIC_BYTES, file)
    source: bytes | None = None
    for payload in frames(file_again):  # type: ignore[arg-type]
        if source is None:
            source = payload
            continue
        try:
            yield marked(source.decode(), json.loads(payload))
        except (ValueError, TypeError, RecursionError) as error:
            raise _no_manifest(f"{payload[:60]!r} is no label") from error
        source = None
    if source is not None:
        raise _no_manifest("the last source has no label")


@dataclass(slots=True)
class _Again:
    """A file whose first bytes were read already."""

    head: bytes
    file: BinaryIO

    def read(self, size: int) -> bytes:
        if not self.head:
            return self.file.read(size)
        taken, self.head = self.head[:size], self.head[size:]
        return taken + (self.file.read(size - len(taken)) if len(taken) < size else b"")


def marked(source: str, label: Any) -> bytes:
    r"""Write a manifest's entry as a line of text with its labels in front.

    Parameters
    ----------
    source : str
    label : int, str, or list of them

    Raises
    ------
    TypeError
        Of other types.

    Examples
    --------
    >>> marked("a good film", [1, 3])
    b'__label__1 __label__3 a good film\n'
    """
    labels = label if isinstance(label, list) else [label]
    if not isinstance(source, str) or any(isinstance(one, bool) or not isinstance(one, int | str) for one in labels):
        raise TypeError("source is a text, label a number or a list of numbers")
    words = [str(one) if str(one).startswith(PREFIX) else f"{PREFIX}{one}" for one in labels]
    return _line(" ".join([*words, source]))


def _line(text: str) -> bytes:
    return " ".join(text.splitlines()).encode("utf-8", "replace") + b"\n"


def _no_manifest(why: str) -> DataError:
    return DataError(
        "The manifest cannot be read", why=why[:200], fix='Write lines like {"source": "some text", "label": 1}'
    )
