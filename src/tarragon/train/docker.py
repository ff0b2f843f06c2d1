"""Somebody's own image: run by Docker or Podman where one of them works, else refused with what to do."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from tarragon.errors import DataError

ENGINES = ("docker", "podman")


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


def docker_argv(uri: str, root: Path, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Write the command line that runs an image with a job's folder as ``/opt/ml``.

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
    told = [part for name, value in environment.items() for part in ("-e", f"{name}={value}")]
    return [engine, "run", "--rm", "--network", "host", "-v", f"{root}:/opt/ml", *told, uri, *command]
