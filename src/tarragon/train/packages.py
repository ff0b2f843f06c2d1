"""Packages for users' scripts: small environments that sit on top of this Python and never change it.

An environment is a folder with an interpreter of its own, which sees everything this Python has and whatever is
installed into it. Every job gets one, so that a ``pip install`` in a job stays in the job; what a requirements file
asks for is installed once, into an environment that is kept by the file's content.
"""

import fcntl
import hashlib
import os
import re
import shutil
import site
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from tarragon.engine import base_environment
from tarragon.errors import JobError

READY = ".ready"  # a file of this name says that an installation was finished
LOCAL = re.compile(r"\s*(-|\.|/|file:)|.*@\s*file:|.*[./\\]+\S*/")  # a line that means more than it says
PIP = '#!/bin/sh\nexec "$(dirname "$0")/python3" -m pip "$@"\n'
SAID_LINES = 3  # of pip's complaint, in an error


def layered(folder: Path, below: Sequence[Path] = ()) -> Path:
    """Make an environment; a few files, no process.

    Parameters
    ----------
    folder : Path
        Made anew unless it is there.
    below : sequence of Path
        Folders of packages that it sees before this Python's.

    Returns
    -------
    Path
        Its folder of programs, with ``python3`` and ``pip``.
    """
    programs, packages = folder / "bin", packages_in(folder)
    programs.mkdir(parents=True, exist_ok=True)
    packages.mkdir(parents=True, exist_ok=True)
    base = Path(getattr(sys, "_base_executable", "") or sys.executable)
    (folder / "pyvenv.cfg").write_text(
        f"home = {base.parent}\ninclude-system-site-packages = false\nversion = {sys.version.split()[0]}\n"
    )
    for name in ("python3", "python", f"python3.{sys.version_info.minor}"):
        if not (programs / name).is_symlink():
            (programs / name).symlink_to(base.resolve())
    for name in ("pip", "pip3"):
        (programs / name).write_text(PIP)
        (programs / name).chmod(0o755)
    seen = [*map(str, below), *(each for each in _ours() if each in sys.path)]
    (packages / "below.pth").write_text("".join(f"import site; site.addsitedir({each!r})\n" for each in seen))
    return programs


def packages_in(folder: Path) -> Path:
    """Say where an environment's packages are."""
    return folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def environment_for(requirements: Path, home: Path, say: Callable[[str], None] = lambda _: None) -> Path | None:
    """Install a requirements file once; return the folder to put on PYTHONPATH, None when it asks for nothing.

    What this Python has already, and fits, is not installed again. Installations are kept under the home, by the file's
    content; those of files that lead to other files, by all of theirs.

    Raises
    ------
    JobError
        When pip fails, with what it said.
    """
    text = requirements.read_text(encoding="utf-8", errors="replace")
    wanted = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    if not wanted:
        return None
    folder = home / "environments" / _digest(requirements, wanted)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / READY).exists():
            shutil.rmtree(folder, ignore_errors=True)  # half of one, by somebody who was killed
            install(["-r", requirements.name], requirements.parent, layered(folder), say)
            (folder / READY).touch()
    return packages_in(folder)


def install_code(code: Path, programs: Path, say: Callable[[str], None] = lambda _: None) -> None:
    """Install code that brings a ``setup.py``; with the build tools that are here, if they are. Raises ``JobError``."""
    tools = ["--no-build-isolation"] if find_spec("setuptools") else []
    install(["--no-deps", *tools, "."], code, programs, say)


def install(what: Sequence[str], folder: Path, programs: Path, say: Callable[[str], None] = lambda _: None) -> None:
    """Let pip install into an environment, and pass on what it says. Raises ``JobError``."""
    argv = [str(programs / "python3"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *what]
    said = []
    with subprocess.Popen(
        argv, cwd=folder, env=base_environment(programs), text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip())
            say(said[-1])
    if process.returncode:
        raise JobError(
            f"The packages of {what[-1]} could not be installed",
            why=" | ".join(said[-SAID_LINES:]),
            fix="Correct the file, or let pip reach an index that has them",
        )


def _ours() -> list[str]:
    return [*site.getsitepackages(), site.getusersitepackages()]


def _digest(requirements: Path, wanted: Sequence[str]) -> str:
    found = hashlib.sha256("\n".join([sys.version, sys.prefix, *wanted]).encode())
    if any(LOCAL.match(line) for line in wanted):
        for path in sorted(requirements.parent.rglob("*")):
            if path.is_file():
                found.update(os.fsencode(path.relative_to(requirements.parent)) + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]
