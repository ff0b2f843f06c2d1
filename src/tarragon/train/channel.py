"""The channels of a training job: files in a folder, or a named pipe for each pass over the data.

A pipe gives the objects one after the other; wrapped, each as one record of MXNet's RecordIO. An augmented manifest is
JSON Lines, of which the job names the attributes it wants; those that end in ``-ref`` are objects to be read.
"""

import gzip
import json
import os
import random
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tarragon.engine import ObjectRecord, Objects, contained
from tarragon.errors import DataError, TarragonError
from tarragon.train import transfer
from tarragon.train.protocol import Source

MAGIC = 0xCED7230A  # RecordIO's, before each record
RECORDS = "records"  # the file that an augmented manifest becomes
MOST_BYTES = (1 << 29) - 1  # of a record: the three bits above its length are a flag
Pairs = tuple[tuple[ObjectRecord, str], ...]


def fetch(objects: Objects, source: Source, folder: Path, share: tuple[int, int] = (0, 1)) -> tuple[int, int]:
    """Put a channel's files into ``folder/<name>``; return how many objects, and their bytes.

    What a pipe would hold of an augmented manifest becomes one file: who reads files reads that.

    Raises
    ------
    DataError
        When there are none.
    """
    if source.kind == "augmented":
        if source.mode == "Pipe":
            return _record(objects, source, folder, share)
        raise DataError(
            f"The channel {source.name} cannot be read as files",
            why="an augmented manifest is given record by record",
            fix="Choose the input mode Pipe",
        )
    pairs = transfer.chosen(objects, source.uri, source.kind, share)
    return len(pairs), transfer.download(objects, pairs, contained(folder, source.name), unzip=source.gzip)


def feed(objects: Objects, source: Source, folder: Path, share: tuple[int, int] = (0, 1)) -> None:
    """Offer a channel as pipes ``<name>_0``, ``<name>_1`` …, one for each pass, for as long as this process lives.

    Raises
    ------
    DataError
        When there is nothing to read.
    """
    first = contained(folder, f"{source.name}_0")
    pairs = transfer.chosen(
        objects, source.uri, "prefix" if source.kind == "augmented" else source.kind, share_of(source, share)
    )
    os.mkfifo(first)
    lines = _lines(objects, source, pairs, share) if source.kind == "augmented" else []

    def passes() -> None:
        epoch = 0
        while True:
            with open(first.with_name(f"{source.name}_{epoch}"), "wb") as pipe:  # waits for a reader
                os.mkfifo(first.with_name(f"{source.name}_{epoch + 1}"))
                with suppress(BrokenPipeError):  # the reader had enough
                    for block in _blocks(objects, source, pairs, lines, epoch):
                        pipe.write(block)
            epoch += 1

    threading.Thread(target=passes, name=f"pipe-{source.name}", daemon=True).start()


def share_of(source: Source, share: tuple[int, int]) -> tuple[int, int]:
    """Say which share of the *objects* a host gets: of an augmented manifest the lines are shared instead."""
    return share if source.kind != "augmented" else (0, 1)


def framed(payload: bytes) -> bytes:
    """Wrap bytes as one RecordIO record.

    Raises
    ------
    DataError
        When they are too many.

    Examples
    --------
    >>> framed(b"abcde").hex()
    '0a23d7ce050000006162636465000000'
    """
    if len(payload) > MOST_BYTES:
        raise DataError(
            f"A record of {len(payload):,} bytes cannot be wrapped",
            why=f"RecordIO takes {MOST_BYTES:,}",
            fix="Split it",
        )
    return struct.pack("<II", MAGIC, len(payload)) + payload + bytes(-len(payload) % 4)


def setting(source: Source) -> dict[str, Any]:
    """Describe a channel as ``inputdataconfig.json`` does."""
    found = {
        "TrainingInputMode": source.mode, "RecordWrapperType": "RecordIO" if source.recordio else "None",
        "S3DistributionType": "ShardedByS3Key" if source.sharded else "FullyReplicated",
    }  # fmt: skip
    if source.content_type:
        found["ContentType"] = source.content_type
    return found | ({"CompressionType": "Gzip"} if source.gzip else {})


def _blocks(objects: Objects, source: Source, pairs: Pairs, lines: list[dict[str, Any]], epoch: int) -> Iterator[bytes]:
    order = random.Random(None if source.shuffle_seed is None else source.shuffle_seed + epoch)
    mixed: list[Any] = list(lines or pairs)
    if source.shuffle_seed is not None:
        order.shuffle(mixed)
    if source.kind == "augmented":
        for line in mixed:
            for name in source.attributes:
                payload = _attribute(objects, source, line, name)
                yield framed(payload) if source.recordio else payload
    elif source.recordio:
        for record, _ in mixed:
            content = objects.get(record.uri)
            yield framed(gzip.decompress(content) if source.gzip else content)
    else:
        yield from transfer.pieces(objects, tuple(mixed), unzip=source.gzip)


def _record(objects: Objects, source: Source, folder: Path, share: tuple[int, int]) -> tuple[int, int]:
    """Write one pass over an augmented manifest as a file."""
    pairs = transfer.chosen(objects, source.uri, "prefix", share_of(source, share))
    lines, size = _lines(objects, source, pairs, share), 0
    place = contained(folder, source.name)
    place.mkdir(parents=True, exist_ok=True)
    with (place / RECORDS).open("wb") as file:
        for block in _blocks(objects, source, pairs, lines, 0):
            size += file.write(block)
    return len(lines), size


def _lines(objects: Objects, source: Source, pairs: Pairs, share: tuple[int, int]) -> list[dict[str, Any]]:
    if not source.attributes:
        raise DataError(
            f"The channel {source.name} names no attributes", why="AttributeNames is empty", fix="Name some"
        )
    found = []
    for record, _ in pairs:
        for number, text in enumerate(objects.get(record.uri).splitlines(), 1):
            if not text.strip():
                continue
            try:
                line = json.loads(text)
                missing = [name for name in source.attributes if name not in line]
            except (ValueError, TypeError) as error:
                raise DataError(
                    f"Line {number} of {record.uri} is no JSON object", why=str(error), fix="Correct it"
                ) from None
            if missing:
                raise DataError(
                    f"Line {number} of {record.uri} has no {', '.join(missing)}",
                    why="AttributeNames wants it",
                    fix="Add it",
                )
            found.append(line)
    return found[share[0] :: share[1]] if source.sharded else found


def _attribute(objects: Objects, source: Source, line: dict[str, Any], name: str) -> bytes:
    value = line[name]
    if name.endswith("-ref"):
        try:
            return objects.get(str(value))
        except TarragonError as error:
            raise DataError(f"{value} of the channel {source.name} cannot be read", why=error.what) from error
    return (value if isinstance(value, str) else json.dumps(value)).encode()
