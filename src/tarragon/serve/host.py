"""The process in which a model answers: loads it once, then takes one request after the other from its line.

A built-in algorithm's model answers in the forked process itself, where its libraries are loaded already. A user's
script gets a Python of its own, with ``/opt/ml`` as a container would have it, that inherits the line; the forked
process then only waits for it, so that whoever ends the one ends the other.
"""

import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tarragon.errors import DataError, ParameterError, TarragonError
from tarragon.serve.frame import Line
from tarragon.serve.protocol import Answerer, RefusalError

WORDS = 2_000  # of an error that travels; the whole is in the log


def run(argument: Mapping[str, Any], folder: Path) -> dict[str, object]:
    """Be a worker until the line is closed.

    Parameters
    ----------
    argument : mapping
        "socket" and "token" say where to report; "root" is the folder that is ``/opt/ml``; "framework" is "" for a
        built-in algorithm; "environment" is the container's.
    folder : Path
        The task's own.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(argument["socket"])
    line = Line(connection)
    line.write({"token": argument["token"]})
    if argument["framework"]:
        return {"code": _script(argument, connection, line)}
    os.environ.update(argument["environment"])
    serve(line, _loaded(line, lambda: _built_in(argument)))
    return {}


def serve(line: Line, model: Answerer | None) -> None:
    """Answer until the line is closed."""
    if model is None:
        return
    line.write({"ready": True})
    whole = getattr(model, "respond", None)
    while (asked := line.read()) is not None:
        head, body = asked
        try:
            if whole is None:
                answered = model.answer(body, head["type"], head["accept"])
                line.write({"status": 200, "type": answered[1]}, answered[0])
            else:
                _respond(line, whole(head, body))
        except RefusalError as refusal:
            line.write({"status": refusal.status, "type": "text/plain"}, str(refusal).encode())
        except (DataError, ParameterError) as error:
            line.write({"status": 400, "type": "text/plain"}, str(error)[:WORDS].encode())
        except Exception as error:  # noqa: BLE001 - a worker's boundary: a request that fails must not end the model
            traceback.print_exc()
            line.write({"status": 500, "type": "text/plain"}, _words(error).encode())


def _respond(line: Line, answer: "tuple[bytes | Iterable[bytes], Mapping[str, Any]]") -> None:
    body, head = answer
    if isinstance(body, bytes):
        line.write({"status": 200, **head}, body)
        return
    for piece in body:
        line.write({"status": 200, **head, "more": True}, piece)
    line.write({"status": 200, **head})


def _loaded(line: Line, load: Any) -> Answerer | None:
    try:
        model: Answerer = load()
    except BaseException as error:  # noqa: BLE001 - whatever a script's module does, its words go to whoever deploys it
        traceback.print_exc()
        line.write({"failed": _words(error)})
        return None
    return model


def _words(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return (text if isinstance(error, TarragonError) else f"{type(error).__name__}: {text}")[:WORDS]


def _built_in(argument: Mapping[str, Any]) -> Answerer:
    from tarragon.serve import builtin

    loaded: Answerer = builtin.load(Path(argument["root"]) / "model", algorithm=str(argument.get("algorithm", "")))
    return loaded


def _script(argument: Mapping[str, Any], connection: socket.socket, line: Line) -> int:
    """Start a script's own Python and wait for its end."""
    from tarragon.serve.place import command

    try:
        prepared = command(argument)
    except TarragonError as error:
        line.write({"failed": str(error)[:WORDS]})
        return 1
    from tarragon.engine import spawn

    handle = connection.fileno()
    os.set_inheritable(handle, True)
    environment = {**prepared.environment, "TARRAGON_LINE": str(handle)}
    from dataclasses import replace

    process = spawn(replace(prepared, environment=environment), pass_fds=(handle,))  # type: ignore[arg-type]
    connection.close()  # the script's is the only one left: when it dies, the line ends
    return _waited(process)


def _waited(process: "subprocess.Popen[bytes]") -> int:
    return process.wait()


def main(arguments: Sequence[str]) -> None:
    """Be a script's Python: load its handlers, and serve the inherited line."""
    from tarragon.serve import handlers

    line = Line(socket.socket(fileno=int(os.environ.pop("TARRAGON_LINE"))))
    serve(line, _loaded(line, lambda: handlers.load(arguments[0], dict(os.environ))))


if __name__ == "__main__":
    main(sys.argv[1:])
