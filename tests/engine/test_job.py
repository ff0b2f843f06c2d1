from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from tarragon.engine import State, append_event
from tarragon.engine.protocol import BEFORE
from tarragon.errors import ConflictError, DataError, IntegrityError, ParameterError


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    name: str
    oof: NDArray[np.float64]


@pytest.fixture
def job(workspace):
    return workspace.start("develop", "a", {})


def _states(workspace, name="a"):
    return [event.payload["state"] for event in workspace.events("develop", name) if event.kind == "state"]


def test_stages_are_kept(workspace, job):
    assert job.load("plan", Plan) is None
    job.save("plan", Plan("p", np.arange(3.0)))
    job.save("profile", {"rows": 3})
    assert job.stages() == ("plan", "profile")
    job.close()
    again = workspace.resume("develop", "a")
    assert again.load("plan", Plan).oof.tolist() == [0, 1, 2]
    assert again.load("profile", dict[str, int]) == {"rows": 3}


@pytest.mark.parametrize("stage", ["../x", "", "a/b", "x.json", ".hidden"])
def test_stage_names_do_not_become_paths(job, stage):
    with pytest.raises(ParameterError):
        job.save(stage, 1)


def test_a_damaged_stage_is_an_error_not_an_empty_one(job):
    job.save("plan", 1)
    (job.folder / "stages" / "plan.json").write_text("{")
    with pytest.raises(IntegrityError):
        job.load("plan", int)


def test_events_of_workers_and_of_the_job_are_numbered_without_gaps(workspace, job):
    for number in range(5):
        job.event("trial", n=number)
        append_event(job.folder, "epoch", {"n": number}, time=0.0)
    assert [(event.seq, event.kind) for event in job.events()] == [
        (1, "state"),
        (2, "state"),
        *[(3 + n, "trial" if n % 2 == 0 else "epoch") for n in range(10)],
    ]
    job.event("last")
    job.finish()
    events = workspace.events("develop", "a")
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events[-2:]] == ["last", "state"]


def test_reading_the_file_again_doubles_nothing(workspace, job):
    job.event("trial", n=1)
    before = job.events()
    job._ingested = 0  # what an owner believes whose commit succeeded but whose connection broke before it heard so
    assert job.events() == before
    job.event("trial", n=2)
    assert [event.payload["n"] for event in job.events() if event.kind == "trial"] == [1, 2]


@pytest.mark.parametrize(
    ("end", "state", "reason", "states"),
    [
        (lambda job: job.finish(), State.COMPLETED, "", ["Pending", "InProgress", "Completed"]),
        (lambda job: job.fail("no rows"), State.FAILED, "no rows", ["Pending", "InProgress", "Failed"]),
        (lambda job: job.stop("enough"), State.STOPPED, "enough", ["Pending", "InProgress", "Stopping", "Stopped"]),
    ],
)
def test_every_end(workspace, job, end, state, reason, states):
    end(job)
    record = workspace.job("develop", "a")
    assert (record.state, record.reason, record.owner, record.interrupted) == (state, reason, "", False)
    assert _states(workspace) == states
    assert not job.held
    for act in (job.finish, lambda: job.event("x"), lambda: job.save("x", 1), lambda: job.fail("x")):
        with pytest.raises(ConflictError, match="no longer run"):
            act()
    job.close()
    assert workspace.job("develop", "a").state is state


def test_a_stop_that_was_asked_for_may_end_completed(workspace, job):
    workspace.ask_stop("develop", "a", "please")
    workspace.ask_stop("develop", "a", "please")
    job.beat()
    assert job.stop_asked
    job.finish()
    assert _states(workspace) == ["Pending", "InProgress", "Stopping", "Completed"]


def test_an_error_fails_the_job_with_its_words_and_traceback(workspace):
    with pytest.raises(DataError), workspace.start("develop", "a", {}):
        raise DataError("The table is empty", why="it has 0 rows", fix="Give rows")
    record = workspace.job("develop", "a")
    assert (record.state, record.reason) == (State.FAILED, "The table is empty. it has 0 rows. Give rows")
    assert "in test_an_error_fails_the_job" in workspace.events("develop", "a")[-1].payload["traceback"]


def test_a_ctrl_c_lets_the_job_go(workspace):
    with pytest.raises(KeyboardInterrupt), workspace.start("develop", "a", {}):
        raise KeyboardInterrupt
    assert workspace.job("develop", "a").interrupted
    workspace.resume("develop", "a").finish()


def test_leaving_without_an_end_lets_the_job_go(workspace):
    with workspace.start("develop", "a", {}) as job:
        assert "held" in repr(job)
    assert workspace.job("develop", "a").interrupted
    with workspace.resume("develop", "a") as job:
        job.finish()
    assert workspace.job("develop", "a").state is State.COMPLETED


def test_states_lead_only_where_the_picture_says():
    assert {state for state in State if state.over} == {State.STOPPED, State.COMPLETED, State.FAILED}
    for state in State:
        assert not any(before.over for before in BEFORE[state])
