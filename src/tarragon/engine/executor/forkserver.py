"""A small process that has the numerical libraries loaded and forks one child per task, in milliseconds.

Started as ``python -m tarragon.engine.executor.forkserver FD``, where FD is one end of a socket pair. It is not
``multiprocessing``'s: that one imports the user's main script again, which without an ``if __name__`` guard would call
Tarragon from inside Tarragon.

Lines of JSON come in, ``{"fork": n, "target": …}``, ``{"load": […]}`` and ``{"kill": n}``, and go out,
``{"started": n, "pid": …}`` and ``{"ended": n, "code": …}``. When the other end closes or its process dies, by kill -9
too, every child and whatever the children started is killed, and the server leaves. The server has a single thread and
calls into no OpenMP code, so that a fork copies no lock in a state nobody will ever change.
"""

import contextlib
import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from tarragon.engine.executor import work

PR_SET_PDEATHSIG = 1  # linux/prctl.h
POLL_S = 1.0  # where the kernel cannot tell us of our parent's death, we look this often
BLOCK = 1 << 20


@dataclass(slots=True)
class Server:
    """The loop's state.

    Parameters
    ----------
    line : socket
        To the supervisor.
    parent : int
        The supervisor's process id.
    buffer : bytes
        Received and not yet obeyed.
    children : dict of int to int
        Process id of each running child, with its task's number.
    """

    line: socket.socket
    parent: int
    buffer: bytes = b""
    children: dict[int, int] = field(default_factory=dict)
    killed: set[int] = field(default_factory=set)
    out_of_memory: int = 0

    def serve(self) -> None:
        """Answer until the supervisor is gone."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self.out_of_memory = _memory_kills()
        with selectors.DefaultSelector() as selector:
            selector.register(self.line, selectors.EVENT_READ, "line")
            selector.register(wake_read, selectors.EVENT_READ, "child")
            if hasattr(os, "pidfd_open"):
                with contextlib.suppress(OSError):
                    selector.register(os.pidfd_open(self.parent), selectors.EVENT_READ, "parent")
            self._obey()  # what came while the libraries loaded
            while os.getppid() == self.parent:
                ready = {key.data for key, _ in selector.select(POLL_S)}
                if "child" in ready:
                    os.read(wake_read, 4096)
                    self._reap()
                if "parent" in ready or ("line" in ready and not self._listen()):
                    return

    def end(self) -> None:
        """Kill every child and what it started."""
        for pid in self.children:
            _kill_group(pid)

    def _listen(self) -> bool:
        received = self.line.recv(BLOCK)
        self.buffer += received
        self._obey()
        return bool(received)

    def _obey(self) -> None:
        *lines, self.buffer = self.buffer.split(b"\n")
        for text in lines:
            order = json.loads(text)
            if "fork" in order:
                self._fork(order)
            elif "load" in order:
                for name in order["load"]:
                    with contextlib.suppress(ImportError):  # the task that needs it will say so
                        import_module(name)
            else:
                self._kill(order["kill"])

    def _fork(self, order: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            _child(order, os.getppid())
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)  # here too: a kill may come before the child has done it
        self.children[pid] = order["fork"]
        self._say(started=order["fork"], pid=pid)

    def _kill(self, number: int) -> None:
        for pid, task in self.children.items():
            if task == number:
                self.killed.add(pid)
                _kill_group(pid)

    def _reap(self) -> None:
        while self.children:
            # Look without reaping first: while the dead leader keeps its id, its group cannot be mistaken for another.
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return
            _kill_group(found.si_pid)
            _, status = os.waitpid(found.si_pid, 0)
            self._report(found.si_pid, os.waitstatus_to_exitcode(status))

    def _report(self, pid: int, code: int) -> None:
        if (number := self.children.pop(pid, None)) is None:
            return
        killed, memory = pid in self.killed, False
        self.killed.discard(pid)
        if code == -signal.SIGKILL and not killed:
            before, self.out_of_memory = self.out_of_memory, _memory_kills()
            memory = self.out_of_memory > before
        self._say(ended=number, code=code, killed=killed, memory=memory)

    def _say(self, **words: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more: the loop notices next
            self.line.sendall(json.dumps(words).encode() + b"\n")


def _child(order: dict[str, Any], server: int) -> None:
    """Become the task; never returns."""
    code = work.UNWRITTEN
    try:
        os.setpgid(0, 0)
        die_with_parent(server)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        folder = Path(order["folder"])
        _redirect(folder)
        _limit_threads(order["threads"])
        code = 0 if work.perform(order["target"], folder) else 1
        if code:
            sys.stderr.write(work.trace(folder))
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:  # the outcome could not be written
        os.write(2, f"{error}\n".encode(errors="replace"))
        code = work.UNWRITTEN
    finally:
        os._exit(code)  # no unwinding into the server's loop, no exit handlers that belong to the server


def _redirect(folder: Path) -> None:
    """Point standard output and error at the task's files, and close everything that belongs to the server."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, name in ((1, work.OUT), (2, work.ERR)):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        os.dup2(file, number)
    os.closerange(3, _highest_descriptor() + 1)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115 - open to the end
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115 - open to the end


def _highest_descriptor() -> int:
    try:
        return max(int(name) for name in os.listdir("/proc/self/fd"))
    except OSError:
        return os.sysconf("SC_OPEN_MAX")


def _limit_threads(threads: int) -> None:
    os.environ.update(dict.fromkeys(work.THREADS, str(threads)))  # for libraries that load later
    if threads > 1 and "threadpoolctl" in sys.modules:
        import threadpoolctl  # type: ignore[import-untyped]

        threadpoolctl.threadpool_limits(threads)  # for those loaded already, which began with one


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies (Linux); elsewhere the server's loop sees to it."""
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we had asked
            os._exit(1)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # the group, and the leader should it not lead a group yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _memory_kills() -> int:
    """Count the processes the kernel has killed for want of memory, here or in our control group."""
    total = 0
    for name, word in (("/proc/vmstat", "oom_kill"), ("/sys/fs/cgroup/memory.events", "oom_kill")):
        with contextlib.suppress(OSError):
            for text in Path(name).read_text().splitlines():
                if text.split()[0] == word:
                    total += int(text.split()[1])
    return total


def main(arguments: Sequence[str]) -> None:
    """Load what the first line asks for, then serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is the supervisor's to handle
    line = socket.socket(fileno=int(arguments[0]))
    line.set_inheritable(False)
    received = b""
    while b"\n" not in received:
        if not (block := line.recv(BLOCK)):
            return
        received += block
    first, _, rest = received.partition(b"\n")
    order = json.loads(first)
    os.environ.pop("PYTHONPATH", None)  # ours was for this process; what tasks start gets the supervisor's own
    if order["python_path"] is not None:
        os.environ["PYTHONPATH"] = order["python_path"]
    for name in order["preload"]:
        with contextlib.suppress(ImportError):  # an extra that is not installed: a task that needs it will say so
            import_module(name)
    # Python warns of any second thread; jemalloc's helper, inside a preloaded library, survives forks by design.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    gc.collect()
    gc.freeze()  # what is loaded now lives for ever: keep the collector from touching, and so copying, its pages
    server = Server(line, order["parent"], rest)
    try:
        server.serve()
    finally:
        server.end()


if __name__ == "__main__":
    main(sys.argv[1:])
