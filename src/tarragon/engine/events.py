"""``events.jsonl``: what a worker has to say, one JSON object per line, kept even if everybody is killed.

Workers append; the job's owner moves whole lines into the store and remembers the byte it got to, both in one
transaction, so that no event is lost or told twice. A line broken by a kill or a full disk is closed off by the next
writer and skipped by readers: its writer was never told that it had succeeded.
"""

import fcntl
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tarragon.engine.disk import full, refusals
from tarragon.engine.plain import to_plain
from tarragon.engine.typed import from_plain
from tarragon.errors import ParameterError

logger = logging.getLogger(__name__)
FILE = "events.jsonl"
BATCH_BYTES = 4 << 20  # read per transaction: about 40,000 short lines, a tenth of a second of inserts


@dataclass(frozen=True, slots=True)
class Line:
    """An event as a worker wrote it.

    Parameters
    ----------
    time : float
        Seconds since 1970.
    kind : str
    payload : mapping
    """

    time: float
    kind: str
    payload: Mapping[str, object]


def append_event(folder: Path, kind: str, payload: Mapping[str, object], *, time: float) -> None:
    """Write an event at the end of a job's file, in one piece; it survives the writer's death once this returns.

    Parameters
    ----------
    folder : Path
        The job's.
    kind : str
        One word: "trial", "epoch". Not "state".
    payload : mapping
    time : float
        Seconds since 1970.

    Raises
    ------
    ParameterError
        When a field of the payload has no plain form, or the kind is empty or the engine's own.
    StorageError
        When the disk refuses.
    """
    content = {"time": time, "kind": _checked(kind), "payload": to_plain(dict(payload))}
    text = json.dumps(content, allow_nan=False)
    path = folder / FILE
    with refusals(f"record the event {kind}", path):
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            end = os.fstat(handle).st_size
            torn = end > 0 and os.pread(handle, 1, end - 1) != b"\n"
            data = b"\n" * torn + text.encode() + b"\n"
            if os.write(handle, data) != len(data):
                raise full(f"record the event {kind}", path)
        finally:
            os.close(handle)


def read(folder: Path, start: int) -> tuple[list[Line], int]:
    """Read whole lines from a byte on.

    Parameters
    ----------
    folder : Path
        The job's.
    start : int
        Where the last read ended.

    Returns
    -------
    (list of Line, int)
        At most some megabytes of them, and the byte after the last.
    """
    try:
        with open(folder / FILE, "rb") as file:
            file.seek(start)
            block = file.read(BATCH_BYTES)
            if b"\n" not in block:  # one line longer than a batch, or an unfinished one
                block += file.readline()
    except FileNotFoundError:
        return [], start
    whole = block[: block.rfind(b"\n") + 1]
    lines = [line for text in whole.splitlines() if (line := _line(text)) is not None]
    return lines, start + len(whole)


def _line(text: bytes) -> Line | None:
    try:
        found = json.loads(text)
        return Line(float(found["time"]), str(found["kind"]), from_plain(found["payload"], Mapping[str, object]))  # type: ignore[type-abstract]
    except (ValueError, KeyError, TypeError):
        if text.strip():
            logger.warning("An event was cut short when its writer was stopped, and is skipped: %.80r", text)
        return None


def _checked(kind: str) -> str:
    """Return an event's kind unless it is empty or the one the engine keeps for itself."""
    if kind and kind != "state":
        return kind
    raise ParameterError(
        f"An event cannot be of kind {kind!r}",
        why='"state" is what the engine calls its own',
        fix="Choose another word",
    )
