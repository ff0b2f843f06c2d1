"""Runs are listed with verdict and score, and tell their story again."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarragon.faces.cli import main

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.usefixtures("home")
def test_an_empty_home_says_how_to_fill_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["runs"]) == 0
    assert "tarragon develop" in capsys.readouterr().out


@pytest.mark.journey
def test_runs_are_listed(finished: Any, tarragon: Run) -> None:
    (line,) = json.loads(tarragon("runs", "--json", home=finished.home).stdout)["runs"]
    assert line["run"] == finished.run
    assert (line["state"], line["verdict"], line["metric"]) == ("Completed", finished.said["verdict"], "auc")
    assert line["score"] == finished.said["score"]["value"]
    text = tarragon("runs", home=finished.home).stdout
    assert finished.run in text
    assert "auc 0." in text


@pytest.mark.journey
def test_a_report_is_the_same_story_again(finished: Any, tarragon: Run) -> None:
    again = tarragon("report", finished.run, "--json", home=finished.home)
    assert again.returncode == 0
    assert json.loads(again.stdout) == finished.said
    page = tarragon("report", finished.run, home=finished.home).stdout
    assert page.startswith(finished.said["verdict"])
    assert finished.said["report"] in page
    assert tarragon("report", finished.run, "--quiet", home=finished.home).stdout.strip() == finished.said["report"]


@pytest.mark.journey
def test_an_unknown_run_is_2_with_near_misses(finished: Any, tarragon: Run) -> None:
    done = tarragon("report", finished.run[:-1], "--json", home=finished.home)
    assert done.returncode == 2
    assert finished.run in json.loads(done.stdout)["error"]["fix"]
    assert not Path(finished.home / "jobs" / "develop" / finished.run[:-1]).exists()
