"""Jobs in AWS's words."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tarragon.engine import JobRecord, State, Workspace
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.jobs import kind_in, region_of, remove, status, stop


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "us-gov-west-1"])
def test_a_region_survives_the_kind(region: str) -> None:
    assert region_of(kind_in("training", region)) == region


def test_a_queued_job_is_in_progress() -> None:
    record = JobRecord("training", "j", State.PENDING, {}, "", "", "", 1, "", False)
    assert status(record) == "InProgress"


def test_stopping_a_job_that_ended_meanwhile_says_so(tmp_path: Path) -> None:
    with Workspace.open(tmp_path) as workspace:
        job = workspace.start("training", "j", {})
        before = job.record
        job.finish()

        class Jobs:
            def stop(self, kind: str, name: str) -> None:
                workspace.ask_stop(kind, name)

        call = SimpleNamespace(server=SimpleNamespace(jobs=Jobs(), workspace=workspace))
        with pytest.raises(AwsError, match="training job j is in a terminal status: Completed") as caught:
            stop(call, before, "training job")
        assert caught.value.code == "ValidationException"
        remove(call, workspace.job("training", "j"), "training job")
        assert workspace.jobs("training") == ()


def test_a_running_job_is_not_removed(tmp_path: Path) -> None:
    with Workspace.open(tmp_path) as workspace:
        job = workspace.start("training", "j", {})
        call = SimpleNamespace(server=SimpleNamespace(workspace=workspace))
        with pytest.raises(AwsError, match="InProgress; stop it first"):
            remove(call, job.record, "training job")
