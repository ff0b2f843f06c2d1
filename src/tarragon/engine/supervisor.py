"""Runs jobs in the background: recorded before they are acknowledged, each in a process of its own, none forgotten.

A job's kind says what runs it: a *runner*, ``"package.module:function"``, called in a forked process as
``run(argument, folder)``. It appends to the job's ``events.jsonl``, looks now and then for a file called ``stop`` in
the job's folder, and returns ``{"state": "Completed" | "Failed" | "Stopped", "reason": …}``; what else it returns is
kept as the event "result". A process that dies is a Failed job with the reason. What a killed supervisor left is run
again.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tarragon.engine.disk import refusals
from tarragon.engine.events import FILE
from tarragon.engine.executor.local import cores
from tarragon.engine.executor.protocol import Executor, Handle, Task, WorkerError
from tarragon.engine.job import Job
from tarragon.engine.protocol import JobRecord, State
from tarragon.engine.workspace import Workspace
from tarragon.errors import ConflictError, ParameterError, TarragonError

logger = logging.getLogger(__name__)
STOP = "stop"  # a file of this name in a job's folder asks its runner to end
LOOK_S = 0.05  # how often events of running jobs are taken in: what a Describe shows is at most this old
VARIANT = "--"  # "training--eu-west-1" is run as "training" is


@dataclass(frozen=True, slots=True)
class Runner:
    """What runs the jobs of a kind.

    Parameters
    ----------
    target : str
        ``"package.module:function"``.
    threads : int
        How many its libraries may use; 0 for all cores.
    """

    target: str
    threads: int = 0


@dataclass(slots=True)
class _Running:
    job: Job
    handle: Handle
    read: int = -1  # bytes of events.jsonl that have been taken in


class Supervisor:
    """Jobs of a workspace, side by side in an executor.

    Parameters
    ----------
    workspace : Workspace
    runners : mapping of str to Runner
        By kind.
    executor : Executor
        Closed with the supervisor.
    """

    def __init__(self, workspace: Workspace, runners: Mapping[str, Runner], executor: Executor) -> None:
        self._workspace, self._runners, self._executor = workspace, dict(runners), executor
        self._running: dict[tuple[str, str], _Running] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._watch, name="tarragon-supervisor", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def start(self) -> tuple[str, ...]:
        """Begin to watch, and run again what a dead supervisor left; return the names of those jobs."""
        self._thread.start()
        return tuple(self._recover())

    def submit(self, kind: str, name: str, spec: Mapping[str, object]) -> JobRecord:
        """Record a job and start it as soon as there is room; it is durable once this returns.

        Raises
        ------
        ConflictError
            When the name is taken.
        ParameterError
            When nothing runs that kind, or the name is none.
        """
        runner = self._runner(kind)
        job = self._workspace.start(kind, name, spec)
        self._launch(job, runner, spec, 1)
        return job.record

    def stop(self, kind: str, name: str, reason: str = "asked to stop") -> JobRecord:
        """Ask a job to end. Raises ``NotFoundError``, or ``ConflictError`` when it is over."""
        folder = self._workspace.folder(kind, name)
        record = self._workspace.ask_stop(kind, name, reason)
        with refusals("ask the job to stop", folder):
            (folder / STOP).touch()
        return record

    def close(self) -> None:
        """Let every job go and end its process; they are run again by the next supervisor. Safe to call twice."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        with self._changed:
            running = list(self._running.values())
            self._running.clear()
        for each in running:
            each.job.close()
        self._executor.close()

    def _runner(self, kind: str) -> Runner:
        runner = self._runners.get(kind.partition(VARIANT)[0])
        if runner is None:
            raise ParameterError(
                f"A {kind} cannot be run", why="nothing here runs that kind", fix=f"Known: {', '.join(self._runners)}"
            )
        return runner

    def _launch(self, job: Job, runner: Runner, spec: Mapping[str, object], attempt: int) -> None:
        argument = {
            "kind": job.kind, "name": job.name, "spec": dict(spec), "attempt": attempt,
            "job_folder": str(job.folder), "home": str(self._workspace.home),
        }  # fmt: skip
        folder = job.folder / "work" / str(attempt)
        task = Task(runner.target, argument, folder, f"{job.kind} {job.name}", runner.threads or cores())
        handle = self._executor.submit(task)
        with self._changed:
            self._running[job.kind, job.name] = _Running(job, handle)
            self._changed.notify_all()

    def _recover(self) -> "list[str]":
        names = []
        for kind in self._workspace.kinds():
            if kind.partition(VARIANT)[0] not in self._runners:
                continue
            for record in reversed(self._workspace.jobs(kind)):
                if record.state.over or not record.interrupted:
                    continue
                try:
                    job = self._workspace.resume(kind, record.name)
                except ConflictError:  # another process was quicker
                    continue
                job.event("phase", status="Restarting", message="The server was restarted; running the job again")
                self._launch(job, self._runner(kind), record.spec, record.attempt + 1)
                names.append(record.name)
        return names

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or bool(self._running))
                if self._closing:
                    return
                running = dict(self._running)
            self._executor.wait([each.handle for each in running.values()], LOOK_S)
            for key, each in running.items():
                try:
                    if each.handle.done() and not self._closing:
                        self._conclude(each)
                        with self._changed:
                            self._running.pop(key, None)
                    else:
                        self._ingest(each)
                except ConflictError as error:  # taken over by another process, which sees to it now
                    logger.warning("%s", error)
                    each.handle.kill()
                    with self._changed:
                        self._running.pop(key, None)
                except (TarragonError, OSError) as error:
                    logger.warning("The %s %s is looked at again: %s", each.job.kind, each.job.name, error)

    def _ingest(self, each: _Running) -> None:
        """Take in new events, if there are any: a look at the file's size costs nothing, a transaction does."""
        try:
            size = (each.job.folder / FILE).stat().st_size
        except FileNotFoundError:
            return
        if size != each.read:
            each.job.beat()
            each.read = size

    def _conclude(self, each: _Running) -> None:
        job = each.job
        try:
            found = dict(each.handle.result())
        except WorkerError as error:
            if job.stop_asked or (job.folder / STOP).exists():
                job.stop("stopped")
            else:
                job.fail(f"InternalServerError: {error.what}: {error.why}", error.traceback)
            return
        state, reason = State(str(found.pop("state", State.COMPLETED))), str(found.pop("reason", ""))
        if found:
            job.event("result", **found)
        if state is State.FAILED:
            job.fail(reason)
        elif state is State.STOPPED:
            job.stop(reason)
        else:
            job.finish()
