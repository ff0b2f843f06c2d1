"""An input object's records, gathered into requests; answers cut back into records, filtered, joined, put together.

Records are lines, recordIO frames, or the whole object. Where the records of an answer must be told apart (to filter or
join them), it must have as many as the request had.
"""

import csv
import io
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from tarragon.errors import DataError
from tarragon.serve.jsonpath import JsonPath

MAGIC = 0xCED7230A  # of a recordIO frame
CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"
RESULT = "SageMakerOutput"  # where a joined record has the model's answer


@dataclass(frozen=True, slots=True)
class Cut:
    """How inputs are cut into requests.

    Parameters
    ----------
    split : {"None", "Line", "RecordIO", "TFRecord"}
    several : bool
        As many records per request as fit, instead of one.
    most : int
        Bytes of a request; 0 for any number.
    """

    split: str = "None"
    several: bool = True
    most: int = 6 << 20


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a record is sent to the model, and what is kept of it and its answer.

    Parameters
    ----------
    given, kept : JsonPath
    joined : bool
    content_type, accept : str
    """

    given: JsonPath
    kept: JsonPath
    joined: bool
    content_type: str
    accept: str

    @property
    def idle(self) -> bool:
        """Whether records need not be looked into."""
        return self.given.whole and self.kept.whole and not self.joined


def records(source: BinaryIO, split: str) -> Iterator[bytes]:
    """Read an object's records. Raises ``DataError`` for frames that are none."""
    if split == "Line":
        for line in source:
            if text := line.rstrip(b"\r\n"):
                yield text
    elif split == "RecordIO":
        yield from _frames(source)
    elif split == "TFRecord":
        yield from _tensor_records(source)
    else:
        yield source.read()


def requests(found: Iterable[bytes], cut: Cut) -> Iterator[list[bytes]]:
    """Gather records into requests. Raises ``DataError`` for a record that is larger than a request may be."""
    held: list[bytes] = []
    size = 0
    for record in found:
        length = len(record) + (cut.split == "Line")
        if cut.most and length > cut.most:
            raise DataError(
                f"A record has {length:,} bytes",
                why=f"MaxPayloadInMB allows {cut.most / (1 << 20):g} MB",
                fix="Split the input into smaller records, or allow more",
            )
        if held and (not cut.several or (cut.most and size + length > cut.most)):
            yield held
            held, size = [], 0
        held.append(record)
        size += length
    if held:
        yield held


def body(found: Sequence[bytes], split: str) -> bytes:
    """Put records together as a request's body."""
    return b"\n".join(found) + b"\n" if split == "Line" else b"".join(found)


def given(record: bytes, filters: Filters) -> bytes:
    """Apply the input filter to a record."""
    return (
        record
        if filters.given.whole
        else write(filters.given.of(read(record, filters.content_type)), filters.content_type)
    )


def kept(found: Sequence[bytes], answered: Sequence[bytes], filters: Filters) -> list[bytes]:
    """Join and filter a request's records and its answer's. Raises ``DataError`` when they are not as many."""
    if len(found) != len(answered):
        raise DataError(
            f"The model answered {len(answered)} records to a request of {len(found)}",
            why="to filter or join them, each record needs an answer of its own",
            fix="Check SplitType, Accept and AssembleWith",
        )
    return [_kept(*pair, filters) for pair in zip(found, answered, strict=True)]


def together(found: Sequence[bytes], *, lines: bool) -> bytes:
    """Put output records together."""
    return b"".join(each + b"\n" for each in found) if lines else b"".join(found)


def answers(answer: bytes, accept: str, count: int) -> list[bytes]:
    """Cut an answer into records."""
    kind = media(accept)
    if count == 1 and kind not in (CSV, LINES):
        return [answer]
    if kind == JSON:
        return [json.dumps(each).encode() for each in _listed(json.loads(answer))]
    return [line for line in answer.rstrip(b"\r\n").splitlines() if line]


def media(content_type: str) -> str:
    """Strip a content type of its parameters."""
    return content_type.partition(";")[0].strip().lower()


def read(record: bytes, content_type: str) -> Any:
    """Understand a record: CSV is a list of texts. Raises ``DataError``."""
    kind = media(content_type)
    try:
        if kind == CSV:
            return next(csv.reader([record.decode()]), [])
        return json.loads(record)
    except (ValueError, csv.Error) as error:
        raise DataError(f"A record is not {kind}: {record[:80]!r}", why=str(error), fix="Check ContentType") from error


def write(value: Any, content_type: str) -> bytes:
    """Write a record back."""
    if media(content_type) != CSV:
        return json.dumps(value).encode()
    held = io.StringIO()
    csv.writer(held, lineterminator="").writerow(value if isinstance(value, list) else [value])
    return held.getvalue().encode()


def _kept(record: bytes, answer: bytes, filters: Filters) -> bytes:
    accept = filters.accept or filters.content_type
    answered = read(answer, accept)
    if not filters.joined:
        return write(filters.kept.of(answered), accept)
    first = read(record, filters.content_type)
    if media(filters.content_type) == CSV:
        second = answered if isinstance(answered, list) else [answered]
        return write(filters.kept.of([*first, *second]), filters.content_type)
    whole = {**first, RESULT: answered} if isinstance(first, dict) else {"SageMakerInput": first, RESULT: answered}
    return write(filters.kept.of(whole), filters.content_type)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, dict) and isinstance(value.get("predictions"), list):
        value = value["predictions"]
    return value if isinstance(value, list) else [value]


def _frames(source: BinaryIO) -> Iterator[bytes]:
    while head := source.read(8):
        magic, length = struct.unpack("<II", head) if len(head) == 8 else (0, 0)
        padded = length + -length % 4
        data = source.read(padded)
        if magic != MAGIC or len(data) < length:
            raise DataError("The input is no recordIO", why="a frame is broken or cut short", fix="Check SplitType")
        yield head + data


def _tensor_records(source: BinaryIO) -> Iterator[bytes]:
    while head := source.read(12):
        length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 1 << 62
        if length > 1 << 31:
            raise DataError("The input is no TFRecord", why="a record does not begin as one", fix="Check SplitType")
        data = source.read(length + 4)
        if len(data) < length + 4:
            raise DataError("The input is no TFRecord", why="a record is cut short", fix="Check SplitType")
        yield head + data
