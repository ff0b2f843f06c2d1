"""Jobs in AWS's words."""

import pytest

from tarragon.engine import JobRecord, State
from tarragon.faces.aws.jobs import kind_in, region_of, status


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "us-gov-west-1"])
def test_a_region_survives_the_kind(region: str) -> None:
    assert region_of(kind_in("training", region)) == region


def test_a_queued_job_is_in_progress() -> None:
    record = JobRecord("training", "j", State.PENDING, {}, "", "", "", 1, "", False)
    assert status(record) == "InProgress"
