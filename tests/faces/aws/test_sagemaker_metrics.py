"""Metrics of trial components: every value sent comes back, added up by step or by time."""

import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Documents, Workspace
from tarragon.faces.aws.sent_metrics import drop, points

ARN = "arn:aws:sagemaker:us-east-1:123456789012:experiment-trial-component/Run-One"
NOW = int(time.time()) // 3600 * 3600


@pytest.fixture
def metrics(client: Any, server: Any) -> Any:
    with Workspace.open(server.home) as workspace:
        documents = Documents(workspace.store)
        documents.put("us-east-1", "trial-component", "Run-One", {})
        drop(SimpleNamespace(documents=documents), "us-east-1", "Run-One")  # type: ignore[arg-type]
    return client("sagemaker-metrics")


def put(metrics: Any, *values: tuple[str, int, int | None, float], name: str = "run-one") -> list[dict[str, Any]]:
    data = [
        {"MetricName": metric, "Timestamp": datetime.fromtimestamp(NOW + at, UTC), "Value": value}
        | ({} if step is None else {"Step": step})
        for metric, at, step, value in values
    ]
    found: list[dict[str, Any]] = metrics.batch_put_metrics(TrialComponentName=name, MetricData=data)["Errors"]
    return found


def get(metrics: Any, **query: Any) -> dict[str, Any]:
    wanted = {
        "MetricName": "loss", "ResourceArn": ARN, "MetricStat": "Avg", "Period": "IterationNumber",
        "XAxisType": "IterationNumber", **query,
    }  # fmt: skip
    (found,) = metrics.batch_get_metrics(MetricQueries=[wanted])["MetricQueryResults"]
    return dict(found)


def test_what_is_sent_is_kept_and_added_up(metrics: Any, server: Any) -> None:
    assert put(metrics, ("loss", 0, 1, 0.5), ("loss", 10, 1, 1.5), ("loss", 70, 2, 0.25), ("acc", 5, None, 0.9)) == []
    assert put(metrics, ("loss", 3599, 3, 0.125)) == []
    by_step = get(metrics)
    assert (by_step["Status"], by_step["XAxisValues"], by_step["MetricValues"]) == (
        "Complete",
        [1, 2, 3],
        [1, 0.25, 0.125],
    )
    assert get(metrics, MetricStat="Last")["MetricValues"] == [1.5, 0.25, 0.125]
    assert get(metrics, MetricStat="Count", Start=2, End=2)["MetricValues"] == [1]
    by_time = get(metrics, Period="OneMinute", XAxisType="Timestamp", MetricStat="Max")
    assert by_time["XAxisValues"] == [NOW, NOW + 60, NOW + 3540]
    assert by_time["MetricValues"] == [1.5, 0.25, 0.125]
    assert get(metrics, Period="OneHour", XAxisType="Timestamp", MetricStat="Min")["MetricValues"] == [0.125]
    assert get(metrics, MetricStat="StdDev")["MetricValues"][0] == 0.5
    assert get(metrics, MetricName="none")["XAxisValues"] == []
    with Workspace.open(server.home) as workspace:
        held: Any = SimpleNamespace(documents=Documents(workspace.store))
        assert points(held, "us-east-1", "RUN-one") == {
            "loss": [(NOW, 1, 0.5), (NOW + 10, 1, 1.5), (NOW + 70, 2, 0.25), (NOW + 3599, 3, 0.125)],
            "acc": [(NOW + 5, None, 0.9)],
        }
        assert points(held, "eu-west-1", "run-one") == {}


def test_what_cannot_be_kept_is_named_by_its_place(metrics: Any) -> None:
    assert put(metrics, ("loss", 0, 1, 0.5), ("acc", 0, 1, 0.5), name="nobody") == [
        {"Code": "VALIDATION_ERROR", "MetricIndex": 0}, {"Code": "VALIDATION_ERROR", "MetricIndex": 1},
    ]  # fmt: skip
    errors = put(metrics, ("loss", 0, 1, 0.5), ("loss", 0, 1, float("nan")))
    assert [each["MetricIndex"] for each in errors] == [1]
    assert get(metrics)["MetricValues"] == [0.5]
    with pytest.raises(ClientError):
        put(metrics, *(("loss", 0, n, 0.5) for n in range(11)))


def test_a_query_that_makes_no_sense_says_so(metrics: Any) -> None:
    for query in (
        {"ResourceArn": ARN + "x"},
        {"Period": "OneMinute"},
        {"ResourceArn": ARN.replace("us-east-1", "eu-west-1")},
    ):
        found = get(metrics, **query)
        assert found["Status"] == "ValidationError"
        assert found["Message"]


def test_a_training_jobs_own_metrics_are_found_too(metrics: Any, server: Any) -> None:
    with Workspace.open(server.home) as workspace:
        job = workspace.start("training", "reported", {"a": 1})
        for step in range(3):
            job.event("metric", name="loss", value=1.0 / (step + 1), step=step)
        job.finish()
    found = get(metrics, ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:training-job/reported")
    assert found["MetricValues"] == [1.0, 0.5, 1 / 3]
