"""Unmodified client code against a real local server: each script runs with its own SDK's Python.

The clients spend most of their time asleep between two looks at a job, so the scripts run several at once, those that
take longest first, and each test waits for its own.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

from tarragon.faces.local import client_environment
from tarragon.testing import LocalServer

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).with_name("scripts")
Outcomes: TypeAlias = Mapping[str, "Future[subprocess.CompletedProcess[str]]"]
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
AT_ONCE = 6  # enough to keep a core at work while clients sleep; each may hold half a gigabyte
LONGEST = ("v2_vision", "v3_sequences", "v2_script_mode", "cli_commands", "v2_classifiers")
SLOWEST_S = 900
pytestmark = pytest.mark.journey


def environment_of(name: str) -> Path:
    """The virtual environment a script runs in; ``make test`` makes it."""
    return ROOT / ".clients" / ("v3" if name.startswith("v3") else "v2")


@pytest.fixture(scope="module")
def outcomes(tarragon_server: LocalServer) -> Iterator[Outcomes]:
    def run(name: str) -> "subprocess.CompletedProcess[str]":
        folder = environment_of(name) / "bin"
        environment = client_environment(tarragon_server.home, tarragon_server.url)
        environment["PATH"] = os.pathsep.join([str(folder), environment["PATH"]])
        return subprocess.run(
            [folder / "python", SCRIPTS / f"{name}.py"], env=environment, capture_output=True, text=True,
            timeout=SLOWEST_S, check=False,
        )  # fmt: skip

    longest_first = sorted(NAMES, key=lambda name: name not in LONGEST)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, name) for name in longest_first if environment_of(name).exists()}


@pytest.mark.parametrize("name", NAMES)
def test_a_script_runs_to_its_end(name: str, outcomes: Outcomes) -> None:
    if name not in outcomes:
        pytest.skip(f"{environment_of(name).name} is not installed: make test installs it")
    done = outcomes[name].result()
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
