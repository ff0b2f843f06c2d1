"""Runs each task in a process of its own on this machine, forked from a server that has the libraries loaded.

A task that crashes, runs out of memory or is killed harms nothing but its own result. When this process dies, by
kill -9 too, so does everything it had running.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Any, Self, cast

from tarragon.engine.executor import work
from tarragon.engine.executor.protocol import Ending, Handle, Task, WorkerError
from tarragon.errors import ParameterError

PRELOAD = ("numpy", "scipy.sparse", "sklearn.linear_model", "sklearn.ensemble", "lightgbm", "xgboost")
RESTARTS = 2  # a server that dies again and again is not our luck but our fault; say so
TAIL = 3  # lines of a dead worker's stderr that its error repeats
SERVER = "tarragon.engine.executor.forkserver"


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(slots=True, eq=False)
class LocalHandle:
    """A task in the queue, in a process, or over."""

    task: Task
    number: int
    executor: "LocalExecutor"
    pid: int | None = None
    ending: Mapping[str, Any] | None = field(default=None)

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self.ending is not None

    def result(self) -> Mapping[str, object]:
        """Wait for the end and return what the function returned. Raises ``WorkerError``."""
        self.executor.wait([self])
        ending = self.ending or {}
        if ending.get("code") in (0, 1) and (self.task.folder / work.RESULT).exists():
            return work.outcome(self.task)
        raise _ended_badly(self.task, ending)

    def kill(self) -> None:
        """End it and everything it started, at once."""
        self.executor._kill(self)


class LocalExecutor:
    """Tasks in processes of their own.

    Parameters
    ----------
    workers : int, optional
        How many side by side; all cores by default, and never more than there are if ``bounded``.
    preload : sequence of str
        Modules the server imports once, so that no task waits for them. They must not start threads on import.
    bounded : bool
        False for tasks that mostly wait for others, as a supervised job does for the script it runs.

    Notes
    -----
    Returns at once: the server loads its modules while the caller goes on, and the first task waits for it.
    """

    def __init__(self, workers: int | None = None, *, preload: Sequence[str] = PRELOAD, bounded: bool = True) -> None:
        if workers is not None and workers < 1:
            raise ParameterError("An executor needs a worker", why=f"workers is {workers}", fix="Give 1 or more")
        self.capacity = min(workers or cores(), cores()) if bounded else workers or cores()
        self._preload = tuple(preload)
        self._changed = threading.Condition()
        self._waiting: deque[LocalHandle] = deque()
        self._running: dict[int, LocalHandle] = {}
        self._count = 0
        self._restarts = RESTARTS
        self._open = True
        self._launch()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def submit(self, task: Task) -> Handle:
        """Take a task; it runs when a worker is free."""
        work.prepare(task)
        with self._changed:
            if not self._open:
                raise work.closed(task)
            self._count += 1
            handle = LocalHandle(task, self._count, self)
            self._waiting.append(handle)
            self._pump()
        return handle

    def wait(self, handles: Sequence[Handle], timeout: float | None = None) -> tuple[Handle, ...]:
        """Wait until at least one of the handles is done, or the seconds are over; return all that are done."""
        with self._changed:
            self._changed.wait_for(lambda: not handles or any(each.done() for each in handles), timeout)
        return tuple(each for each in handles if each.done())

    def warm(self, modules: Sequence[str]) -> None:
        """Load modules that later tasks will need, now that nobody waits; one that is not installed is left out."""
        with self._changed:
            self._say(load=list(modules))

    def close(self) -> None:
        """Kill what still runs and let go of every process. Safe to call twice."""
        with self._changed:
            if not self._open:
                return
            self._open = False
            line, server, reader = self._line, self._server, self._reader
            idle = not self._running
        if idle:
            server.kill()  # it has no children to see to, and may be busy loading what nobody will need
        line.shutdown(socket.SHUT_WR)  # the server sees the end of the line, kills its children and leaves
        server.wait()
        if reader is not threading.current_thread():
            reader.join()
        line.close()
        self._stderr.close()

    def _launch(self) -> None:
        ours, theirs = socket.socketpair()
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the server
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-P", "-m", SERVER, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env=_environment(),
                start_new_session=True,  # out of reach of the terminal's Ctrl-C
            )
        self._line = ours
        first = {"preload": self._preload, "parent": os.getpid(), "python_path": os.environ.get("PYTHONPATH")}
        self._say(**first)
        self._reader = threading.Thread(target=self._listen, args=(ours,), name="tarragon-executor", daemon=True)
        self._reader.start()

    def _say(self, **words: object) -> None:
        # Short lines only: the socket takes them in one go, and a Ctrl-C in between cannot tear one.
        with suppress(OSError):  # the server is gone: the reader sees the end of the line and deals with it
            self._line.sendall(json.dumps(words).encode() + b"\n")

    def _pump(self) -> None:
        while self._waiting and len(self._running) < self.capacity:
            handle = self._waiting.popleft()
            self._running[handle.number] = handle
            task = handle.task
            self._say(
                fork=handle.number,
                target=task.target,
                folder=str(task.folder.absolute()),
                threads=task.threads,
            )

    def _kill(self, handle: LocalHandle) -> None:
        with self._changed:
            if handle.number in self._running:
                self._say(kill=handle.number)
            elif handle in self._waiting:
                self._waiting.remove(handle)
                self._end(handle, {"killed": True})

    def _end(self, handle: LocalHandle, ending: Mapping[str, Any]) -> None:
        handle.ending = ending
        self._running.pop(handle.number, None)
        self._changed.notify_all()

    def _listen(self, line: socket.socket) -> None:
        with line.makefile("rb") as words:
            try:
                for text in words:
                    self._hear(json.loads(text))
            except (OSError, ValueError):
                pass  # a line cut short by the server's death
        self._server_ended()

    def _hear(self, words: Mapping[str, Any]) -> None:
        with self._changed:
            handle = self._running.get(words.get("started") or words["ended"])
            if handle is None:
                return
            if "started" in words:
                handle.pid = words["pid"]
            else:
                self._end(handle, words)
                self._pump()

    def _server_ended(self) -> None:
        with self._changed:
            lost = list(self._running.values())
            if not self._open:
                for handle in (*lost, *self._waiting):
                    self._end(handle, {"killed": True})
                self._waiting.clear()
                return
            self._server.wait()
            self._stderr.seek(0)
            said = self._stderr.read().decode(errors="replace").strip().splitlines()[-TAIL:]
            ending = {"server": " | ".join(said) or f"it ended with status {self._server.returncode}"}
            for handle in lost:
                self._end(handle, ending)
            self._line.close()
            self._stderr.close()
            if self._restarts and self._server.returncode < 0:  # killed; had it given up itself, it would again
                self._restarts -= 1
                self._launch()
                self._pump()
                return
            self._open = False
            for handle in self._waiting:
                self._end(handle, ending)
            self._waiting.clear()


def _environment() -> dict[str, str]:
    """Make the server's environment: our import path, one thread for everything that loads, a fixed hash seed."""
    path = [entry or os.getcwd() for entry in sys.path]
    fixed = {"PYTHONPATH": os.pathsep.join(path), "PYTHONHASHSEED": "0"}
    return {**os.environ, **dict.fromkeys(work.THREADS, "1"), **fixed}


