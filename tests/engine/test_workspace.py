import os
import subprocess
import sys
import time

import pytest

from tarragon.engine import State, Workspace
from tarragon.engine import workspace as module
from tarragon.errors import ConflictError, NotFoundError, ParameterError

HOLD = """
import sys
from pathlib import Path
from tarragon.engine import Workspace
workspace = Workspace.open(Path(sys.argv[1]), url=sys.argv[2])
job = workspace.start("develop", "held", {"from": "elsewhere"})
job.event("trial", n=1)
job.save("plan", {"a": 1})
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(workspace, store_url):
    """Another process that runs the job "held"."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, workspace.home, store_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n"
    yield child
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()


def test_a_job_is_recorded_with_what_was_asked(workspace):
    job = workspace.start("develop", "churn", {"target": "y", "folds": (1, 2), "limit": float("inf")})
    record = workspace.job("develop", "churn")
    assert record == job.record
    assert (record.state, record.attempt, record.interrupted) == (State.IN_PROGRESS, 1, False)
    assert record.spec == {"target": "y", "folds": [1, 2], "limit": float("inf")}
    assert job.folder == workspace.home.resolve() / "jobs" / "develop" / "churn"
    assert job.folder.is_dir()
    assert [event.payload["state"] for event in job.events()] == ["Pending", "InProgress"]


def test_times_come_from_the_clock(tmp_path, store_url, clock):
    with Workspace.open(tmp_path, url=store_url, clock=clock) as workspace:
        job = workspace.start("develop", "a", {})
        clock.now += 1.5
        job.finish()
        record = workspace.job("develop", "a")
    assert (record.created, record.updated) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:21.500Z")


def test_a_name_is_taken_once_per_kind(workspace):
    workspace.start("develop", "a", {}).finish()
    with pytest.raises(ConflictError, match="it is Completed"):
        workspace.start("develop", "a", {})
    workspace.start("tuning", "a", {}).close()
    with pytest.raises(ConflictError, match=r"it is InProgress but interrupted.*Resume it"):
        workspace.start("tuning", "a", {})


@pytest.mark.parametrize(
    ("kind", "name"), [("develop", "../x"), ("..", "x"), ("develop", ""), ("a/b", "x"), ("a", "x" * 64)]
)
def test_names_do_not_become_paths(workspace, kind, name):
    for act in (lambda: workspace.start(kind, name, {}), lambda: workspace.delete(kind, name)):
        with pytest.raises(ParameterError):
            act()


def test_a_spec_that_cannot_be_kept_leaves_nothing(workspace):
    with pytest.raises(ParameterError, match=r"value\['x'\]"):
        workspace.start("develop", "a", {"x": object()})
    assert workspace.jobs("develop") == ()
    assert not (workspace.home / "jobs" / "develop" / "a").exists()
    workspace.start("develop", "a", {})


def test_jobs_are_listed_newest_first(workspace):
    for name in ("c", "a", "b"):
        workspace.start("develop", name, {})
    assert [record.name for record in workspace.jobs("develop")] == ["b", "a", "c"]
    assert workspace.jobs("nothing") == ()


def test_what_is_not_there_is_suggested(workspace):
    workspace.start("develop", "churn", {})
    with pytest.raises(NotFoundError, match='Did you mean "churn"'):
        workspace.job("develop", "chrun")
    with pytest.raises(NotFoundError, match="no tuning was ever started"):
        workspace.job("tuning", "x")
    for act in (workspace.resume, workspace.delete, workspace.events, workspace.folder):
        with pytest.raises(NotFoundError):
            act("develop", "chrun")


def test_a_living_owners_job_is_left_alone(workspace, holder):
    assert not workspace.job("develop", "held").interrupted
    for act in (workspace.resume, workspace.delete):
        with pytest.raises(ConflictError, match=f"process {holder.pid}"):
            act("develop", "held")
    holder.kill()
    holder.wait()
    assert workspace.job("develop", "held").interrupted
    job = workspace.resume("develop", "held")
    assert job.record.attempt == 2
    assert job.load("plan", dict[str, int]) == {"a": 1}
    assert [event.kind for event in job.events()] == ["state", "state", "state", "trial"]
    job.finish()
    assert workspace.job("develop", "held").state is State.COMPLETED


