"""Every option arrives where it is decided on; a real run ends as promised, also when it is interrupted or killed."""

import contextlib
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tarragon.develop import api
from tarragon.errors import DataError
from tarragon.faces.cli import main

DEVELOP = api.develop  # before any test listens in its place


Run = Callable[..., "subprocess.CompletedProcess[str]"]
Make = Callable[..., pl.DataFrame]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What ``develop`` was called with; it goes no further."""
    heard: dict[str, Any] = {}

    def listen(source: object, target: str, **options: object) -> None:
        heard.update(options, source=source, target=target)
        raise DataError("far enough")

    monkeypatch.setattr(api, "develop", listen)
    return heard


def test_every_option_arrives(asked: dict[str, Any], tmp_path: Path) -> None:
    argv = (
        "develop t.csv --target y --time 2m --metric f1 --name churn --out o --seed 7 --sensitive a,b --sensitive c "
        "--drop d --weight w --group g --time-column t --task binary --positive yes --holdout 20% --max-latency 5ms "
        "--max-size 20MB --glass-box --keep-leaks --algorithms knn,lightgbm --home h --quiet"
    )
    assert main.run(argv.split()) == 2
    asked.pop("progress")
    asked.pop("stop")
    assert asked == {
        "source": Path("t.csv"), "target": "y", "time_limit": 120.0, "metric": "f1", "name": "churn", "out": Path("o"),
        "seed": 7, "sensitive": ("a", "b", "c"), "drop": ("d",), "weight": "w", "group": "g", "time": "t",
        "task": "binary", "positive": "yes", "holdout": 0.2, "max_latency": 5.0, "max_size": 20_000_000,
        "glass_box": True, "keep_leaks": True, "algorithms": ("knn", "lightgbm"), "home": Path("h"),
    }  # fmt: skip


def test_every_parameter_has_an_option_and_the_same_default(asked: dict[str, Any]) -> None:
    signature = inspect.signature(DEVELOP)
    main.run(["develop", "t.csv", "--target", "y", "--quiet"])
    assert set(asked) == set(signature.parameters)
    for name, parameter in signature.parameters.items():
        if parameter.default is not inspect.Parameter.empty and name not in ("progress", "stop"):
            assert asked[name] == parameter.default, name


BAD: dict[str, tuple[Callable[[Path, Make], object], tuple[str, ...], str]] = {
    "missing": (lambda p, make: None, (), "no file"),
    "empty": (lambda p, make: p.write_text(""), (), "empty"),
    "header only": (lambda p, make: p.write_text("a,left\n"), (), "no rows"),
    "near miss": (lambda p, make: make().rename({"left": "lefft"}).write_csv(p), (), '"lefft"'),
    "constant target": (lambda p, make: make().with_columns(left=pl.lit("no")).write_csv(p), (), "left"),
    "rare class": (lambda p, make: make().with_columns(left=rare(400)).write_csv(p), (), "left"),
    "few rows": (lambda p, make: make(8).write_csv(p), (), "8"),
    "double names": (lambda p, make: p.write_text("a,a,left\n" + "1,2,no\n3,4,yes\n" * 30), (), '"a"'),
    "broken parquet": (lambda p, make: p.write_bytes(b"PAR1" + b"\0" * 100), (), "Parquet"),
    "no text": (lambda p, make: p.write_bytes(bytes(range(256)) * 20), (), "encoding"),
    "unknown metric": (lambda p, make: make().write_csv(p), ("--metric", "acuracy"), "accuracy"),
    "wrong metric": (lambda p, make: make().write_csv(p), ("--metric", "rmse"), "rmse"),
    "unknown algorithm": (lambda p, make: make().write_csv(p), ("--algorithms", "lightgmb"), "lightgbm"),
    "unknown column": (lambda p, make: make().write_csv(p), ("--sensitive", "sx"), "sex"),
    "impossible latency": (lambda p, make: make().write_csv(p), ("--max-latency", "0ms"), "--max-latency"),
    "impossible holdout": (lambda p, make: make().write_csv(p), ("--holdout", "0.9"), "0.9"),
    "no time": (lambda p, make: make().write_csv(p), ("--time", "1s"), "1 s"),
    "odd name": (lambda p, make: make().write_csv(p), ("--name", "../x"), "../x"),
}


def rare(rows: int) -> pl.Series:
    """A class with one row."""
    return pl.Series(["yes" if i == 5 else "no" for i in range(rows)])


@pytest.mark.journey
@pytest.mark.parametrize("fault", BAD)
def test_bad_input_is_a_clear_error_and_leaves_nothing(
    fault: str,
    tmp_path: Path,
    home: Path,
    leavers: Make,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # All of this is noticed before any work is handed out: the workers need not be started eighteen times.
    monkeypatch.setattr(api, "LocalExecutor", contextlib.nullcontext)
    make, options, word = BAD[fault]
    path = tmp_path / "table.csv"
    make(path, leavers)
    assert main.run(["develop", str(path), "--target", "left", "--time", "5s", *options, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert word in " ".join((error["what"], error["why"], error["fix"]))
    assert error["what"]
    assert error["fix"]
    assert main.run(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": []}
    assert not [p for p in home.rglob("*") if p.is_file() and not p.name.startswith(("tarragon.db", "machine.json"))]


@pytest.mark.journey
def test_a_run_ends_as_promised(finished: Any) -> None:
    said = finished.said
    assert said["exit_code"] == finished.code == {"SHIP": 0, "REVIEW": 3}[said["verdict"]]
    assert said["score"]["metric"] == "auc"
    assert 0.6 < said["score"]["low"] < said["score"]["value"] < said["score"]["high"] <= 1.0
    assert {"dummy", "linear"} <= {baseline["name"] for baseline in said["baselines"]}
    assert said["package"] == "leavers/1"
    assert Path(said["report"]).read_text().startswith("<!")
    assert sorted(path.name for path in finished.out.iterdir()) == ["report.html", "report.json", "report.md"]
    assert "best: auc 0." in finished.display
    assert "\x1b" not in finished.display


@pytest.mark.journey
def test_a_replay_is_equal(finished: Any, tarragon: Run) -> None:
    done = tarragon("replay", finished.run, "--json", home=finished.home)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["equal"] is True
    assert len(said["predictions_sha256"]) == 64


def started_run(folder: Path, seconds: int, table: pl.DataFrame, env: dict[str, str]) -> "subprocess.Popen[str]":
    """Begin a run and return when it has its first model."""
    table.write_csv(folder / "t.csv")
    command = [
        sys.executable,
        "-m",
        "tarragon.faces.cli",
        "develop",
        "t.csv",
        "--target",
        "left",
        "--time",
        f"{seconds}s",
    ]
    started = subprocess.Popen(
        [*command, "--name", "stopped", "--home", "home", "--json"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stderr is not None
    for line in started.stderr:
        if "best: auc" in line:
            return started
    raise AssertionError(f"ended with {started.wait()} before its first model")


@pytest.mark.journey
def test_ctrl_c_ends_with_the_best_so_far(tmp_path: Path, leavers: Make, clean_environment: dict[str, str]) -> None:
    started = started_run(tmp_path, 600, leavers(2_000), clean_environment)
    os.kill(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=120)
    assert started.returncode in (0, 3), err
    assert "ending with the best so far" in err
    said = json.loads(out)
    assert said["stopped_early"]
    assert Path(said["report"]).exists()


@pytest.mark.journey
def test_a_killed_run_is_resumed(
    tmp_path: Path, tarragon: Run, leavers: Make, clean_environment: dict[str, str]
) -> None:
    started = started_run(tmp_path, 15, leavers(2_000), clean_environment)
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate()
    time.sleep(0.2)
    home = tmp_path / "home"
    listed = json.loads(tarragon("runs", "--json", home=home).stdout)["runs"]
    assert [run["state"] for run in listed] == ["interrupted"]
    done = tarragon("resume", listed[0]["run"], "--quiet", home=home)
    assert done.returncode in (0, 3), done.stderr
    assert Path(done.stdout.strip()).exists()
    after = json.loads(tarragon("runs", "--json", home=home).stdout)["runs"]
    assert [(run["run"], run["state"]) for run in after] == [(listed[0]["run"], "Completed")]
    assert tarragon("registry", "verify", home=home).returncode == 0
