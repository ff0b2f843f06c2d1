"""Runs a training job in a process of its own: fetch the data, train, store the model; told as it happens.

Each host has a folder laid out as SageMaker's containers see it; several hosts are several processes, each with its
rank. A built-in algorithm trains in this very process, a script in a command of its own (``engine.container``).
"""

import json
import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from tarragon.errors import DataError, ParameterError, StorageError, TarragonError
from tarragon.train import channel, packages, script, transfer
from tarragon.train.checkpoint import Checkpoints
from tarragon.train.dialect import understood
from tarragon.train.docker import docker_argv, remove_container
from tarragon.train.image import Image
from tarragon.train.protocol import Source, TrainingSpec
from tarragon.train.transcript import Transcript
from tarragon.train.usage import Usage

if TYPE_CHECKING:
    from tarragon.train.builtin import Recipe

GROUP = "/aws/sagemaker/TrainingJobs"
STOP = "stop"
FAILURE_LETTERS = 1024
MADE = ("input/config", "input/data", "model", "output/data", "output/intermediate", "checkpoints", "code")
SIGNALLED = (128 + 9, 128 + 15)  # exit codes of hosts that were ended because another one failed


def run(argument: Mapping[str, Any], folder: Path, recipes: "Mapping[str, Recipe] | None" = None) -> Mapping[str, Any]:
    """Run a training job; a supervisor calls this in a forked process (see :mod:`tarragon.engine.supervisor`).

    ``recipes`` are those of rooms above this one, by algorithm: what they train takes more than one candidate.
    """
    spec = from_plain(argument["spec"]["training"], TrainingSpec)
    return Training(spec, argument, recipes).perform()


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
    recipes : mapping of str to Recipe, optional
        Beyond those that :mod:`tarragon.train.builtin` finds by name.
    """

    def __init__(
        self, spec: TrainingSpec, argument: Mapping[str, Any], recipes: "Mapping[str, Recipe] | None" = None
    ) -> None:
        self.spec, self.name, self._recipes = spec, str(argument["name"]), dict(recipes or {})
        self.folder, self.home = Path(argument["job_folder"]), Path(argument["home"])
        self.objects = Objects(object_root(self.home))
        self._began = time.time()
        where = (spec.region, GROUP, self.name)
        self._transcript = Transcript(Logs(self.home), where, spec.instances, spec.patterns, self.metric)
        self._last: dict[str, tuple[float, float]] = {}
        self._exceeded = False

    def perform(self) -> dict[str, Any]:
        """Do everything and say how it ended."""
        self._phase("Starting", "Starting the training job")
        started, state, reason = 0.0, "Completed", ""
        try:
            self._phase("Downloading", "Downloading input data")
            found = self._understood()
            transfer.require_bucket(self.objects, self.spec.output_uri)
            hosts = self._hosts(found)
            self._check_stopped()
            started = time.time()
            self._phase("Training", "Training image download completed. Training in progress.")
            with self._checkpoints(), Usage(self._used, self.folder):
                self._train(found, hosts)
        except Ended as end:
            state, reason = end.state, end.reason
        except TarragonError as error:
            state, reason = "Failed", f"{blame(error)}: {error}"
        ended, stored = time.time(), {}
        if started:
            try:
                stored = self._upload(keep_model=state != "Failed")
            except TarragonError as error:
                state, reason = "Failed", reason or f"{blame(error)}: {error}"
        metrics = [{"name": name, "value": value, "time": at} for name, (value, at) in self._last.items()]
        return {
            "state": state, "reason": reason[:FAILURE_LETTERS], "started": started, "ended": ended,
            "metrics": metrics, "exceeded": self._exceeded, **stored,
        }  # fmt: skip

    def _understood(self) -> Image:
        found = understood(self.spec)
        if found.kind == "tool":
            raise DataError(
                f"The image {found.repository} does not train", why="it is a tool for other jobs", fix="Name another"
            )
        if found.kind == "framework" and not self.spec.entrypoint and script.PROGRAM not in self.spec.hyperparameters:
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

    def _hosts(self, found: Image) -> list[script.Host]:
        spec, hosts = self.spec, []
        names, settings = tuple(each.name for each in spec.sources), {s.name: channel.setting(s) for s in spec.sources}
        alone = self._alone(found)
        port = _free_port() if spec.instances > 1 else script.PORT
        for rank in range(spec.instances):
            root = self.root(rank)
            for each in root.iterdir() if root.is_dir() else ():
                if each.name != "checkpoints":  # an earlier attempt's, to go on from
                    remove(each)
            for name in MADE:
                (root / name).mkdir(parents=True, exist_ok=True)
            host = script.Host(rank, spec.instances, spec.instance_type, names, settings, spec.groups, port)
            self._configure(host, root)
            hosts.append(host)
            if not (alone and rank):
                for source in spec.sources:
                    self._check_stopped()
                    piped = source.mode == "Pipe" and found.kind != "algorithm"  # an algorithm of ours reads files
                    self._fetch(
                        source, host, (0, 1) if alone or not source.sharded else (rank, host.world), piped=piped
                    )
        return hosts

    def _alone(self, found: Image) -> bool:
        """Whether the first host trains for all, and then must see all there is."""
        if found.kind != "algorithm":
            return False
        from tarragon.train.builtin import shares

        return not shares(found.algorithm, self._recipes.get(found.algorithm), self.spec.hyperparameters)

    def _fetch(self, source: Source, host: script.Host, share: tuple[int, int], *, piped: bool) -> None:
        if source.hosts and host.group["instance_group_name"] not in source.hosts:
            return
        folder = self.root(host.rank) / "input" / "data"
        if piped:
            channel.feed(self.objects, source, folder, share)
            return
        objects, size = channel.fetch(self.objects, source, folder, share)
        self._event("channel", name=source.name, host=host.name, objects=objects, bytes=size)

    def _configure(self, host: script.Host, root: Path) -> None:
        files: dict[str, Any] = {
            "hyperparameters": dict(self.spec.hyperparameters), "inputdataconfig": host.settings,
            "resourceconfig": host.resources, **self.spec.documents,
        }  # fmt: skip
        if self.spec.checkpoint_uri:
            files["checkpointconfig"] = {"S3Uri": self.spec.checkpoint_uri, "LocalPath": self.spec.checkpoint_path}
        for name, content in files.items():
            (root / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    # Training --------------------------------------------------------------------------------------------------------

    def _train(self, found: Image, hosts: list[script.Host]) -> None:
        if found.kind == "algorithm":
            from tarragon.train.builtin import fit

            fit(found.algorithm, self.spec, self.root(0), self, self._recipes.get(found.algorithm))
            self._check_stopped()
            return
        commands = [self._command(found, host) for host in hosts]
        self._transcript.forget()  # what pip said
        try:
            codes = run_commands(commands, self._transcript.hear, self.stop_asked)
        finally:
            if found.kind == "custom":
                for host in hosts:
                    remove_container(self._container(host))
        self._check_stopped()
        failed = sorted((code in SIGNALLED, i) for i, code in enumerate(codes) if code)
        if failed:
            rank = failed[0][1]
            raise Ended(
                "Failed", self._failure(rank, codes[rank], commands[rank].argv, scripted=not self.spec.entrypoint)
            )

    def _command(self, found: Image, host: script.Host) -> Command:
        spec, root = self.spec, self.root(host.rank)
        names = tuple(host.names) if host.world > 1 else ()
        if found.kind == "custom":
            told = {**self._told(), **spec.environment}
            what = spec.entrypoint, spec.arguments or (() if spec.entrypoint else ("train",))
            argv = docker_argv(found.uri, root, self._container(host), what, tuple(told), names)
            return Command(tuple(argv), root, {**base_environment(), **told}, folder=str(root))
        decoded = script.decoded(spec.hyperparameters)
        code, below = root / "code", []
        if script.SUBMIT in decoded:
            script.fetch_code(self.objects, str(decoded[script.SUBMIT]), root)
            below = self._required(code / "requirements.txt", host)
        elif wanted := script.requirements_of(root / "input" / "data"):
            below = self._required(wanted, host)  # so that the driver's own pip finds them there
        programs = packages.layered(root.parent / "packages", below)
        if (code / "setup.py").is_file():
            packages.install_code(code, programs, lambda text: self._transcript.say(text, host.rank))
        environment = base_environment(programs) | self._told()
        environment |= script.environment(host, decoded, found.framework) | dict(spec.environment)
        environment["PYTHONPATH"] = script.python_path(environment.get("PYTHONPATH"), script.CODE)
        if spec.entrypoint:
            argv = [*spec.entrypoint, *spec.arguments]
        else:
            argv = script.command(script.program_of(decoded, root), decoded, host)
        return Command(tuple(argv), root, environment, script.CODE, names)

    def _container(self, host: script.Host) -> str:
        return f"tarragon-{self.name}-{host.name}"

    def _required(self, requirements: Path, host: script.Host) -> list[Path]:
        if not requirements.is_file():
            return []
        say = lambda text: self._transcript.say(text, host.rank)  # noqa: E731 - two words
        found = packages.environment_for(requirements, self.home, say)
        return [found] if found else []

    def _told(self) -> dict[str, str]:
        return {
            "TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.spec.arn, "AWS_REGION": self.spec.region,
            "AWS_DEFAULT_REGION": self.spec.region,
        }  # fmt: skip

    def _failure(self, rank: int, code: int, argv: tuple[str, ...], *, scripted: bool) -> str:
        written = self.root(rank) / "output" / "failure"
        said = written.read_text(errors="replace").strip() if written.is_file() else ""
        if not said and scripted:
            said = script.failure(code, argv, self._transcript.tail(rank))
        return f"AlgorithmError: {said or 'See job logs for more information'}, exit code: {code}"

    # What a built-in algorithm is handed: see tarragon.train.builtin -------------------------------------------------

    def stop_asked(self) -> bool:
        """Whether to end: somebody asked, or the time is up."""
        self._exceeded = self._exceeded or time.time() - self._began > self.spec.max_runtime_s
        return self._exceeded or (self.folder / STOP).exists()

    def say(self, text: str) -> None:
        """Print a line of the first host's log."""
        self._transcript.say(text)

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Record a value of a metric."""
        self._last[name] = (value, time.time())
        more = {} if step is None else {"step": step}
        self._event("metric", name=name, value=value, **more)

    def epoch(self, n: int, steps: int, records: int, seconds: float) -> None:
        """Record that a pass is done: what was seen, and how fast."""
        rates = {"batch_size": records / max(steps, 1), "records_per_second": records / max(seconds, 1e-9)}
        self._event("epoch", epoch=n, steps=steps, records=records, **rates)

    # -----------------------------------------------------------------------------------------------------------------

    def _check_stopped(self) -> None:
        if not self.stop_asked():
            return
        if (self.folder / STOP).exists():
            raise Ended("Stopped", "Training job was stopped")
        raise Ended("Stopped", "Training job runtime exceeded MaxRuntimeInSeconds provided")

    def _checkpoints(self) -> Checkpoints:
        path = (self.spec.checkpoint_path or "/opt/ml/checkpoints").rstrip("/")
        if not path.startswith("/opt/ml/"):
            raise DataError(
                f"Checkpoints cannot be in {path}", why="it is not below /opt/ml", fix="Choose another path"
            )
        return Checkpoints(
            self.objects, self.spec.checkpoint_uri, contained(self.root(0), path.removeprefix("/opt/ml/"))
        )

    def _upload(self, *, keep_model: bool) -> dict[str, Any]:
        self._phase("Uploading", "Uploading generated training model")
        base = f"{self.spec.output_uri.rstrip('/')}/{self.name}/output"
        merged = self.folder / "output"
        remove(merged)
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
            if self.spec.packed:
                self.objects.put(f"{base}/output.tar.gz", transfer.pack(extra, merged / "output.tar.gz"))
            else:
                transfer.upload(self.objects, extra, f"{base}/output")
        remove(merged)
        return stored

    def _used(self, figures: Mapping[str, float]) -> None:
        self._event("usage", **figures)

    def _phase(self, status: str, message: str) -> None:
        self._event("phase", status=status, message=message)

    def _event(self, kind: str, **fields: Any) -> None:
        append_event(self.folder, kind, fields, time=time.time())


def blame(error: TarragonError) -> str:
    """Say whose fault an error is, in the word a FailureReason begins with."""
    if isinstance(error, (DataError, ParameterError)):
        return "ClientError"
    return "InternalServerError" if isinstance(error, StorageError) else "AlgorithmError"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
