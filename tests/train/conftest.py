"""A home with an object store, and jobs run in it as a supervisor would."""

import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tarragon.engine import Logs, Objects, to_plain
from tarragon.engine.events import read
from tarragon.train import ProcessingSpec, TrainingSpec, job, processing

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/j"


@dataclass
class Home:
    """Where jobs are run."""

    path: Path
    objects: Objects

    def run(self, spec: TrainingSpec | ProcessingSpec, name: str = "j", attempt: int = 1) -> dict[str, Any]:
        """Run a job in this process; what it returned."""
        kind, module = ("training", job) if isinstance(spec, TrainingSpec) else ("processing", processing)
        folder = self.folder(kind, name)
        folder.mkdir(parents=True, exist_ok=True)
        argument = {
            "kind": kind, "name": name, "spec": {kind: to_plain(spec)}, "attempt": attempt,
            "job_folder": str(folder), "home": str(self.path),
        }  # fmt: skip
        return dict(module.run(argument, folder / "work"))

    def folder(self, kind: str = "training", name: str = "j") -> Path:
        return self.path / "jobs" / kind / name

    def events(self, kind: str = "training", name: str = "j") -> list[tuple[str, Mapping[str, Any]]]:
        return [(line.kind, line.payload) for line in read(self.folder(kind, name), 0)[0]]

    def lines(self, kind: str = "Training", name: str = "j", host: int = 1) -> list[str]:
        logs, group = Logs(self.path), f"/aws/sagemaker/{kind}Jobs"
        streams = logs.streams("us-east-1", group, f"{name}/algo-{host}-")
        return [event.message for each in streams for event in logs.events("us-east-1", group, each.name).events]

    def unpacked(self, uri: str) -> dict[str, bytes]:
        with tarfile.open(fileobj=io.BytesIO(self.objects.get(uri))) as tar:
            return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path, Objects(tmp_path / "objects"))
    made.objects.put("s3://data/train/a.csv", b"1,2\n0,3\n")
    made.objects.put("s3://data/train/deep/b.csv", b"1,4\n")
    return made


@pytest.fixture
def script(home: Home) -> Callable[..., TrainingSpec]:
    """``script("print(1)", hyperparameters={...})`` packs a script into the store and makes a job of it."""

    def make(text: str, files: Mapping[str, str] | None = None, **settings: Any) -> TrainingSpec:
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w:gz") as tar:
            for name, content in {"train.py": text, **(files or {})}.items():
                member = tarfile.TarInfo(name)
                member.size = len(content.encode())
                tar.addfile(member, io.BytesIO(content.encode()))
        home.objects.put("s3://data/code/sourcedir.tar.gz", held.getvalue())
        hyperparameters = {
            "sagemaker_program": '"train.py"', "sagemaker_submit_directory": '"s3://data/code/sourcedir.tar.gz"',
            **settings.pop("hyperparameters", {}),
        }  # fmt: skip
        settings = {"image": SKLEARN, "sources": (), "output_uri": "s3://data/out", **settings}
        return TrainingSpec(arn=ARN, region="us-east-1", hyperparameters=hyperparameters, **settings)

    return make
