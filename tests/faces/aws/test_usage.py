"""What a job uses is shown by host, from its events."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tarragon.engine import Event, Metric
from tarragon.errors import NotFoundError
from tarragon.faces.aws import usage

Client = Callable[..., Any]
NAMESPACE = "/aws/sagemaker/TrainingJobs"


def server(kind: str) -> Any:
    def events(asked: str, job: str) -> tuple[Event, ...]:
        if (asked, job) != (kind, "j"):
            raise NotFoundError("none")
        used = {"CPUUtilization": 150.0, "MemoryUtilization": 3}
        return (Event(1, 60.0, "phase", {"status": "Training"}), Event(2, 61.0, "usage", used))

    return SimpleNamespace(workspace=SimpleNamespace(events=events))


def test_values_are_the_jobs_own() -> None:
    metric = Metric("eu-west-1", NAMESPACE, "CPUUtilization", {"Host": "j/algo-1"})
    assert usage.known(metric)
    assert list(usage.values(server("training--eu-west-1"), metric)) == [(61.0, 150.0)]
    assert list(usage.values(server("training"), metric)) == []
    other = Metric("eu-west-1", NAMESPACE, "CPUUtilization", {"Host": "j/algo-2"})
    assert list(usage.values(server("training--eu-west-1"), other)) == []


def test_other_metrics_are_not_taken_for_usage() -> None:
    assert not usage.known(Metric("us-east-1", NAMESPACE, "loss", {"TrainingJobName": "j"}))
    assert not usage.known(Metric("us-east-1", "AWS/SageMaker", "x", {"Host": "j/algo-1"}))


def test_a_client_sees_none_of_a_job_that_is_not_there(client: Client) -> None:
    now = time.time()
    found = client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE, MetricName="CPUUtilization", Dimensions=[{"Name": "Host", "Value": "none/algo-1"}],
        StartTime=now - 600, EndTime=now, Period=60, Statistics=["Average"],
    )  # fmt: skip
    assert found["Datapoints"] == []
