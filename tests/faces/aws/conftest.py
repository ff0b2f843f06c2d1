"""A real server on loopback in a thread of its own, with a fresh home, and real clients pointed at it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tarragon.engine import Keys
from tarragon.faces.aws.gateway import Address, Running

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with started(tmp_path_factory.mktemp("home")) as running:
        yield running


class started:  # noqa: N801 - reads as a verb where it is used
    """A server in a thread, ended when the block is left."""

    def __init__(self, home: Path) -> None:
        self.running = Running(home, Address(port=0))
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            asyncio.run(self.running.run(lambda _: self._ready.set()))
        finally:
            self._ready.set()

    def __enter__(self) -> Running:
        self._thread.start()
        assert self._ready.wait(60)
        assert self._thread.is_alive(), "the server did not start"
        return self.running

    def __exit__(self, *_: object) -> None:
        self.running.stop()
        self._thread.join(30)


def client_of(running: Running, service: str, region: str = "us-east-1", **config: Any) -> Any:
    """Make a real boto3 client that is tried once: a failure must show."""
    key = Keys(running.home).root
    settings = Config(retries={"max_attempts": 0}, read_timeout=70, **config)
    return boto3.client(
        service, region_name=region, endpoint_url=running.url, aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret, config=settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def client(server: Running) -> Client:
    """``client("sagemaker", region="us-east-1")``."""

    def make(service: str, region: str = "us-east-1", **config: Any) -> Any:
        return client_of(server, service, region, **config)

    return make
