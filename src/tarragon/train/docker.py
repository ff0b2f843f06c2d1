"""Somebody's own image: run by Docker or Podman where one of them works, else refused with what to do."""

import shutil
import subprocess
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

from tarragon.engine import base_environment
from tarragon.errors import DataError

ENGINES = ("docker", "podman")
PASSED = ("AWS_", "TARRAGON_SHIM")  # of our own environment: how code reaches this server


@lru_cache(maxsize=1)
def container_engine() -> str:
    """Name the container engine that answers; "" for none."""
    for name in ENGINES:
        if shutil.which(name) is None:
            continue
        try:
            found = subprocess.run([name, "info"], capture_output=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if found.returncode == 0:
            return name
    return ""


def docker_argv(
    uri: str, root: Path, name: str, command: tuple[Sequence[str], Sequence[str]], environment: Collection[str],
    hosts: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """Write the command line that runs an image with a job's folder as ``/opt/ml``.

    Parameters
    ----------
    uri : str
    root : Path
    name : str
        The container's, to end it by.
    command : (sequence of str, sequence of str)
        What to run instead of the image's entry point, if anything; and the arguments.
    environment : collection of str
        Names of the variables it gets; their values must be in the environment of the command itself.
    hosts : sequence of str
        Names that mean this machine.

    Raises
    ------
    DataError
        When there is no container engine.
    """
    engine = container_engine()
    if not engine:
        raise DataError(
            f"The image {uri} cannot be run here",
            why="it is no image Tarragon knows, and neither Docker nor Podman answers on this machine",
            fix="Start Docker or Podman, or use a built-in algorithm or a framework's image with a script",
        )
    ours = [key for key in base_environment() if key.startswith(PASSED)]
    told = [part for key in dict.fromkeys([*ours, *environment]) for part in ("-e", key)]  # values stay out of sight
    named = [part for host in hosts for part in ("--add-host", f"{host}:127.0.0.1")]
    entry, arguments = command
    first = ["--entrypoint", entry[0]] if entry else []
    return [
        engine, "run", "--rm", "--init", "--name", name, "--network", "host", "-v", f"{root}:/opt/ml", *named, *told,
        *first, uri, *entry[1:], *arguments,
    ]  # fmt: skip


def remove_container(name: str) -> None:
    """End a container that outlived the command that ran it; none is fine."""
    if container_engine():
        subprocess.run([container_engine(), "rm", "--force", name], capture_output=True, timeout=30, check=False)
