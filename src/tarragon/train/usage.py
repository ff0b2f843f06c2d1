"""Measures what a job takes of this machine, from the kernel's own books, every few seconds."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tarragon.engine import descendants

EVERY_S = 5.0
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
Tell = Callable[[Mapping[str, float]], None]


class Usage:
    """Tells, as percentages, what this process and all it started use; as a context manager, while the block runs.

    Parameters
    ----------
    tell : callable
        Is given ``{"CPUUtilization": …, "MemoryUtilization": …, "DiskUtilization": …}``: 100 for each whole processor,
        parts of the machine's memory, and how full the job's disk is.
    folder : Path
        On the job's disk.
    every_s : float
    """

    def __init__(self, tell: Tell, folder: Path, every_s: float = EVERY_S) -> None:
        self._tell, self._folder, self._every_s = tell, folder, every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="usage", daemon=True)
        self._before = (time.monotonic(), _processor_s())

    def __enter__(self) -> Self:
        if Path("/proc/self/stat").exists():
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(self._every_s):
            self._tell(self.measured())

    def measured(self) -> dict[str, float]:
        """Measure what was used since the last measurement."""
        now = time.monotonic(), _processor_s()
        seconds, used = now[0] - self._before[0], now[1] - self._before[1]
        self._before = now
        disk = shutil.disk_usage(self._folder)
        return {
            "CPUUtilization": round(100 * max(0.0, used) / max(seconds, 1e-6), 3),
            "MemoryUtilization": round(100 * _memory_bytes() / _machine_bytes(), 3),
            "DiskUtilization": round(100 * disk.used / disk.total, 3),
        }


def _processor_s() -> float:
    """Seconds of processor time, of children that have ended too."""
    return sum(sum(map(int, fields[11:15])) / TICKS for fields in _books())


def _memory_bytes() -> int:
    return sum(int(fields[21]) for fields in _books()) * os.sysconf("SC_PAGE_SIZE")


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _books() -> list[list[str]]:
    """Read ``/proc/<pid>/stat`` from its third field on, of every process of the job."""
    found = []
    for pid in (os.getpid(), *descendants(os.getpid())):
        with suppress(OSError):
            found.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split())
    return found
