"""What a run carries: its clock, its stages, and what it tells whoever watches."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tarragon.develop.protocol import Limits
from tarragon.develop.run import Progress, Run
from tarragon.engine import InlineExecutor, Workspace
from tarragon.tune import Tick


@dataclass
class Clock:
    """A hand to turn."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def start(folder: Path, clock: Clock, **how: Any) -> Run:
    return Run(folder, InlineExecutor(), 60.0, clock=clock, **how)


def test_time_is_counted_from_the_beginning_and_over_interruptions(tmp_path: Path, clock: Clock) -> None:
    run = start(tmp_path, clock, began=90.0, spent_s=20.0)
    clock.now = 105.0
    assert (run.elapsed_s, run.left_s) == (35.0, 25.0)


def test_other_load_shows_as_slowness(tmp_path: Path, clock: Clock) -> None:
    worked = Clock(1.0)
    run = start(tmp_path, clock, cpu=worked)
    clock.now, worked.now = 109.0, 1.2
    assert run.slowness == 1.0, "too little work to tell"
    worked.now = 4.0
    assert run.slowness == 3.0
    worked.now = 19.0
    assert run.slowness == 1.0, "several threads are no speed-up of the clock"


def test_a_stage_that_was_saved_is_not_made_again(home: Path, clock: Clock) -> None:
    made = []

    def make() -> Limits:
        made.append(1)
        return Limits(size_bytes=len(made))

    with Workspace.open(home) as workspace, workspace.start("develop", "r", {}) as job:
        run = start(job.folder, clock, job=job)
        assert run.stage("plan", Limits, make) == Limits(size_bytes=1)
        assert run.stage("plan", Limits, make) == Limits(size_bytes=1)
        assert [e.payload["name"] for e in job.events() if e.kind == "stage"] == ["plan"]
        job.finish()
    run = start(home, clock)  # without a job nothing is kept
    assert run.stage("plan", Limits, make) == Limits(size_bytes=2)


def test_stages_are_timed_and_announce_what_is_next(tmp_path: Path, clock: Clock) -> None:
    heard: list[Progress] = []
    run = start(tmp_path, clock, watcher=heard.append)

    def slow() -> str:
        clock.now += 2.5
        return "split"

    assert run.timed("split", slow) == run.timed("split", slow) == "split"
    assert run.stages == {"split": 5.0}
    assert [(p.stage, p.message, p.following) for p in heard] == [("split", "split …", "opening")] * 2
    run.tell("half way", "something else")
    assert (heard[-1].message, heard[-1].following, heard[-1].elapsed_s) == ("half way", "something else", 5.0)


def test_the_best_is_judged_once_a_trial(tmp_path: Path, clock: Clock) -> None:
    run = start(tmp_path, clock)
    leader: Any = object()
    asked = []

    def interval(trial: Any) -> tuple[float, float, float]:
        asked.append(trial)
        return 0.8, 0.7, 0.9

    clock.now = 103.0
    for done in (0, 1, 1, 2):
        run.tick(Tick("…", done, leader if done else None, ""), interval)
        clock.now += 1.0
    assert asked == [leader, leader]
    assert (run.best, run.trials_done, run.first_model_s) == ((0.8, 0.7, 0.9), 2, 4.0)
