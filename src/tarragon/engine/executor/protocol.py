"""Where work runs: a task goes in, a handle comes back, the handle gives the result or the reason there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias, runtime_checkable

from tarragon.errors import JobError

Ending: TypeAlias = Literal["exception", "memory", "signal", "exit", "killed", "start"]


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work.

    Parameters
    ----------
    target : str
        ``"package.module:function"``, called with ``(argument, folder)``; it returns a mapping or None.
    argument : mapping
        Plain values (see :mod:`tarragon.engine.plain`); sequences arrive as lists.
    folder : Path
        The task's own: ``task.json``, ``result.json``, ``stdout.txt``, ``stderr.txt`` appear in it.
    label : str
        What to call it in messages; the target's name by default.
    threads : int
        How many its libraries may use.
    """

    target: str
    argument: Mapping[str, object]
    folder: Path
    label: str = ""
    threads: int = 1

    @property
    def title(self) -> str:
        """The label, or what is called."""
        return self.label or self.target.rpartition(":")[2]


class WorkerError(JobError):
    """A task ended without a result.

    Attributes
    ----------
    ending : {"exception", "memory", "signal", "exit", "killed", "start"}
        How: it raised; it ran out of memory; a signal ended it; it left by itself; we killed it; it never began.
    error_type : str
        Name of the exception's class, if it raised.
    traceback : str
        Whole, if it raised.
    """

    def __init__(self, what: str, *, why: str, fix: str, ending: Ending, error: tuple[str, str] = ("", "")) -> None:
        super().__init__(what, why=why, fix=fix)
        self.ending: Ending = ending
        self.error_type, self.traceback = error


class Handle(Protocol):
    """A submitted task."""

    @property
    def task(self) -> Task:
        """What was submitted."""

    @property
    def pid(self) -> int | None:
        """The process that runs it; None before it has one."""

    def done(self) -> bool:
        """Whether it has ended, well or not."""

    def result(self) -> Mapping[str, object]:
        """Wait for the end and return what the function returned. Raises :class:`WorkerError`."""

    def kill(self) -> None:
        """End it and everything it started, at once; nothing if it is over."""


@runtime_checkable
class Executor(Protocol):
    """Runs tasks, so many side by side.

    Attributes
    ----------
    capacity : int
        How many; more wait their turn in the order they came.
    """

    @property
    def capacity(self) -> int:
        """How many tasks run side by side."""

    def submit(self, task: Task) -> Handle:
        """Take a task; returns at once (an inline executor when it is done)."""

    def wait(self, handles: Sequence[Handle], timeout: float | None = None) -> tuple[Handle, ...]:
        """Wait until at least one of the handles is done, or the seconds are over; return all that are done."""

    def warm(self, modules: Sequence[str]) -> None:
        """Load modules that later tasks will need, now that nobody waits; one that is not installed is left out."""

    def close(self) -> None:
        """Kill what still runs and let go of every process."""

    def __enter__(self) -> Self:
        """Use as a context manager that closes."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close."""
