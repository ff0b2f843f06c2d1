"""Batch transform: every object under a prefix goes through a model, record by record, and its answers are stored.

The model's workers are forked from the job's own process, before it has done anything a fork could not bear.
"""

import asyncio
import gzip
import os
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tarragon.engine import Logs, Objects, append_event, cores, from_plain, object_root, remove
from tarragon.errors import DataError, JobError, ParameterError, StorageError, TarragonError
from tarragon.serve import host, records
from tarragon.serve.fleet import Fleet, Ground
from tarragon.serve.jsonpath import JsonPath
from tarragon.serve.protocol import Container, Invocation, Reply, Variant
from tarragon.serve.tail import Tail
from tarragon.serve.worker import Hub
from tarragon.train import chosen, require_bucket

GROUP = "/aws/sagemaker/TransformJobs"
STOP = "stop"
LOOK_S = 0.25
FAILURE_LETTERS = 1024
IN_MEMORY = 8 << 20  # of an output, before it goes to the disk


@dataclass(frozen=True, slots=True)
class TransformSpec:
    """A transform job.

    Parameters
    ----------
    containers : tuple of Container
    source : str
        ``s3://`` prefix, or a manifest's URI.
    source_kind : {"prefix", "manifest"}
    output : str
        ``s3://`` prefix.
    content_type, accept : str
    gzip : bool
        The inputs are compressed.
    cut : Cut
        How inputs become requests.
    lines : bool
        Whether answers are put together with line ends between them.
    concurrency : int
        Requests at a time; 0 for as many as there are cores.
    timeout_s : float
    retries : int
        How often a request is tried again when the model fails.
    input_filter, output_filter : str
        JSONPath.
    joined : bool
        Whether an output record begins with its input record.
    instances : int
    """

    containers: tuple[Container, ...]
    source: str
    output: str
    source_kind: Literal["prefix", "manifest"] = "prefix"
    content_type: str = ""
    accept: str = ""
    gzip: bool = False
    cut: records.Cut = field(default_factory=records.Cut)
    lines: bool = False
    concurrency: int = 0
    timeout_s: float = 600.0
    retries: int = 3
    input_filter: str = "$"
    output_filter: str = "$"
    joined: bool = False
    instances: int = 1


