"""Somebody's own image: the command line is a list, secrets are not in it, and without an engine it is refused."""

import os
from pathlib import Path

import pytest

from tarragon.errors import DataError
from tarragon.train import docker


def test_without_an_engine_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "container_engine", lambda: "")
    with pytest.raises(DataError, match="Start Docker or Podman"):
        docker.docker_argv("me/mine:1", Path("/x"), "n", ((), ("train",)), ())
    docker.remove_container("n")


def test_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "container_engine", lambda: "podman")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    argv = docker.docker_argv("me/mine:1", Path("/x"), "n", ((), ("train",)), ("LR",), ("algo-1", "algo-2"))
    assert argv[:2] == ["podman", "run"]
    assert argv[-2:] == ["me/mine:1", "train"]
    assert "/x:/opt/ml" in argv
    assert argv.count("--add-host") == 2
    assert {"LR", "AWS_SECRET_ACCESS_KEY"} <= set(argv)
    assert not any("hush" in part for part in argv)


def test_an_entry_point_replaces_the_images_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "container_engine", lambda: "docker")
    argv = docker.docker_argv("me/mine:1", Path("/x"), "n", (("/bin/bash", "-c"), ("echo hi",)), ())
    assert argv[-5:] == ["--entrypoint", "/bin/bash", "me/mine:1", "-c", "echo hi"]


@pytest.mark.parametrize(("code", "expected"), [(0, "docker"), (1, "")])
def test_an_engine_is_one_that_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, expected: str
) -> None:
    (tmp_path / "docker").write_text(f"#!/bin/sh\nexit {code}\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), "/bin"]))
    docker.container_engine.cache_clear()
    try:
        assert docker.container_engine() == expected
    finally:
        docker.container_engine.cache_clear()
