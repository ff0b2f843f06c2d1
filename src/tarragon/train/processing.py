"""Runs a processing job: inputs to folders, a command, folders to outputs.

Jobs of the script and framework processors bring their own entry points; somebody's own image needs a container engine.
"""

import json
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarragon.engine import (
    Command,
    Logs,
    Objects,
    append_event,
    base_environment,
    from_plain,
    object_root,
    run_commands,
)
from tarragon.errors import DataError, StorageError, TarragonError
from tarragon.train import script, transfer
from tarragon.train.docker import docker_argv
from tarragon.train.image import image
from tarragon.train.protocol import ProcessingSpec, Wanted

GROUP = "/aws/sagemaker/ProcessingJobs"
STOP = "stop"
SYNC_S = 2.0  # how often a continuous output is stored
REASON_LETTERS = 1024


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
        self._objects, self._logs = Objects(object_root(self.home)), Logs(self.home)
        self._began = time.time()
        self._exceeded = False
        self._tails: list[deque[str]] = [deque(maxlen=40) for _ in range(spec.instances)]

    def perform(self) -> dict[str, Any]:
        """Do everything and say how it ended."""
        started, message = 0.0, ""
        state, reason = "Completed", ""
        try:
            for rank in range(self.spec.instances):
                self._lay_out(rank)
            started = time.time()
            self._event("phase", status="Processing", message="Processing")
            with _Continuous(self):
                codes = run_commands(
                    [self._command(rank) for rank in range(self.spec.instances)], self._heard, self._stop_asked
                )
            state, reason, message = self._outcome(codes)
            if state != "Failed":
                for wanted in self.spec.outputs:
                    self.store(wanted)
        except (DataError, OSError) as error:
            kind = "InternalServerError" if isinstance(error, StorageError) else "ClientError"
            state, reason = "Failed", f"{kind}: {error}"
        except TarragonError as error:
            state, reason = "Failed", f"AlgorithmError: {error}"
        return {
            "state": state, "reason": reason[:REASON_LETTERS], "started": started, "ended": time.time(),
            "message": message[:REASON_LETTERS],
        }  # fmt: skip

    def root(self, rank: int) -> Path:
        """Say which folder is ``/opt/ml`` on a host."""
        return self.folder / f"algo-{rank + 1}" / "ml"

    def inside(self, path: str, rank: int) -> Path:
        """Say where a path below ``/opt/ml`` really is. Raises ``DataError`` for another."""
        parts = Path(path).parts
        if parts[:3] != ("/", "opt", "ml") or ".." in parts:
            raise DataError(f"{path} cannot be used", why="it is not below /opt/ml", fix="Use /opt/ml/processing/…")
        return self.root(rank).joinpath(*parts[3:])

    def store(self, wanted: Wanted) -> None:
        """Store an output's files, of every host."""
        for rank in range(self.spec.instances):
            transfer.upload(self._objects, self.inside(wanted.path, rank), wanted.uri)

    def _lay_out(self, rank: int) -> None:
        root = self.root(rank)
        shutil.rmtree(root, ignore_errors=True)
        for name in ("config", "output", "processing", "code"):
            (root / name).mkdir(parents=True)
        hosts = [f"algo-{i + 1}" for i in range(self.spec.instances)]
        (root / "config" / "processingjobconfig.json").write_text(json.dumps(dict(self.spec.document)))
        (root / "config" / "resourceconfig.json").write_text(json.dumps({"current_host": hosts[rank], "hosts": hosts}))
        for given in self.spec.inputs:
            share = (rank, self.spec.instances) if given.sharded else (0, 1)
            pairs = transfer.chosen(self._objects, given.uri, given.kind, share)
            transfer.download(self._objects, pairs, self.inside(given.path, rank), unzip=given.gzip)
        for wanted in self.spec.outputs:
            transfer.require_bucket(self._objects, wanted.uri)
            self.inside(wanted.path, rank).mkdir(parents=True, exist_ok=True)

    def _command(self, rank: int) -> Command:
        found, root = image(self.spec.image), self.root(rank)
        told = {
            "PROCESSING_JOB_NAME": self.name, "PROCESSING_JOB_ARN": self.spec.arn, "AWS_REGION": self.spec.region,
            "AWS_DEFAULT_REGION": self.spec.region, **self.spec.environment,
        }  # fmt: skip
        environment = {**base_environment(), **told}
        argv = [*self.spec.entrypoint, *self.spec.arguments]
        if found.kind in ("custom", "tool") or not argv:
            if found.kind != "custom":
                raise DataError(
                    f"The image {found.repository} cannot be run without an entry point",
                    why="Tarragon runs scripts in framework images, not this image's own program",
                    fix="Use a script or framework processor",
                )
            return Command(tuple(docker_argv(found.uri, root, argv, told)), root, environment, str(root))
        if argv[0] in ("python3", "python"):
            argv[0] = sys.executable
        environment["PYTHONPATH"] = script.python_path(environment.get("PYTHONPATH"))
        hosts = tuple(f"algo-{i + 1}" for i in range(self.spec.instances)) if self.spec.instances > 1 else ()
        return Command(tuple(argv), root, environment, "/opt/ml/code", hosts)

    def _outcome(self, codes: list[int]) -> tuple[str, str, str]:
        message_file = self.root(0) / "output" / "message"
        message = message_file.read_text(errors="replace").strip() if message_file.is_file() else ""
        if (self.folder / STOP).exists():
            return "Stopped", "Processing job was stopped", message
        if self._exceeded:
            return "Stopped", "Processing job runtime exceeded MaxRuntimeInSeconds provided", message
        failed = next((i for i, code in enumerate(codes) if code), None)
        if failed is None:
            return "Completed", "", message
        tail = "\n".join(self._tails[failed])[-700:]
        said = message or f"See job logs for more information; they end with:\n{tail}"
        return "Failed", f"AlgorithmError: {said}, exit code: {codes[failed]}", message

    def _stop_asked(self) -> bool:
        self._exceeded = self._exceeded or time.time() - self._began > self.spec.max_runtime_s
        return self._exceeded or (self.folder / STOP).exists()

    def _heard(self, rank: int, at: float, text: str) -> None:
        self._tails[rank].append(text)
        stream = f"{self.name}/algo-{rank + 1}-{int(self._began)}"
        self._logs.write(self.spec.region, GROUP, stream, [(int(at * 1000), text)])

    def _event(self, kind: str, **fields: Any) -> None:
        append_event(self.folder, kind, fields, time=time.time())


class _Continuous:
    """Stores outputs that are wanted while the job still runs."""

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
