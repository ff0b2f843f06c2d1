"""Runs a processing job: inputs to folders, a command, folders to outputs.

Jobs of the script and framework processors bring their own entry points; somebody's own image needs a container engine.
"""

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.engine import (
    Command,
    Logs,
    Objects,
    append_event,
    base_environment,
    contained,
    from_plain,
    object_root,
    remove,
    run_commands,
)
from tarragon.errors import DataError, TarragonError
from tarragon.train import packages, script, transfer
from tarragon.train.docker import docker_argv, remove_container
from tarragon.train.image import Image, image
from tarragon.train.job import SIGNALLED, blame
from tarragon.train.protocol import Given, ProcessingSpec, Wanted
from tarragon.train.transcript import Transcript
from tarragon.train.usage import Usage

GROUP = "/aws/sagemaker/ProcessingJobs"
STOP = "stop"
SYNC_S = 2.0  # how often a continuous output is stored
REASON_LETTERS = 1024
TAIL_LETTERS = 700  # of what a failed command printed last


def run(argument: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Run a processing job; a supervisor calls this in a forked process (see :mod:`tarragon.engine.supervisor`)."""
    return Processing(from_plain(argument["spec"]["processing"], ProcessingSpec), argument).perform()


class Processing:
    """One run of a job.

    Parameters
    ----------
    spec : ProcessingSpec
    argument : mapping
        As the supervisor gives it.
    """

    def __init__(self, spec: ProcessingSpec, argument: Mapping[str, Any]) -> None:
        self.spec, self.name = spec, str(argument["name"])
        self.folder, self.home = Path(argument["job_folder"]), Path(argument["home"])
        self._objects = Objects(object_root(self.home))
        self._transcript = Transcript(Logs(self.home), (spec.region, GROUP, self.name), spec.instances)
        self._began = time.time()
        self._exceeded = False
        self._stored: dict[tuple[str, int], dict[str, tuple[int, int]]] = {}

    def perform(self) -> dict[str, Any]:
        """Do everything and say how it ended."""
        started, message = 0.0, ""
        try:
            found = image(self.spec.image)
            commands = [self._command(found, rank) for rank in range(self.spec.instances)]
            for rank in range(self.spec.instances):
                self._lay_out(rank)
            started = time.time()
            self._event("phase", status="Processing", message="Processing")
            with Continuous(self), Usage(lambda figures: self._event("usage", **figures), self.folder):
                codes = self._run(found, commands)
            state, reason, message = self._outcome(codes)
            if state != "Failed":
                for wanted in self.spec.outputs:
                    self.store(wanted)
        except TarragonError as error:
            state, reason = "Failed", f"{blame(error)}: {error}"
        return {
            "state": state, "reason": reason[:REASON_LETTERS], "started": started, "ended": time.time(),
            "message": message[:REASON_LETTERS],
        }  # fmt: skip

    def root(self, rank: int) -> Path:
        """Say which folder is ``/opt/ml`` on a host."""
        return self.folder / f"algo-{rank + 1}" / "ml"

    def inside(self, path: str, rank: int) -> Path:
        """Say where a path below ``/opt/ml`` really is. Raises ``DataError`` for another."""
        if not path.startswith("/opt/ml/"):
            raise DataError(f"{path} cannot be used", why="it is not below /opt/ml", fix="Use /opt/ml/processing/…")
        return contained(self.root(rank), path.removeprefix("/opt/ml/").rstrip("/"))

    def store(self, wanted: Wanted) -> None:
        """Store an output's files, of every host; those of a continuous one only when they changed."""
        for rank in range(self.spec.instances):
            seen = self._stored.setdefault((wanted.name, rank), {})
            transfer.upload(self._objects, self.inside(wanted.path, rank), wanted.uri, seen)

    def _lay_out(self, rank: int) -> None:
        root = self.root(rank)
        for each in root.iterdir() if root.is_dir() else ():
            remove(each)
        for name in ("config", "output", "processing", "code"):
            (root / name).mkdir(parents=True, exist_ok=True)
        resources = {"current_host": self._hosts[rank], "hosts": self._hosts}
        (root / "config" / "processingjobconfig.json").write_text(json.dumps(dict(self.spec.document)))
        (root / "config" / "resourceconfig.json").write_text(json.dumps(resources))
        for given in self.spec.inputs:
            self._fetch(given, rank)
        for wanted in self.spec.outputs:
            transfer.require_bucket(self._objects, wanted.uri)
            self.inside(wanted.path, rank).mkdir(parents=True, exist_ok=True)

    def _fetch(self, given: Given, rank: int) -> None:
        share = (rank, self.spec.instances) if given.sharded else (0, 1)
        pairs = transfer.chosen(self._objects, given.uri, given.kind, share)
        size = transfer.download(self._objects, pairs, self.inside(given.path, rank), unzip=given.gzip)
        self._event("input", name=given.name, host=self._hosts[rank], objects=len(pairs), bytes=size)

    @property
    def _hosts(self) -> list[str]:
        return [f"algo-{i + 1}" for i in range(self.spec.instances)]

    def _run(self, found: Image, commands: list[Command]) -> list[int]:
        try:
            return run_commands(commands, self._transcript.hear, self._stop_asked)
        finally:
            if found.kind == "custom":
                for rank in range(self.spec.instances):
                    remove_container(self._container(rank))

    def _command(self, found: Image, rank: int) -> Command:
        spec, root = self.spec, self.root(rank)
        root.mkdir(parents=True, exist_ok=True)
        names = tuple(self._hosts) if spec.instances > 1 else ()
        told = {
            "PROCESSING_JOB_NAME": self.name, "PROCESSING_JOB_ARN": spec.arn, "AWS_REGION": spec.region,
            "AWS_DEFAULT_REGION": spec.region, **spec.environment,
        }  # fmt: skip
        if found.kind == "custom":
            what = spec.entrypoint, spec.arguments
            argv = docker_argv(found.uri, root, self._container(rank), what, tuple(told), names)
            return Command(tuple(argv), root, {**base_environment(), **told}, str(root))
        if not spec.entrypoint:
            raise DataError(
                f"The image {found.repository} cannot be run without an entry point",
                why="Tarragon runs scripts in the place of this image, not the image's own program",
                fix="Use a script or framework processor, or give ContainerEntrypoint",
            )
        environment = base_environment(packages.layered(root.parent / "packages")) | told
        environment["PYTHONPATH"] = script.python_path(environment.get("PYTHONPATH"))
        return Command((*spec.entrypoint, *spec.arguments), root, environment, "/opt/ml/code", names)

    def _container(self, rank: int) -> str:
        return f"tarragon-{self.name}-{self._hosts[rank]}"

    def _outcome(self, codes: list[int]) -> tuple[str, str, str]:
        message_file = self.root(0) / "output" / "message"
        message = message_file.read_text(errors="replace").strip() if message_file.is_file() else ""
        if (self.folder / STOP).exists():
            return "Stopped", "Processing job was stopped", message
        if self._exceeded:
            return "Stopped", "Processing job runtime exceeded MaxRuntimeInSeconds provided", message
        failed = sorted((code in SIGNALLED, i) for i, code in enumerate(codes) if code)
        if not failed:
            return "Completed", "", message
        rank = failed[0][1]
        tail = "\n".join(self._transcript.tail(rank))[-TAIL_LETTERS:]
        said = message or f"See job logs for more information; they end with:\n{tail}"
        return "Failed", f"AlgorithmError: {said}, exit code: {codes[rank]}", message

    def _stop_asked(self) -> bool:
        self._exceeded = self._exceeded or time.time() - self._began > self.spec.max_runtime_s
        return self._exceeded or (self.folder / STOP).exists()

    def _event(self, kind: str, **fields: Any) -> None:
        append_event(self.folder, kind, fields, time=time.time())


class Continuous:
    """Stores outputs that are wanted while the job still runs: what changed, every few seconds."""

    def __init__(self, processing: Processing) -> None:
        self._processing = processing
        self._wanted = [each for each in processing.spec.outputs if each.continuous]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="outputs", daemon=True)

    def __enter__(self) -> None:
        if self._wanted:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._wanted:
            self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(SYNC_S):
            for each in self._wanted:
                self._processing.store(each)
