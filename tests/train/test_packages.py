"""Environments on top of this Python: cheap, apart, and installed once for each content."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tarragon.engine import base_environment
from tarragon.errors import JobError
from tarragon.train import packages


def said(programs: Path, *argv: str) -> str:
    found = subprocess.run(argv, env=base_environment(programs), capture_output=True, text=True, check=True)
    return found.stdout.strip()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package of our own, as a folder pip can install without any index."""
    pytest.importorskip("setuptools")
    folder = tmp_path / "code"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "setup.py").write_text(
        "from setuptools import setup; setup(name='mine', version='1', py_modules=['mine'])"
    )
    (folder / "pkg" / "mine.py").write_text("x = 1")
    return folder


def test_an_environment_has_what_this_python_has_and_its_own(tmp_path: Path) -> None:
    programs = packages.layered(tmp_path / "env")
    assert said(programs, "python3", "-c", "import sys, numpy, tarragon; print(sys.prefix)") == str(tmp_path / "env")
    (packages.packages_in(tmp_path / "env") / "mine.py").write_text("x = 'own'")
    assert said(programs, "python", "-c", "import mine; print(mine.x)") == "own"
    assert packages.layered(tmp_path / "env") == programs


def test_one_may_lie_on_another(tmp_path: Path) -> None:
    packages.layered(tmp_path / "low")
    (packages.packages_in(tmp_path / "low") / "mine.py").write_text("x = 'low'")
    programs = packages.layered(tmp_path / "high", [packages.packages_in(tmp_path / "low")])
    assert said(programs, "python3", "-c", "import mine, numpy; print(mine.x)") == "low"


def test_pip_is_the_environments(tmp_path: Path) -> None:
    programs = packages.layered(tmp_path / "env")
    out = said(programs, "pip", "uninstall", "--yes", "numpy")
    assert "numpy" in out
    assert subprocess.run([sys.executable, "-c", "import numpy"], check=False).returncode == 0


def test_code_with_a_setup_is_installed_there(tmp_path: Path, wheel: Path) -> None:
    programs = packages.layered(tmp_path / "env")
    packages.install_code(wheel / "pkg", programs)
    assert said(programs, "python3", "-c", "import mine; print(mine.x)") == "1"


def test_requirements_are_installed_once_for_each_content(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # pip's spelling of yes: build with what is here
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (wheel / "requirements.txt").write_text("# ours\nnumpy\n./pkg\n")
    heard: list[str] = []

    def installed(copy: str) -> Path | None:  # each job unpacks its code anew
        shutil.copytree(wheel, tmp_path / copy)
        return packages.environment_for(tmp_path / copy / "requirements.txt", tmp_path / "home", heard.append)

    first = installed("a")
    assert first is not None
    assert (first / "mine.py").exists()
    assert not (first / "numpy").exists()
    assert heard
    heard.clear()
    assert installed("b") == first
    assert not heard
    (wheel / "pkg" / "mine.py").write_text("x = 2")
    assert installed("c") != first


def test_nothing_asked_is_nothing_installed(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# nothing\n\n")
    assert packages.environment_for(tmp_path / "requirements.txt", tmp_path) is None


def test_what_cannot_be_had_is_an_error_with_pips_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    (tmp_path / "requirements.txt").write_text("no-such-package-here==9\n")
    with pytest.raises(JobError, match="no-such-package-here"):
        packages.environment_for(tmp_path / "requirements.txt", tmp_path)
    with pytest.raises(JobError):  # half an environment is not taken for a whole one
        packages.environment_for(tmp_path / "requirements.txt", tmp_path)
