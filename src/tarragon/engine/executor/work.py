"""The inside of a task, the same in this process and in a forked one: find the function, call it, write the outcome.

The argument lies in the task's folder as ``task.json``. ``result.json`` holds ``{"result": {…}}`` or
``{"error": {…}}`` and appears whole or not at all.
"""

import json
import os
import secrets
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from tarragon.engine.disk import refusals
from tarragon.engine.executor.protocol import Ending, Task, WorkerError
from tarragon.engine.plain import to_plain
from tarragon.engine.typed import from_plain
from tarragon.errors import ConflictError, ParameterError, TarragonError

TASK, RESULT, OUT, ERR = "task.json", "result.json", "stdout.txt", "stderr.txt"
UNWRITTEN = 74  # exit status of a worker that could not write its outcome (EX_IOERR of sysexits.h)
FRAMES = 3  # innermost lines of a traceback that a message repeats
THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_MAX_THREADS", "POLARS_MAX_THREADS",
)  # fmt: skip
Function = Callable[[Mapping[str, Any], Path], Mapping[str, Any] | None]


def prepare(task: Task) -> None:
    """Make a task's folder, put its argument there and remove an earlier attempt's outcome.

    Raises ``ParameterError`` when the target names no function or the argument is not plain.
    """
    if task.target.count(":") != 1:
        raise ParameterError(
            f"{task.target!r} cannot be run", why="it names no function", fix='Write "package.module:function"'
        )
    text = json.dumps(to_plain(dict(task.argument)), allow_nan=False)
    with refusals("make the task's folder", task.folder):
        task.folder.mkdir(parents=True, exist_ok=True)
        (task.folder / RESULT).unlink(missing_ok=True)
        (task.folder / TASK).write_text(text)


def perform(target: str, folder: Path) -> bool:
    """Run a task and leave its outcome in the folder; return whether it worked.

    This is the job boundary: the one place that catches everything, and keeps the traceback.
    """
    try:
        module, _, name = target.partition(":")
        function = cast(Function, getattr(import_module(module), name))
        given = cast("Mapping[str, Any]", from_plain(json.loads((folder / TASK).read_bytes()), object))
        returned = function(given, folder)
        if not isinstance(returned, (Mapping, type(None))):
            raise ParameterError(
                f"{target} returned a {type(returned).__name__}",
                why="a task returns a mapping",
                fix="Return {...} or None",
            )
        text = json.dumps({"result": to_plain(dict(returned or {}))}, allow_nan=False)
        worked = True
    except BaseException as error:  # noqa: BLE001 - the job boundary
        text, worked = json.dumps({"error": described(error)}), False
    _write(folder, text)
    return worked


def described(error: BaseException) -> dict[str, str]:
    """Put an exception into words that can travel."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    fix, message = "", str(error)
    if isinstance(error, TarragonError):
        fix, message = error.fix, ". ".join(part for part in (error.what, error.why) if part)
    return {
        "type": type(error).__name__,
        "message": message,
        "fix": fix,
        "where": " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames)),
        "traceback": "".join(traceback.format_exception(error)),
    }


def trace(folder: Path) -> str:
    """Return the traceback a failed task left, for its error file."""
    return str(json.loads((folder / RESULT).read_bytes())["error"]["traceback"])


def outcome(task: Task) -> Mapping[str, object]:
    """Read what a task left behind; raises :class:`WorkerError` for an exception, ``FileNotFoundError`` for nothing."""
    content = json.loads((task.folder / RESULT).read_bytes())
    if "result" in content:
        return cast("Mapping[str, object]", from_plain(content["result"], object))
    raise raised(task, content["error"])


def raised(task: Task, error: Mapping[str, str]) -> WorkerError:
    """Build the error of a task that raised."""
    memory = error["type"] in ("MemoryError", "_ArrayMemoryError")
    ending: Ending = "memory" if memory else "exception"
    fix = "Give it less data or more memory" if memory else f"The whole traceback is in {task.folder / ERR}"
    return WorkerError(
        f"{task.title} failed with {error['type']}",
        why=f"{error['message'] or 'it gave no message'} (at {error['where']})",
        fix=error["fix"] or fix,
        ending=ending,
        error=(error["type"], error["traceback"]),
    )


def closed(task: Task) -> ConflictError:
    """Build the error of a task given to a closed executor."""
    return ConflictError(f"{task.title} was not started", why="its executor is closed", fix="Open a new one")


def _write(folder: Path, text: str) -> None:
    # Renamed but not flushed to the disk: after a power cut the task's supervisor is gone too, and runs it again.
    temporary = folder / f".{RESULT}~{secrets.token_hex(4)}"
    with refusals("write a task's result", folder):
        temporary.write_text(text)
        os.replace(temporary, folder / RESULT)
