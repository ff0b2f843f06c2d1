"""Jobs in the background: recorded, run, stopped, resumed after a death, failed with the reason."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tarragon.engine import InlineExecutor, LocalExecutor, Runner, State, Supervisor, Workspace, append_event
from tarragon.errors import ConflictError, ParameterError


def work(argument: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Do what the spec says."""
    spec, job = argument["spec"], Path(argument["job_folder"])
    append_event(job, "phase", {"status": "Training", "message": "at work"}, time=1.0)
    if spec["do"] == "raise":
        raise ValueError("no such column")
    while spec["do"] == "wait":
        if (job / "stop").exists():
            return {"state": "Stopped", "reason": "was asked to"}
        time.sleep(0.01)
    return {
        "state": "Failed" if spec["do"] == "fail" else "Completed",
        "reason": spec["do"],
        "attempt": argument["attempt"],
    }


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def runner_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the forked process find this file as the runner's module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    with Workspace.open(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def supervisor(workspace: Workspace, runner_module: None) -> Supervisor:
    runners = {"training": Runner("test_supervisor:work", 1)}
    with Supervisor(workspace, runners, LocalExecutor(2, preload=())) as started:
        yield started


def test_a_job_is_recorded_run_and_completed(workspace: Workspace, supervisor: Supervisor) -> None:
    record = supervisor.submit("training", "one", {"do": "nothing"})
    assert record.state is State.IN_PROGRESS
    until(lambda: workspace.job("training", "one").state is State.COMPLETED)
    kinds = [event.kind for event in workspace.events("training", "one")]
    assert kinds[-3:] == ["phase", "result", "state"]


@pytest.mark.parametrize(("do", "reason"), [("fail", "fail"), ("raise", "no such column")])
def test_a_failure_keeps_its_reason(workspace: Workspace, supervisor: Supervisor, do: str, reason: str) -> None:
    supervisor.submit("training", do, {"do": do})
    until(lambda: workspace.job("training", do).state.over)
    found = workspace.job("training", do)
    assert found.state is State.FAILED
    assert reason in found.reason


def test_a_variant_of_a_kind_is_run_as_the_kind(workspace: Workspace, supervisor: Supervisor) -> None:
    supervisor.submit("training--eu-west-1", "one", {"do": "nothing"})
    until(lambda: workspace.job("training--eu-west-1", "one").state is State.COMPLETED)


def test_stopping_ends_a_job_as_stopped(workspace: Workspace, supervisor: Supervisor) -> None:
    supervisor.submit("training", "long", {"do": "wait"})
    until(lambda: any(e.kind == "phase" for e in workspace.events("training", "long")))
    supervisor.stop("training", "long")
    until(lambda: workspace.job("training", "long").state is State.STOPPED)
    with pytest.raises(ConflictError):
        supervisor.stop("training", "long")


def test_a_name_is_taken_once_and_a_kind_must_be_known(supervisor: Supervisor) -> None:
    supervisor.submit("training", "one", {"do": "nothing"})
    with pytest.raises(ConflictError):
        supervisor.submit("training", "one", {"do": "nothing"})
    with pytest.raises(ParameterError, match="nothing here runs"):
        supervisor.submit("poetry", "one", {})


def test_what_a_closed_supervisor_left_is_run_again(workspace: Workspace, runner_module: None) -> None:
    runners = {"training": Runner("test_supervisor:work", 1)}
    with Supervisor(workspace, runners, LocalExecutor(1, preload=())) as first:
        first.submit("training", "long", {"do": "wait"})
        until(lambda: any(e.kind == "phase" for e in workspace.events("training", "long")))
    assert workspace.job("training", "long").interrupted
    second = Supervisor(workspace, runners, LocalExecutor(1, preload=()))
    assert second.start() == ("long",)
    second.stop("training", "long")
    until(lambda: workspace.job("training", "long").state is State.STOPPED)
    assert workspace.job("training", "long").attempt == 2
    second.close()


def test_an_inline_executor_runs_jobs_too(workspace: Workspace, runner_module: None) -> None:
    with Supervisor(workspace, {"training": Runner("test_supervisor:work", 1)}, InlineExecutor()) as inline:
        inline.submit("training", "one", {"do": "nothing"})
        until(lambda: workspace.job("training", "one").state is State.COMPLETED)
