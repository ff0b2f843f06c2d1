"""The lines of the loop that are more than a call: what is encoded, what a constant is worth, what ends the race."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tarragon.data import Table, read_table
from tarragon.develop import loop
from tarragon.develop.protocol import Limits, Spec
from tarragon.develop.run import Run
from tarragon.engine import InlineExecutor
from tarragon.errors import JobError
from tarragon.metrics import metric
from tarragon.refine import is_glass_box

FAST = ("linear", "lightgbm")


def bikes(n: int = 240) -> pl.DataFrame:
    """Hires by hour: a curve that a line does not follow."""
    rng = np.random.default_rng(0)
    hour, warm = rng.uniform(0, 24, n), rng.normal(15, 8, n)
    hires = 50 + 40 * np.sin(hour / 24 * 2 * np.pi) + warm + rng.normal(0, 4, n)
    return pl.DataFrame({"hour": hour, "warm": warm, "day": rng.choice(["week", "weekend"], n), "hires": hires})


@pytest.fixture
def table() -> Table:
    return read_table(bikes(), "hires")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, InlineExecutor(), 30.0)


def question(**how: Any) -> Spec:
    return Spec("hires", "bikes", budget_s=30.0, algorithms=FAST, **how)


def test_the_stages_of_a_run_are_those_of_the_loop(kept: Any) -> None:
    names = [name for name, _ in kept.dev.report.value.stages]
    assert names == [
        "profile", "split", "opening", "feasibility", "plan", "trials", "leaderboard", "blend", "compress", "analysis",
        "package",
    ]  # fmt: skip


def test_the_winner_stands_on_the_board_with_weights_that_sum_to_one(kept: Any) -> None:
    told = kept.dev.report.value
    assert {name for name, _ in told.model.members} <= {s.trial for s in told.board.standings}
    assert sum(weight for _, weight in told.model.members) == pytest.approx(1.0)
    assert [m.trial for m in kept.dev.model.members] == [name for name, _ in told.model.members]


def test_a_constant_is_worth_what_the_baseline_is(kept: Any, table: Table) -> None:
    y = np.array([1.0, 2.0, 6.0])
    np.testing.assert_array_equal(loop.constant(table, y), [3.0, 3.0, 3.0])
    two = read_table(kept.frame, "left")
    np.testing.assert_allclose(loop.constant(two, np.array([0.0, 1.0, 1.0, 1.0])), [[0.25, 0.75]] * 4)


def test_the_encoder_learns_nothing_from_the_holdout(run: Run, tmp_path: Path) -> None:
    table = read_table(bikes(), "hires")
    folds = loop.fold(table, question(holdout=0.25))
    poisoned = table.frame.with_row_index("row").with_columns(
        pl.when(pl.col("row").is_in(folds.holdout.tolist())).then(1e6).otherwise(pl.col("warm")).alias("warm")
    )
    other = dataclasses.replace(table, frame=poisoned.drop("row"))
    (tmp_path / "other").mkdir()
    first = loop.encoder_of(table, folds, run.folder, 0)
    second = loop.encoder_of(other, folds, tmp_path / "other", 0)
    rows = table.frame.head(20)
    np.testing.assert_array_equal(first.transform(rows, "dense").X, second.transform(rows, "dense").X)
    again = loop.encoder_of(other, folds, run.folder, 0)  # kept from before, whatever is asked now
    np.testing.assert_array_equal(again.transform(rows, "dense").X, first.transform(rows, "dense").X)


def test_the_ground_knows_the_utility_of_a_constant(run: Run, table: Table) -> None:
    folds = loop.fold(table, question())
    ground = loop.lay_ground(table, folds, metric("rmse"), run, 0)
    rows = np.concatenate([f.valid for f in folds.folds])
    assert ground.floor == pytest.approx(-np.std(table.y[rows]))
    assert ground.view("codes") == ground.view("codes") == run.folder / "views" / "codes"


def test_a_model_without_a_report_is_better_than_a_constant(run: Run, table: Table) -> None:
    model = loop.fit_model(table, question(), run, search=False)
    answers = model.predict(read_table(bikes(), "hires").frame)
    assert metric("rmse").score(table.y, answers) < 0.4 * np.std(table.y)


def test_a_glass_box_is_one_readable_model(run: Run, table: Table) -> None:
    model = loop.fit_model(table, question(limits=Limits(glass_box=True)), run, search=False)
    assert is_glass_box(model.members)


def test_when_nothing_can_be_trained_it_says_why(run: Run, table: Table) -> None:
    spec = question()
    folds = loop.fold(table, spec)
    ground = loop.lay_ground(table, folds, metric("rmse"), run, 0)
    plan = loop.plan_work(table, folds, spec, run, hopeless=False)
    broken = dataclasses.replace(plan.candidates[0], params={"no_such_setting": 1})
    with pytest.raises(JobError, match=r"No model could be trained\..*no_such_setting"):
        loop.race(dataclasses.replace(plan, candidates=(broken,), spaces={}), ground, run)
