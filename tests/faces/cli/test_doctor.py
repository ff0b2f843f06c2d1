"""The doctor tries what it reports, and names what is missing with what it would add."""

import importlib.util
import json
from pathlib import Path

import pytest

from tarragon.faces.cli import doctor, main


@pytest.mark.usefixtures("home")
def test_everything_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert {"tarragon", "python", "threads", "home", "disk", "store", "polars", "extra deep", "extra catboost"} <= set(
        checks
    )
    assert checks["store"]["found"] == "sqlite, 0 develop runs"


def test_a_missing_extra_says_what_it_would_add(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    (check,) = [check for check in doctor.extras() if check.name == "extra deep"]
    assert check.ok
    assert check.found == "not installed"
    assert "pip install 'tarragon[deep]'" in check.fix
    assert "neural network" in check.fix


def test_a_home_that_cannot_be_used_is_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main.run(["doctor", "--home", str(tmp_path / "file" / "home"), "--quiet"]) == 1
    assert "!!" in capsys.readouterr().err


def test_extras_are_those_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert {extra for extra, _, _ in doctor.EXTRAS} == set(project["project"]["optional-dependencies"]) - {"test"}