def test_an_owner_on_another_machine_is_dead_when_its_lease_is_over(tmp_path, store_url, clock, monkeypatch):
    with (
        Workspace.open(tmp_path, url=store_url, clock=clock) as here,
        Workspace.open(tmp_path, url=store_url, clock=clock) as there,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, "myself", lambda: "elsewhere.0123456789.17.99")
            lost = there.start("develop", "a", {})
        clock.now += module.LEASE_S - 1
        with pytest.raises(ConflictError, match="process 17 on elsewhere"):
            here.resume("develop", "a")
        clock.now += 2
        assert here.job("develop", "a").interrupted
        job = here.resume("develop", "a")
        assert job.record.attempt == 2
        # The first owner was only asleep: nothing it does counts any more.
        for act in (
            lambda: lost.save("plan", 1),
            lambda: lost.event("x"),
            lost.finish,
            lambda: lost.fail("no"),
            lambda: lost.stop("no"),
        ):
            with pytest.raises(ConflictError, match=r"taken over|no longer run"):
                act()
        assert job.stages() == ()
        lost.close()
        assert not here.job("develop", "a").interrupted
        job.finish()


def test_a_lease_is_renewed_in_the_background(tmp_path, store_url, monkeypatch):
    monkeypatch.setattr(module, "BEAT_S", 0.02)
    with Workspace.open(tmp_path, url=store_url) as workspace:
        job = workspace.start("develop", "a", {})
        job.event("trial", n=1)
        while not [event for event in workspace.events("develop", "a") if event.kind == "trial"]:
            time.sleep(0.01)
        workspace.ask_stop("develop", "a", "enough")
        while not job.stop_asked:
            time.sleep(0.01)
        job.stop("enough")
        assert workspace.job("develop", "a").state is State.STOPPED
        workspace.start("develop", "b", {})
    assert workspace._heart is not None
    assert not workspace._heart.is_alive()


def test_what_is_over_cannot_be_resumed_or_stopped(workspace):
    workspace.start("develop", "a", {}).finish()
    with pytest.raises(ConflictError, match="it is Completed"):
        workspace.resume("develop", "a")
    with pytest.raises(ConflictError, match="it is Completed"):
        workspace.ask_stop("develop", "a")


def test_two_takers_get_one_job(tmp_path, store_url):
    with Workspace.open(tmp_path, url=store_url) as a, Workspace.open(tmp_path, url=store_url) as b:
        a.start("develop", "x", {}).close()
        taken = a.resume("develop", "x")
        with pytest.raises(ConflictError, match=f"process {os.getpid()}"):
            b.resume("develop", "x")
        taken.finish()


def test_a_deleted_job_frees_its_name(workspace):
    job = workspace.start("develop", "a", {})
    job.save("plan", 1)
    with pytest.raises(ConflictError, match="Stop it first"):
        workspace.delete("develop", "a")
    job.finish()
    workspace.delete("develop", "a")
    assert workspace.jobs("develop") == ()
    again = workspace.start("develop", "a", {})
    assert again.stages() == ()
    assert len(again.events()) == 2
    assert list((workspace.home / "jobs" / module.TRASH).iterdir()) == []


def test_debris_without_a_record_is_not_taken_over(workspace):
    folder = workspace.home / "jobs" / "develop" / "a" / "stages"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    assert workspace.start("develop", "a", {}).stages() == ()


def test_closing_lets_jobs_go(tmp_path, store_url):
    with Workspace.open(tmp_path, url=store_url) as workspace:
        job = workspace.start("develop", "a", {})
        job.event("trial", n=1)
    workspace.close()
    with Workspace.open(tmp_path, url=store_url) as workspace:
        assert workspace.job("develop", "a").interrupted
        assert [event.kind for event in workspace.events("develop", "a", after=2)] == ["trial"]


def test_the_home_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("TARRAGON_HOME", str(tmp_path / "h"))
    monkeypatch.delenv("TARRAGON_STORE", raising=False)
    with Workspace.open() as workspace:
        assert workspace.home == tmp_path / "h"
        assert (tmp_path / "h" / "tarragon.db").is_file()
    monkeypatch.setenv("TARRAGON_STORE", f"sqlite:///{tmp_path / 'other.db'}")
    with Workspace.open() as workspace:
        assert (tmp_path / "other.db").is_file()
        workspace.objects.put("data/x", b"1")
        assert (tmp_path / "h" / "objects" / "data" / "x").is_file()
        monkeypatch.setenv("TARRAGON_OBJECTS", f"memory://{tmp_path.name}")
        assert workspace.objects.list("data") == ()
