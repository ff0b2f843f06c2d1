"""Runs a training job in a process of its own: fetch the data, train, store the model; told as it happens.

Each host has a folder laid out as SageMaker's containers see it; several hosts are several processes, each with its
rank. A built-in algorithm trains in this very process, a script in a command of its own (``engine.container``).
"""

import json
import os
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
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
)  # fmt: skip
from tarragon.errors import DataError, JobError, ParameterError, StorageError, TarragonError
from tarragon.train import script, transfer
from tarragon.train.docker import docker_argv
from tarragon.train.image import Image, image
from tarragon.train.protocol import Source, TrainingSpec

GROUP = "/aws/sagemaker/TrainingJobs"
STOP = "stop"
CODE_CHANNELS = ("code", "sm_drivers")  # SDK v3's own
SYNC_S = 5.0  # how often checkpoints are stored while the job runs
FAILURE_LETTERS = 1024
KEPT_LINES = 200  # the end of what a script printed, for its failure


def run(argument: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Run a training job; a supervisor calls this in a forked process (see :mod:`tarragon.engine.supervisor`)."""
    spec = from_plain(argument["spec"]["training"], TrainingSpec)
    return Training(spec, argument).perform()


class Ended(Exception):  # noqa: N818 - a way to end, not a fault
    """The job is over, with these words."""

    def __init__(self, state: str, reason: str = "") -> None:
        self.state, self.reason = state, reason


class Training:
    """One run of a job.

    Parameters
    ----------
    spec : TrainingSpec
    argument : mapping
        As the supervisor gives it.
    """

    def __init__(self, spec: TrainingSpec, argument: Mapping[str, Any]) -> None:
        self.spec, self.name = spec, str(argument["name"])
        self.folder, self.home = Path(argument["job_folder"]), Path(argument["home"])
        self.objects = Objects(object_root(self.home))
        self._logs, self._began = Logs(self.home), time.time()
        self._patterns = [(each.name, re.compile(each.regex)) for each in spec.patterns]
        self._last: dict[str, tuple[float, float]] = {}
        self._tails: list[deque[str]] = [deque(maxlen=KEPT_LINES) for _ in range(spec.instances)]
        self._exceeded = False

    def perform(self) -> dict[str, Any]:
        """Do everything and say how it ended."""
        self._phase("Starting", "Starting the training job")
        started = ended = 0.0
        state, reason = "Completed", ""
        try:
            self._phase("Downloading", "Downloading input data")
            found = self._understood()
            hosts = self._hosts()
            transfer.require_bucket(self.objects, self.spec.output_uri)
            started = time.time()
            self._phase("Training", "Training image download completed. Training in progress.")
            with self._checkpoints(hosts):
                self._train(found, hosts)
        except Ended as end:
            state, reason = end.state, end.reason
        except (DataError, ParameterError) as error:
            state, reason = "Failed", f"ClientError: {error}"
        except StorageError as error:
            state, reason = "Failed", f"InternalServerError: {error}"
        except TarragonError as error:
            state, reason = "Failed", f"AlgorithmError: {error}"
        ended = time.time()
        artifacts = {}
        if started:
            try:
                artifacts = self._upload(keep_model=state != "Failed")
            except TarragonError as error:
                state, reason = "Failed", f"ClientError: {error}"
        metrics = [{"name": name, "value": value, "time": at} for name, (value, at) in self._last.items()]
        return {
            "state": state, "reason": reason[:FAILURE_LETTERS], "started": started, "ended": ended,
            "metrics": metrics, "exceeded": self._exceeded, **artifacts,
        }  # fmt: skip

    def _understood(self) -> Image:
        found = image(self.spec.image)
        scripted = script.PROGRAM in self.spec.hyperparameters or bool(self.spec.entrypoint)
        if scripted and found.framework:
            return replace(found, kind="framework")
        if found.kind == "tool":
            raise DataError(
                f"The image {found.repository} does not train", why="it is a tool for other jobs", fix="Name another"
            )
        if found.kind == "framework":
            raise DataError(
                f"The image {found.repository} needs a script",
                why="the hyperparameter sagemaker_program is not there",
                fix="Use the SDK's estimator for it, or give sagemaker_program and sagemaker_submit_directory",
            )
        return found

    # Hosts and their folders -----------------------------------------------------------------------------------------

    def root(self, rank: int) -> Path:
        """Say which folder is ``/opt/ml`` on a host."""
        return self.folder / f"algo-{rank + 1}" / "ml"

    def _hosts(self) -> list[script.Host]:
        hosts = []
        for rank in range(self.spec.instances):
            root = self.root(rank)
            kept = root / "checkpoints"  # an earlier attempt's, to go on from
            for each in root.iterdir() if root.is_dir() else ():
                if each != kept:
                    shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
            for name in (
                "input/config",
                "input/data",
                "model",
                "output/data",
                "output/intermediate",
                "checkpoints",
                "code",
            ):
                (root / name).mkdir(parents=True, exist_ok=True)
            settings = {each.name: _setting(each) for each in self.spec.sources}
            host = script.Host(
                rank, self.spec.instances, self.spec.instance_type, tuple(each.name for each in self.spec.sources), settings
            )  # fmt: skip
            for source in self.spec.sources:
                self._fetch(source, host, root)
            self._configure(host, root)
            hosts.append(host)
        return hosts

    def _fetch(self, source: Source, host: script.Host, root: Path) -> None:
        share = (host.rank, host.world) if source.sharded else (0, 1)
        pairs = transfer.chosen(self.objects, source.uri, source.kind, share)
        if source.mode == "Pipe":
            self._pipe(source, pairs, root)
            return
        if source.kind == "augmented":
            raise DataError(
                f"The channel {source.name} cannot be read",
                why="an augmented manifest needs Pipe mode",
                fix="Use Pipe mode",
            )
        folder = root / "input" / "data" / source.name
        size = transfer.download(self.objects, pairs, folder, unzip=source.gzip)
        self._event("channel", name=source.name, host=host.name, objects=len(pairs), bytes=size)

    def _pipe(self, source: Source, pairs: Any, root: Path) -> None:
        """Feed a channel through a named pipe per epoch: ``train_0``, ``train_1`` …, each opened when it is wanted."""
        first = root / "input" / "data" / f"{source.name}_0"
        os.mkfifo(first)

        def feed() -> None:
            epoch = 0
            while True:
                path = first.with_name(f"{source.name}_{epoch}")
                with open(path, "wb") as pipe:  # waits for a reader
                    following = first.with_name(f"{source.name}_{epoch + 1}")
                    os.mkfifo(following)
                    try:
                        for block in transfer.pieces(self.objects, pairs, unzip=source.gzip):
                            pipe.write(block)
                    except BrokenPipeError:  # the reader had enough
                        pass
                epoch += 1

        threading.Thread(target=feed, name=f"pipe-{source.name}", daemon=True).start()

    def _configure(self, host: script.Host, root: Path) -> None:
        files: dict[str, Any] = {
            "hyperparameters": dict(self.spec.hyperparameters), "inputdataconfig": host.settings,
            "resourceconfig": host.resources,
        }  # fmt: skip
        if self.spec.checkpoint_uri:
            files["checkpointconfig"] = {"S3Uri": self.spec.checkpoint_uri, "LocalPath": self.spec.checkpoint_path}
        for name, content in files.items():
            (root / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    # Training --------------------------------------------------------------------------------------------------------

    def _train(self, found: Image, hosts: list[script.Host]) -> None:
        if found.kind == "algorithm":
            from tarragon.train.builtin import fit

            fit(found.algorithm, self.spec, self.root(0), self)
            self._check_stopped()
            return
        commands = [self._command(found, host) for host in hosts]
        codes = run_commands(commands, self._heard, self.stop_asked)
        self._check_stopped()
        failed = next((i for i, code in enumerate(codes) if code), None)
        if failed is not None:
            raise Ended("Failed", self._failure(failed, codes[failed], commands[failed].argv))

    def _command(self, found: Image, host: script.Host) -> Command:
        root = self.root(host.rank)
        environment = {**base_environment(), **self._told()}
        if found.kind == "custom":
            argv = docker_argv(found.uri, root, ["train"], {**self._told(), **self.spec.environment})
            return Command(tuple(argv), root, environment, folder=str(root))
        decoded = script.decoded(self.spec.hyperparameters)
        extra = None
        if script.SUBMIT in decoded:
            script.fetch_code(self.objects, str(decoded[script.SUBMIT]), root)
            extra = self._required(root / "code", host)
        environment |= script.environment(host, decoded, found.framework) | dict(self.spec.environment)
        paths = (environment.get("PYTHONPATH"), "/opt/ml/code", extra)
        environment["PYTHONPATH"] = script.python_path(*paths)
        if self.spec.entrypoint:
            argv = [*self.spec.entrypoint, *self.spec.arguments]
        else:
            argv = script.command(script.program_of(decoded, root), decoded)
        return Command(tuple(argv), root, environment, script.CODE, tuple(host.names) if host.world > 1 else ())

    def _required(self, code: Path, host: script.Host) -> Path | None:
        requirements = code / "requirements.txt"
        if not requirements.is_file():
            return None
        return script.environment_for(requirements, self.home, lambda text: self._heard(host.rank, time.time(), text))

    def _told(self) -> dict[str, str]:
        return {
            "TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.spec.arn, "AWS_REGION": self.spec.region,
            "AWS_DEFAULT_REGION": self.spec.region,
        }  # fmt: skip

    def _failure(self, rank: int, code: int, argv: tuple[str, ...]) -> str:
        written = self.root(rank) / "output" / "failure"
        if written.is_file() and (text := written.read_text(errors="replace").strip()):
            return f"AlgorithmError: {text}, exit code: {code}"
        return f"AlgorithmError: {script.failure(code, argv, list(self._tails[rank]))}, exit code: {code}"

    # What a built-in algorithm is handed: see tarragon.train.builtin -------------------------------------------------

    def stop_asked(self) -> bool:
        """Whether to end: somebody asked, or the time is up."""
        self._exceeded = self._exceeded or time.time() - self._began > self.spec.max_runtime_s
        return self._exceeded or (self.folder / STOP).exists()

    def say(self, text: str) -> None:
        """Print a line of the first host's log."""
        self._heard(0, time.time(), text)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Record a value of a metric."""
        now = time.time()
        self._last[name] = (value, now)
        more = {} if step is None else {"step": step}
        self._event("metric", name=name, value=value, **more)

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None:
        """Record that a pass is done: what was seen, and how fast."""
        self._event("epoch", epoch=n, steps=steps, records=records, records_per_second=records / max(seconds, 1e-9))

    # -----------------------------------------------------------------------------------------------------------------

    def _heard(self, rank: int, at: float, text: str) -> None:
        self._tails[rank].append(text)
        stream = f"{self.name}/algo-{rank + 1}-{int(self._began)}"
        self._logs.write(self.spec.region, GROUP, stream, [(int(at * 1000), text)])
        for name, regex in self._patterns:
            for match in regex.finditer(text):
                try:
                    value = float(match[1])
                except (IndexError, TypeError, ValueError):
                    continue
                self.metric(name, value)

    def _check_stopped(self) -> None:
        if (self.folder / STOP).exists():
            raise Ended("Stopped", "Training job was stopped")
        if self._exceeded:
            raise Ended("Stopped", "Training job runtime exceeded MaxRuntimeInSeconds provided")

    def _checkpoints(self, hosts: list[script.Host]) -> "Checkpoints":
        return Checkpoints(self.objects, self.spec.checkpoint_uri, self.root(0), self.spec.checkpoint_path)

    def _upload(self, *, keep_model: bool) -> dict[str, Any]:
        self._phase("Uploading", "Uploading generated training model")
        base = f"{self.spec.output_uri.rstrip('/')}/{self.name}/output"
        merged = self.folder / "output"
        shutil.rmtree(merged, ignore_errors=True)
        model, extra = merged / "model", merged / "data"
        for rank in range(self.spec.instances):
            for name, target in (("model", model), ("output/data", extra)):
                if (source := self.root(rank) / name).is_dir():
                    shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
        stored: dict[str, Any] = {}
        if keep_model:
            if self.spec.packed:
                self.objects.put(f"{base}/model.tar.gz", transfer.pack(model, merged / "model.tar.gz"))
                stored["model_uri"] = f"{base}/model.tar.gz"
            else:
                transfer.upload(self.objects, model, f"{base}/model")
                stored["model_uri"] = f"{base}/model/"
            stored["model_bytes"] = sum(each.stat().st_size for each in model.rglob("*") if each.is_file())
        if extra.is_dir() and any(extra.iterdir()):
            self.objects.put(f"{base}/output.tar.gz", transfer.pack(extra, merged / "output.tar.gz"))
        shutil.rmtree(merged, ignore_errors=True)
        return stored

    def _phase(self, status: str, message: str) -> None:
        self._event("phase", status=status, message=message)

    def _event(self, kind: str, **fields: Any) -> None:
        append_event(self.folder, kind, fields, time=time.time())


class Checkpoints:
    """Keeps a folder and a prefix in step while a job runs: what is stored comes first, what changes is stored."""

    def __init__(self, objects: Objects, uri: str, root: Path, path: str) -> None:
        self._objects, self._uri = objects, uri
        self.folder = root / (path or "/opt/ml/checkpoints").removeprefix("/opt/ml/")
        self._done = threading.Event()
        self._seen: dict[str, tuple[int, int]] = {}
        self._thread = threading.Thread(target=self._watch, name="checkpoints", daemon=True)

    def __enter__(self) -> None:
        if not self._uri:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._objects.list(self._uri.rstrip("/") + "/"):
            pairs = transfer.chosen(self._objects, self._uri.rstrip("/") + "/", "prefix")
            transfer.download(self._objects, pairs, self.folder)
        self._seen = self._state()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        if not self._uri:
            return
        self._done.set()
        self._thread.join()
        self._store()

    def _watch(self) -> None:
        while not self._done.wait(SYNC_S):
            self._store()

    def _state(self) -> dict[str, tuple[int, int]]:
        files = (each for each in self.folder.rglob("*") if each.is_file())
        return {
            each.relative_to(self.folder).as_posix(): (each.stat().st_mtime_ns, each.stat().st_size) for each in files
        }

    def _store(self) -> None:
        now = self._state()
        for name, facts in now.items():
            if self._seen.get(name) != facts and (self.folder / name).is_file():
                self._objects.put(f"{self._uri.rstrip('/')}/{name}", self.folder / name)
        self._seen = now


def _setting(source: Source) -> dict[str, Any]:
    found = {
        "TrainingInputMode": source.mode, "S3DistributionType": "ShardedByS3Key" if source.sharded else "FullyReplicated",
        "RecordWrapperType": "RecordIO" if source.recordio else "None",
    }  # fmt: skip
    if source.content_type:
        found["ContentType"] = source.content_type
    if source.gzip:
        found["CompressionType"] = "Gzip"
    return found


Say = Callable[[str], None]
__all__ = ["JobError", "Training", "run"]