def run(argument: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Run a transform job; a supervisor calls this in a forked process (see :mod:`tarragon.engine.supervisor`)."""
    spec = from_plain(argument["spec"]["transform"], TransformSpec)
    return asyncio.run(Transform(spec, argument, folder).perform())


class Transform:
    """One run of a job.

    Parameters
    ----------
    spec : TransformSpec
    argument : mapping
        As the supervisor gives it.
    folder : Path
        For what is only needed while it runs.
    """

    def __init__(self, spec: TransformSpec, argument: Mapping[str, Any], folder: Path) -> None:
        self.spec, self.name = spec, str(argument["name"])
        self._region = str(argument["kind"]).partition("--")[2] or "us-east-1"
        self._job, self._home = Path(argument["job_folder"]), Path(argument["home"])
        self._folder = folder / "model"
        self._objects, self._logs = Objects(object_root(self._home)), Logs(self._home)
        self._width = min(spec.concurrency or cores(), 100)
        self._filters = records.Filters(
            JsonPath(spec.input_filter), JsonPath(spec.output_filter), spec.joined, spec.content_type,
            spec.accept,
        )  # fmt: skip
        self._tails: dict[Path, Tail] = {}
        self._stream = f"{self.name}/i-{os.urandom(8).hex()}"
        self._counts = {"objects": 0, "requests": 0}

    async def perform(self) -> dict[str, Any]:
        """Do everything and say how it ended."""
        began, state, reason = time.time(), "Completed", ""
        self._phase("Starting", "Starting the transform job")
        hub = Hub(_Forks())
        variant = Variant(self.name, self.spec.containers, instances=min(self._width, cores()))
        fleet = Fleet(Ground(hub, self._home, self._folder), variant)
        tending: asyncio.Task[None] | None = None
        try:
            pairs = chosen(self._objects, self.spec.source, self.spec.source_kind)
            require_bucket(self._objects, self.spec.output)
            await hub.open()
            tending = asyncio.create_task(self._tend(fleet))
            await fleet.open()
            self._phase("Transforming", "The model is loaded; transforming the input")
            for record, path in pairs:
                if self._stopping:
                    break
                await self._object(fleet, record.uri, path)
            if self._stopping:
                state, reason = "Stopped", "asked to stop"
        except (DataError, ParameterError) as error:
            state, reason = "Failed", f"ClientError: {error}"
        except StorageError as error:
            state, reason = "Failed", f"InternalServerError: {error}"
        except TarragonError as error:
            state, reason = "Failed", f"AlgorithmError: {error}"
        finally:
            if tending is not None:
                tending.cancel()
            fleet.close()
            await hub.close()
        if reason:
            self._say(reason)
        self._follow(fleet)
        remove(self._folder)
        return {
            "state": state, "reason": reason[:FAILURE_LETTERS], "started": began, "ended": time.time(), **self._counts,
        }  # fmt: skip

    async def _object(self, fleet: Fleet, uri: str, path: str) -> None:
        """Transform one object; what is stored is all of it."""
        pending: deque[tuple[list[bytes], asyncio.Task[Reply]]] = deque()
        with self._objects.open(uri) as raw, tempfile.SpooledTemporaryFile(IN_MEMORY) as made:
            source: Any = gzip.GzipFile(fileobj=raw) if self.spec.gzip else raw
            try:
                for found in records.requests(records.records(source, self.spec.cut.split), self.spec.cut):
                    if self._stopping:
                        return
                    pending.append((found, asyncio.create_task(self._ask(fleet, found))))
                    if len(pending) >= self._width:
                        self._write(made, *await _first(pending), uri)
                while pending:
                    self._write(made, *await _first(pending), uri)
            except (EOFError, gzip.BadGzipFile) as error:
                raise DataError(f"{uri} is not gzip", why=str(error), fix="Check CompressionType") from error
            finally:
                for _, task in pending:
                    task.cancel()
            self._store(made, path)
        self._counts["objects"] += 1

    async def _ask(self, fleet: Fleet, found: list[bytes]) -> Reply:
        sent = found if self._filters.given.whole else [records.given(each, self._filters) for each in found]
        body = records.body(sent, self.spec.cut.split)
        invocation = Invocation(
            body, self.spec.content_type or "application/octet-stream", self.spec.accept or "*/*",
            timeout_s=self.spec.timeout_s,
        )  # fmt: skip
        for attempt in range(self.spec.retries + 1):
            reply = await fleet.ask(invocation)
            self._counts["requests"] += 1
            if reply.status == 200 or 400 <= reply.status < 500 or attempt == self.spec.retries:
                break
        return reply

    def _write(self, made: Any, found: list[bytes], reply: Reply, uri: str) -> None:
        if reply.status != 200:
            said = reply.body.decode("utf-8", "replace")
            self._say(f"{uri}: Bad HTTP status received from algorithm: {reply.status}")
            self._say(f"{uri}: {said}")
            words = f"Bad HTTP status received from algorithm: {reply.status} ({said}) for {uri}"
            raise DataError(words) if 400 <= reply.status < 500 else JobError(words)
        if self._filters.idle:
            made.write(reply.body)
            if self.spec.lines and reply.body and not reply.body.endswith(b"\n"):
                made.write(b"\n")
            return
        try:
            answered = records.answers(reply.body, self.spec.accept or reply.content_type, len(found))
        except ValueError as error:
            raise DataError(f"The model's answer for {uri} cannot be read", why=str(error)) from error
        made.write(records.together(records.kept(found, answered, self._filters), lines=self.spec.lines))

    def _store(self, made: Any, path: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        made.seek(0)
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:
            shutil.copyfileobj(made, file, 1 << 20)
            file.flush()
            self._objects.put(f"{self.spec.output.rstrip('/')}/{path}.out", Path(file.name))

    @property
    def _stopping(self) -> bool:
        return (self._job / STOP).exists()

    def _phase(self, status: str, message: str) -> None:
        append_event(self._job, "phase", {"status": status, "message": message}, time=time.time())

    def _say(self, message: str) -> None:
        self._logs.write(self._region, GROUP, f"{self._stream}/data-log", [(int(time.time() * 1000), message)])

    async def _tend(self, fleet: Fleet) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            fleet.tend(asyncio.get_running_loop().time())
            self._follow(fleet)

    def _follow(self, fleet: Fleet) -> None:
        for group in fleet.groups:
            for worker in group.workers:
                if worker.folder not in self._tails:
                    number = len(self._tails)
                    self._tails[worker.folder] = Tail(worker.folder, self._stream + (f"-{number}" if number else ""))
        for tail in self._tails.values():
            tail.move(self._logs, self._region, GROUP)


async def _first(pending: "deque[tuple[list[bytes], asyncio.Task[Reply]]]") -> tuple[list[bytes], Reply]:
    found, task = pending.popleft()
    return found, await task


@dataclass(slots=True)
class _Fork:
    pid: int
    over: bool = False

    def done(self) -> bool:
        if not self.over:
            try:
                self.over = os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
            except ChildProcessError:
                self.over = True
        return self.over

    def kill(self) -> None:
        if not self.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class _Forks:
    """Forks workers from this very process; they end when it does, for then their line is closed."""

    def launch(self, argument: Mapping[str, object], folder: Path) -> _Fork:
        folder.mkdir(parents=True, exist_ok=True)
        pid = os.fork()
        if pid:
            return _Fork(pid)
        try:
            for number, name in ((1, "stdout.txt"), (2, "stderr.txt")):
                file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                os.dup2(file, number)
            host.run(argument, folder)
        finally:
            os._exit(0)