def _ended_badly(task: Task, ending: Mapping[str, Any]) -> WorkerError:
    if "server" in ending:
        return _error(task, "start", "the process that starts tasks ended", ending["server"])
    if ending.get("killed"):
        return _error(task, "killed", "it was killed before it had ended", "")
    code = cast(int, ending.get("code", 0))
    said = _said(task)
    if ending.get("memory"):
        return _error(task, "memory", "the system ran out of memory and killed it", said)
    if code == -signal.SIGKILL:
        return _error(task, "signal", "somebody killed it with SIGKILL, as a system short of memory does", said)
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return _error(task, "signal", f"it crashed with {name}", said)
    if code == work.UNWRITTEN:
        return _error(task, "exit", "it could not write its result", said)
    return _error(task, "exit", f"it left with exit status {code} and no result", said)


def _error(task: Task, ending: Ending, why: str, said: str) -> WorkerError:
    fixes: dict[Ending, str] = {
        "memory": "Give it less data, fewer workers side by side, or more memory",
        "killed": "Submit it again if it is still wanted",
        "start": "Run it again; if it persists, the installation is damaged",
    }
    return WorkerError(
        f"{task.title} ended without a result",
        why=f"{why}: {said}" if said else why,
        fix=fixes.get(ending, f"Look at {task.folder / work.ERR}"),
        ending=ending,
    )


def _said(task: Task) -> str:
    try:
        text = (task.folder / work.ERR).read_text(errors="replace")
    except OSError:
        return ""
    return " | ".join(text.strip().splitlines()[-TAIL:])
