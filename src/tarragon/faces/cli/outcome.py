"""How a command ends: exit codes, errors in words or JSON, and interruption.

=====  ==========================================================================
code   meaning
=====  ==========================================================================
0      done; for a develop run: SHIP
1      something broke that the command line cannot put right
2      usage: the input, a setting or a name must change, or an extra or disk space is missing
3      a develop run ended with REVIEW
4      a develop run ended with STOP
=====  ==========================================================================
"""

import errno
import json
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from tarragon.errors import (
    ConflictError,
    DataError,
    IntegrityError,
    JobError,
    MissingExtraError,
    NotFittedError,
    NotFoundError,
    ParameterError,
    StorageError,
    TarragonError,
)

OK, BROKEN, USAGE, REVIEW, STOP = 0, 1, 2, 3, 4
VERDICTS: Mapping[str, int] = {"SHIP": OK, "REVIEW": REVIEW, "STOP": STOP}
EXITS: tuple[tuple[type[TarragonError], int], ...] = (
    (DataError, USAGE),
    (ParameterError, USAGE),
    (NotFoundError, USAGE),
    (MissingExtraError, USAGE),
    (ConflictError, USAGE),
    (StorageError, USAGE),  # a full or read-only disk: the user can put it right
    (NotFittedError, BROKEN),
    (IntegrityError, BROKEN),
    (JobError, BROKEN),
    (TarragonError, BROKEN),
)


def exit_code(error: TarragonError) -> int:
    """Exit code of an error: the first row of the table that fits."""
    return next(code for family, code in EXITS if isinstance(error, family))


def storage_error(error: OSError) -> StorageError:
    """Put an operating system's refusal into the family's words."""
    where = f" at {error.filename}" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return StorageError("The disk is full", why=f"Nothing more could be written{where}", fix="Free some space")
    return StorageError(
        "The operating system refused",
        why=f"{error.strerror or error}{where}",
        fix="Check that the path exists and that you may read and write it",
    )


def show_error(error: TarragonError, *, as_json: bool) -> int:
    """Print an error and return the exit code it means."""
    code = exit_code(error)
    if as_json:
        fault = {"type": type(error).__name__, "what": error.what, "why": error.why, "fix": error.fix}
        show_json({"error": {**fault, "exit_code": code}})
    else:
        print(f"error: {error.what}", file=sys.stderr)
        for label, text in (("why", error.why), ("fix", error.fix)):
            if text:
                print(f"  {label}: {text}", file=sys.stderr)
    return code


def show_json(value: Mapping[str, object]) -> None:
    """Print one JSON object on standard output; what is not finite becomes null, since JSON has no word for it."""
    print(json.dumps(_finite(value), ensure_ascii=False, indent=2, allow_nan=False))


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value


@contextmanager
def interruptible(note: Callable[[str], None]) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a wish to end with the best so far; the second one aborts.

    Parameters
    ----------
    note : callable
        Told once, when the wish was heard.

    Yields
    ------
    threading.Event
        Set by the first Ctrl-C.
    """
    stop = threading.Event()

    def heard(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        note("ending with the best so far; Ctrl-C again aborts")

    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread alone
        yield stop
        return
    before = signal.signal(signal.SIGINT, heard)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
