"""Fixtures for tests of code that uses SageMaker: a real local server per test session, on a fresh home.

pytest finds them by itself once Tarragon is installed::

    def test_training(tarragon_env):
        boto3.client("sagemaker").create_training_job(...)

``tarragon_server`` is the server; ``tarragon_env`` also sets the environment of the test, so that unmodified code
reaches it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running server.

    Parameters
    ----------
    url : str
    home : Path
        Where everything it keeps lies.
    environment : mapping of str to str
        What a client's environment must hold.
    """

    url: str
    home: Path
    environment: Mapping[str, str]


@pytest.fixture(scope="session")
def tarragon_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Start a server for the whole session, on a home that is gone afterwards."""
    from tarragon.faces import local

    home = tmp_path_factory.mktemp("tarragon")
    found = local.start(home, port=0)
    try:
        yield LocalServer(found.url, home, local.environment(home, found.url))
    finally:
        local.stop(home)


@pytest.fixture
def tarragon_env(tarragon_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> LocalServer:
    """Point the test's own environment at the server."""
    from tarragon.faces.local import CLEARED

    for name in CLEARED:
        monkeypatch.delenv(name, raising=False)
    for name, value in tarragon_server.environment.items():
        monkeypatch.setenv(name, value)
    return tarragon_server
