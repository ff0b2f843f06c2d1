"""A home with objects in it, endpoints over it, and models made of little scripts."""

import asyncio
import io
import tarfile
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest

from tarragon.engine import Documents, Logs, Objects, Series, Workspace
from tarragon.serve import Container, Deployment, Endpoints, Variant

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
DOUBLES = """
def model_fn(model_dir):
    print("loading the model")
    return 2

def predict_fn(data, model):
    return data * model
"""


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """Pack files as model.tar.gz."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return held.getvalue()


class Place:
    """A home for tests."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.workspace = Workspace.open(home)
        self.documents, self.logs = Documents(self.workspace.store), Logs(home)
        self.series, self.objects = Series(self.workspace.store), Objects(home / "objects")

    def model(self, name: str, script: str, **environment: str) -> Container:
        """Store a model that is a script."""
        uri = f"s3://models/{name}/model.tar.gz"
        self.objects.put(uri, archive({"code/inference.py": script}))
        return Container(SKLEARN, uri, {"SAGEMAKER_PROGRAM": "inference.py", **environment})

    def deployment(self, script: str = DOUBLES, instances: int = 1, name: str = "doubles") -> Deployment:
        """Make a deployment of one variant."""
        return Deployment("config", (Variant("AllTraffic", (self.model(name, script),), instances=instances),))

    def endpoints(self) -> Endpoints:
        """Make endpoints over the home."""
        return Endpoints(self.home, self.documents, self.series, self.logs)

    def run(self, work: Callable[[Endpoints], Coroutine[Any, Any, Any]]) -> Any:
        """Run a test's body with endpoints that are started, and closed after."""

        async def main() -> Any:
            endpoints = self.endpoints()
            await endpoints.start()
            try:
                return await work(endpoints)
            finally:
                await endpoints.close()

        return asyncio.run(main())

    async def settled(self, name: str, realm: str = "us-east-1", seconds: float = 60) -> Mapping[str, Any]:
        """Wait until an endpoint is in service or failed."""
        for _ in range(int(seconds / 0.05)):
            content = self.documents.get(realm, "endpoint", name).content
            if content["status"] in ("InService", "Failed"):
                return content
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name} is {content['status']}")


@pytest.fixture
def place(tmp_path: Path) -> Any:
    made = Place(tmp_path)
    yield made
    made.workspace.close()
