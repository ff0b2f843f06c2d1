"""One real develop run, made once per session by the command line itself, for every journey to look at."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tarragon.faces.cli import main

ROWS = 400


def make_leavers(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """A table with a known answer: whoever is young, pays much and has the basic plan leaves."""
    random = np.random.default_rng(seed)
    age, price = random.integers(18, 80, rows), random.gamma(4.0, 15.0, rows).round(2)
    plan, sex = random.choice(["basic", "plus", "pro"], rows), random.choice(["f", "m"], rows)
    risk = (40 - age) / 12 + (price - 60) / 25 + np.where(plan == "basic", 1.0, -0.5) + random.logistic(0, 0.7, rows)
    return pl.DataFrame({"age": age, "price": price, "plan": plan, "sex": sex, "left": np.where(risk > 0, "yes", "no")})


@dataclass(frozen=True)
class Finished:
    """A run that came to its end."""

    home: Path
    table: Path
    code: int
    said: Mapping[str, Any]
    display: str
    out: Path

    @property
    def run(self) -> str:
        """The run's name."""
        return str(self.said["run"])


def run_tarragon(*argv: str | Path, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a user would."""
    command = [sys.executable, "-m", "tarragon.faces.cli", *map(str, argv), "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=300)


def environment() -> dict[str, str]:
    """This process's environment, without a home or store of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TARRAGON_")}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A short run on a small table, asked for as JSON."""
    folder = tmp_path_factory.mktemp("finished")
    table = folder / "leavers.csv"
    make_leavers().write_csv(table)
    done = run_tarragon(
        "develop", table, "--target", "left", "--time", "15s", "--sensitive", "sex", "--name", "leavers",
        "--out", folder / "out", "--algorithms", "linear,lightgbm", "--json", home=folder / "home",
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stdout + done.stderr
    return Finished(folder / "home", table, done.returncode, json.loads(done.stdout), done.stderr, folder / "out")


@pytest.fixture(scope="session")
def leavers() -> Callable[..., pl.DataFrame]:
    """Make a table of ``rows`` people, some of whom leave."""
    return make_leavers


@pytest.fixture
def tarragon() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run a command line in this process: the same from argv to exit code, without a second of imports."""

    def run(*argv: str | Path, home: Path) -> "subprocess.CompletedProcess[str]":
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main.run([*map(str, argv), "--home", str(home)])
        return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def clean_environment() -> dict[str, str]:
    """Environment for a process that must not meet the developer's own home."""
    return environment()
