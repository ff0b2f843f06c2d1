"""``up``, ``down``, ``status``, ``logs``, ``env`` and ``run``, as they are typed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarragon.engine import Logs
from tarragon.faces import local

CLI = [sys.executable, "-m", "tarragon.faces.cli"]


def typed(*words: str, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "TARRAGON_HOME": str(home)}
    return subprocess.run([*CLI, *words], capture_output=True, text=True, env=environment, timeout=120, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    done = typed("up", "--background", "--port", "0", "--json", home=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["url"].startswith("http://127.0.0.1:")
    yield folder
    done = typed("down", home=folder)
    assert done.returncode == 0, done.stderr
    assert local.known(folder) is None


def test_a_second_up_says_where_the_first_is(home: Path) -> None:
    done = typed("up", home=home)
    assert done.returncode == 0
    assert "running already at" in done.stdout
    refused = typed("up", "--background", home=home)
    assert refused.returncode == 2
    assert "tarragon down" in refused.stderr


def test_status(home: Path) -> None:
    assert "running at http" in typed("status", home=home).stdout
    found = json.loads(typed("status", "--json", home=home).stdout)
    assert (found["running"], found["jobs"], found["endpoints"]) == (True, [], [])


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("sh", "export AWS_ENDPOINT_URL="),
        ("fish", "set -gx AWS_ENDPOINT_URL "),
        ("powershell", "$env:AWS_ENDPOINT_URL = "),
        ("dotenv", "AWS_ENDPOINT_URL="),
    ],
)
def test_env_in_each_shells_words(home: Path, shell: str, line: str) -> None:
    assert line in typed("env", "--shell", shell, home=home).stdout


def test_env_as_json_and_for_no_shell(home: Path) -> None:
    found = json.loads(typed("env", "--json", home=home).stdout)
    assert found["set"]["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert "AWS_PROFILE" in found["unset"]
    assert typed("env", "--shell", "cmd", home=home).returncode == 2
    unproxied = typed("env", "--proxied", home=home)
    assert unproxied.returncode == 2
    assert "tarragon up --background --proxy" in unproxied.stderr


def test_run_gives_the_environment_and_returns_the_exit_code(home: Path) -> None:
    code = "import os, sys; print(os.environ['AWS_ENDPOINT_URL']); sys.exit(7)"
    done = typed("run", "--", sys.executable, "-c", code, home=home)
    assert done.returncode == 7
    known = local.known(home)
    assert known is not None
    assert done.stdout.strip() == known.url
    assert typed("run", "--", "no-such-command", home=home).returncode == 2


def test_run_starts_a_server_for_itself_and_ends_it(tmp_path: Path) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    done = typed("run", "--", sys.executable, "-c", code, home=tmp_path)
    assert done.stdout.strip() == "123456789012", done.stderr
    assert local.known(tmp_path) is None


def test_logs(home: Path) -> None:
    now = int(time.time() * 1000)
    Logs(home).write("us-east-1", "/aws/sagemaker/TrainingJobs", "a-job/algo-1-1", [(now, "one"), (now, "two")])
    assert typed("logs", "a-job", home=home).stdout == "one\ntwo\n"
    assert typed("logs", "no-job", home=home).returncode == 2


def test_no_server_no_env(tmp_path: Path) -> None:
    for words in (("env",), ("down",)):
        done = typed(*words, home=tmp_path)
        assert done.returncode == 2
        assert "tarragon up" in done.stderr


def test_an_address_others_can_reach_must_be_meant(tmp_path: Path) -> None:
    done = typed("up", "--host", "0.0.0.0", home=tmp_path)
    assert done.returncode == 2
    assert "--expose" in done.stderr
