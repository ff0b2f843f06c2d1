"""Several hosts of one job share a fit: each is a process with its own rows, and arrays are summed over all of them.

The first host collects, adds in the order of the ranks (so that equal runs give equal bits) and sends the sum back.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import JobError, TarragonError

Arrays = Mapping[str, NDArray[Any]]
WORDS = 2_000


class Peers:
    """One host's lines to the others: the first has one to each, each other has one to the first."""

    def __init__(self, lines: "list[Connection[Any, Any]]", *, first: bool) -> None:
        self._lines, self._first = lines, first

    def sum(self, arrays: Arrays) -> Arrays:
        """Return the sum of each array over all hosts.

        Every host calls it equally often, with arrays of the same names and shapes.

        Raises
        ------
        JobError
            Another host has failed, or brought other arrays.
        """
        if not self._first:
            _send(self._lines[0], arrays)
            return _receive(self._lines[0])
        total = {name: np.array(array) for name, array in arrays.items()}
        for rank, line in enumerate(self._lines, 1):
            brought = _receive(line)
            if {n: a.shape for n, a in brought.items()} != {n: a.shape for n, a in total.items()}:
                raise JobError(
                    f"algo-{rank + 1} brought other arrays than algo-1",
                    why="The hosts' channels do not fit together",
                    fix="Give every host rows of the same columns",
                )
            for name, array in brought.items():
                total[name] += array
        for line in self._lines:
            _send(line, total)
        return total

    def failure(self) -> JobError | None:
        """Return what ended another host, for a first host that cannot go on and does not know why.

        It waits until each of the others has said something, or has gone: words come before a silent end.
        """
        found: list[JobError] = []
        for line in self._lines:
            try:
                _receive(line)
            except JobError as error:
                found.append(error)
        return next((error for error in found if error.what != _gone().what), found[0] if found else None)


def _send(line: "Connection[Any, Any]", arrays: Arrays) -> None:
    # Raw bytes under a small header, never a pickle; the numbers go over without a copy.
    head = "\n".join(f"{n}\t{np.asarray(a).dtype.str}\t{','.join(map(str, np.shape(a)))}" for n, a in arrays.items())
    try:
        line.send_bytes(b"+" + head.encode())
        for array in arrays.values():
            if np.asarray(array).size:
                line.send_bytes(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    except OSError as error:
        raise _gone() from error


def _receive(line: "Connection[Any, Any]") -> dict[str, NDArray[Any]]:
    try:
        head = line.recv_bytes()
        if head[:1] == b"-":
            raise JobError(head[1:].decode("utf-8", "replace"))
        found = {}
        for part in head[1:].decode().split("\n") if len(head) > 1 else ():
            name, kind, sides = part.split("\t")
            shape = tuple(int(side) for side in sides.split(",") if side)
            empty = 0 in shape
            raw = b"" if empty else line.recv_bytes()
            found[name] = np.frombuffer(raw, np.dtype(kind)).reshape(shape).copy()
        return found
    except (EOFError, OSError) as error:
        raise _gone() from error


def _gone() -> JobError:
    return JobError("Another host of the job has ended", why="It failed or was killed", fix="See the job's log")


def shared(world: int, first: Callable[[Peers | None], None], other: Callable[[int, Peers], None]) -> None:
    """Run a fit on every host: ``other(rank, peers)`` in a fresh process for each rank from 1, ``first(peers)`` here.

    Fresh, not forked: threads that libraries started here would be missing there, and waited for in vain.

    Parameters
    ----------
    world : int
        Hosts. With one, ``peers`` is None.
    first : callable
    other : callable
        Sent to the processes; of a module that they can import.

    Raises
    ------
    Exception
        Whatever ``first`` raised; a ``JobError`` with another host's words when that failed.
    """
    if world == 1:
        first(None)
        return
    spawning = get_context("spawn")
    lines: list[Connection[Any, Any]] = []
    hosts = []
    try:
        for rank in range(1, world):
            ours, theirs = spawning.Pipe()
            host = spawning.Process(target=_host, args=(rank, theirs, other), daemon=True)
            host.start()
            theirs.close()
            lines.append(ours)
            hosts.append(host)
        first(Peers(lines, first=True))
        for host in hosts:
            host.join()
        if any(host.exitcode for host in hosts):
            raise _gone()
    finally:
        for line in lines:
            line.close()
        for host in hosts:
            host.kill()
            host.join()


def _host(rank: int, line: "Connection[Any, Any]", work: Callable[[int, Peers], None]) -> None:
    """Work as one of the others; the first host says what went wrong."""
    try:
        work(rank, Peers([line], first=False))
    except BaseException as error:  # noqa: BLE001 - the first host says it
        words = str(error) if isinstance(error, TarragonError) else f"{type(error).__name__}: {error}"
        with suppress(OSError):
            line.send_bytes(f"-algo-{rank + 1}: {words[:WORDS]}".encode())
        os._exit(1)
