"""Start-up loads nothing that help does not need; every ending is an exit code and one clear message."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tarragon import __version__
from tarragon.errors import DataError
from tarragon.faces.cli import main

HEAVY = {
    "numpy",
    "polars",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "rich",
    "tarragon.engine",
    "tarragon.data",
    "tarragon.develop",
}


def run(*argv: str) -> int:
    return main.run(argv)


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from tarragon.faces.cli import main; main.run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "develop" in done.stdout
    assert HEAVY.isdisjoint(done.stderr.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, tarragon; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (HEAVY | {"typer"}).isdisjoint(done.stdout.split())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"tarragon {__version__}\n"


@pytest.mark.parametrize(
    "argv", [("develop",), ("bogus",), ("develop", "x.csv"), ("runs", "--bogus"), ("registry", "approve", "x")]
)
def test_usage_errors_are_2_and_say_what_to_type(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*argv) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert "--help" in shown.err
    assert run(*argv, "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["type"] == "UsageError"
    assert error["exit_code"] == 2


@pytest.mark.usefixtures("home")
def test_errors_of_ours_become_exit_codes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object, **__: object) -> None:
        raise DataError("The table is odd", why="It is", fix="Straighten it")

    monkeypatch.setattr("tarragon.engine.workspace.Workspace.open", broken)
    assert run("runs") == 2
    assert "Straighten it" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("raised", "code", "word"),
    [(PermissionError(13, "Permission denied"), 2, "Permission denied"), (KeyboardInterrupt(), 1, "aborted")],
)
def test_the_systems_refusals_too(
    raised: BaseException, code: int, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr("tarragon.engine.workspace.Workspace.open", broken)
    assert run("runs") == code
    assert word in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error(home: Path) -> None:
    code = f"{sys.executable} -m tarragon.faces.cli doctor | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {code}"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("ok  tarragon")
    assert "Traceback" not in done.stderr


def test_a_fault_of_our_own_is_json_and_a_traceback(home: Path) -> None:
    code = (
        "import sys, tarragon.engine.workspace as w; from tarragon.faces.cli import main\n"
        "def broken(*a, **k): raise RuntimeError('odd')\n"
        "w.Workspace.open = broken; sys.argv = ['tarragon', 'runs', '--json']; main.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["type"] == "RuntimeError"
    assert "Traceback" in done.stderr
