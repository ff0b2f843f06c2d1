"""New rows are scored by name; what the table lacks is said aloud."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.journey
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Make = Callable[..., pl.DataFrame]


def test_rows_are_scored_and_notes_are_said(finished: Any, tmp_path: Path, tarragon: Run, leavers: Make) -> None:
    leavers(50, seed=9).drop("left", "price").with_columns(note=pl.lit("x")).write_csv(tmp_path / "new.csv")
    done = tarragon("predict", "leavers", tmp_path / "new.csv", "-o", tmp_path / "scored.csv", home=finished.home)
    assert done.returncode == 0, done.stderr
    assert "50 rows scored by leavers/1" in done.stdout
    assert "lacks price" in done.stderr
    assert "does not use note" in done.stderr
    scored = pl.read_csv(tmp_path / "scored.csv")
    assert scored.columns[:5] == ["age", "plan", "sex", "note", "prediction"]
    assert set(scored["prediction"]) <= {"yes", "no"}
    assert scored["probability_yes"].is_between(0, 1).all()


def test_answers_follow_the_truth(finished: Any, tmp_path: Path, tarragon: Run, leavers: Make) -> None:
    fresh = leavers(1_000, seed=5)
    fresh.write_parquet(tmp_path / "new.parquet")
    done = tarragon("predict", "leavers/1", tmp_path / "new.parquet", "--json", home=finished.home)
    said = json.loads(done.stdout)
    assert said["out"] == str(tmp_path / "new-scored.csv")
    assert said["missing"] == said["extra"] == []
    scored = pl.read_csv(said["out"])
    assert (scored["prediction"] == fresh["left"]).mean() > 0.7


def test_a_rejected_or_unknown_model_is_2(finished: Any, tarragon: Run) -> None:
    done = tarragon("predict", "leaver", finished.table, "--json", home=finished.home)
    assert done.returncode == 2
    assert '"leavers"' in json.loads(done.stdout)["error"]["fix"]
