"""Runs each task in this process when it is submitted: for tests, notebooks and platforms that cannot fork."""

from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tarragon.engine.executor import work
from tarragon.engine.executor.protocol import Handle, Task


@dataclass(frozen=True, slots=True)
class InlineHandle:
    """A task that has run already."""

    task: Task
    pid: int | None = field(default=None)

    def done(self) -> bool:
        """Say that it has ended."""
        return True

    def result(self) -> Mapping[str, object]:
        """Return what the function returned. Raises ``WorkerError``."""
        return work.outcome(self.task)

    def kill(self) -> None:
        """Do nothing: it is over."""


class InlineExecutor:
    """One task at a time, here and now. A crash of the task is a crash of this process."""

    capacity = 1

    def __init__(self) -> None:
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def submit(self, task: Task) -> Handle:
        """Run a task to its end."""
        if self._closed:
            raise work.closed(task)
        work.prepare(task)
        with (
            open(task.folder / work.OUT, "w") as out,
            open(task.folder / work.ERR, "w") as err,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            if not work.perform(task.target, task.folder):
                err.write(work.trace(task.folder))
        return InlineHandle(task)

    def wait(self, handles: Sequence[Handle], timeout: float | None = None) -> tuple[Handle, ...]:
        """Return all of them: each is done."""
        return tuple(handles)

    def warm(self, modules: Sequence[str]) -> None:
        """Do nothing: a task loads what it needs in this very process."""

    def close(self) -> None:
        """Take no more tasks."""
        self._closed = True
