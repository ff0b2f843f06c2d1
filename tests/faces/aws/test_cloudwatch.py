"""CloudWatch metrics as real clients put and read them, in each protocol; a job's own come from its events."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Workspace

NOW = datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture
def metrics(client: Any) -> Any:
    return client("cloudwatch")


def stat(namespace: str, name: str, statistic: str) -> dict[str, Any]:
    return {"Metric": {"Namespace": namespace, "MetricName": name}, "Period": 60, "Stat": statistic}


def statistics(metrics: Any, name: str, **more: Any) -> list[dict[str, Any]]:
    wanted = {
        "Namespace": "Mine", "MetricName": name, "Period": 60, "StartTime": NOW - timedelta(minutes=10),
        "EndTime": datetime.now(UTC) + timedelta(minutes=2),
        "Statistics": ["Average", "Sum", "Minimum", "Maximum", "SampleCount"],
        **more,
    }  # fmt: skip
    return sorted(metrics.get_metric_statistics(**wanted)["Datapoints"], key=lambda each: each["Timestamp"])


def test_what_is_put_adds_up(metrics: Any) -> None:
    where = {"MetricName": "latency", "Dimensions": [{"Name": "Part", "Value": "a"}], "Unit": "Seconds"}
    metrics.put_metric_data(Namespace="Mine", MetricData=[
        {**where, "Value": 1.5, "Timestamp": NOW - timedelta(minutes=5)},
        {**where, "Values": [1.0, 3.0], "Counts": [3, 1], "Timestamp": NOW - timedelta(minutes=5, seconds=-20)},
        {**where, "Timestamp": NOW - timedelta(minutes=3),
         "StatisticValues": {"SampleCount": 10, "Sum": 50, "Minimum": 1, "Maximum": 9}},
        {**where, "Value": -2.0},
    ])  # fmt: skip
    dimensions = [{"Name": "Part", "Value": "a"}]
    first, second, third = statistics(metrics, "latency", Dimensions=dimensions)
    assert first["Timestamp"] == NOW - timedelta(minutes=5)
    assert (first["SampleCount"], first["Sum"], first["Minimum"], first["Maximum"]) == (5, 7.5, 1, 3)
    assert (first["Average"], first["Unit"]) == (1.5, "Seconds")
    assert (second["Average"], third["Sum"]) == (5, -2)
    (whole,) = statistics(metrics, "latency", Dimensions=dimensions, Period=3600, Statistics=["SampleCount"])
    assert whole["SampleCount"] == 16
    assert whole["Timestamp"] == NOW - timedelta(minutes=10)
    assert statistics(metrics, "latency") == []
    assert statistics(metrics, "latency", Dimensions=dimensions, Unit="Bytes") == []


def test_several_at_once_and_page_by_page(metrics: Any) -> None:
    metrics.put_metric_data(Namespace="Mine", MetricData=[
        {"MetricName": name, "Value": float(n), "Timestamp": NOW - timedelta(minutes=n)}
        for name in ("x", "y") for n in range(5)
    ])  # fmt: skip
    queries = [{"Id": f"q_{name}", "MetricStat": stat("Mine", name, "Sum")} for name in ("x", "y")]
    span = {"StartTime": NOW - timedelta(minutes=10), "EndTime": NOW + timedelta(minutes=1)}
    answer = metrics.get_metric_data(MetricDataQueries=queries, **span)
    assert [each["Id"] for each in answer["MetricDataResults"]] == ["q_x", "q_y"]
    assert answer["MetricDataResults"][0]["Values"] == [0, 1, 2, 3, 4]  # newest first
    assert answer["MetricDataResults"][0]["Timestamps"][0] == NOW
    ascending = metrics.get_metric_data(MetricDataQueries=queries, **span, ScanBy="TimestampAscending")
    assert ascending["MetricDataResults"][1]["Values"] == [4, 3, 2, 1, 0]
    found: dict[str, list[float]] = {}
    pages = metrics.get_paginator("get_metric_data").paginate(MetricDataQueries=queries, **span, MaxDatapoints=4)
    for page in pages:
        for each in page["MetricDataResults"]:
            found.setdefault(each["Id"], []).extend(each["Values"])
    assert found == {"q_x": [0, 1, 2, 3, 4], "q_y": [0, 1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"Id": "e", "Expression": "SUM(METRICS())"}, "Metric math"),
        ({"Id": "p", "MetricStat": stat("n", "m", "p99")}, "p99"),
    ],
)
def test_what_is_not_answered_is_named(metrics: Any, query: Any, named: str) -> None:
    with pytest.raises(ClientError, match=named) as error:
        metrics.get_metric_data(MetricDataQueries=[query], StartTime=NOW - timedelta(hours=1), EndTime=NOW)
    assert error.value.response["Error"]["Code"] == "ValidationError"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ExtendedStatistics": ["p99"]}, "InvalidParameterValue"),
        ({"Period": 7}, "InvalidParameterValue"),
        ({"Period": 61}, "InvalidParameterValue"),
        ({"EndTime": NOW - timedelta(days=1)}, "InvalidParameterValue"),
        ({"StartTime": NOW - timedelta(days=30)}, "InvalidParameterCombination"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(metrics: Any, change: Any, code: str) -> None:
    with pytest.raises(ClientError) as error:
        statistics(metrics, "m", **change)
    assert error.value.response["Error"]["Code"].startswith(code)


@pytest.mark.parametrize(
    "datum",
    [
        {"Value": float("nan")}, {"Value": 1e300}, {}, {"Value": 1.0, "Values": [1.0]},
        {"Values": [1.0], "Counts": [1, 2]},
        {"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1}},
    ],
)  # fmt: skip
def test_a_value_that_is_none_is_refused(metrics: Any, datum: Any) -> None:
    with pytest.raises(ClientError) as error:
        metrics.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "m", **datum}])
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(ClientError, match="Namespace"):
        metrics.put_metric_data(Namespace="AWS/SageMaker", MetricData=[{"MetricName": "m", "Value": 1.0}])


def test_metrics_are_listed_by_what_they_have(metrics: Any, client: Any) -> None:
    metrics.put_metric_data(Namespace="Listed", MetricData=[
        {"MetricName": "a", "Value": 1.0, "Dimensions": [{"Name": "Host", "Value": "h1"}]},
        {"MetricName": "a", "Value": 1.0, "Dimensions": [{"Name": "Host", "Value": "h2"}]},
        {"MetricName": "b", "Value": 1.0, "Timestamp": NOW - timedelta(days=1)},
        {"MetricName": "old", "Value": 1.0, "Timestamp": NOW - timedelta(days=20)},
    ])  # fmt: skip

    def listed(**wanted: Any) -> list[tuple[str, list[str]]]:
        pages = metrics.get_paginator("list_metrics").paginate(Namespace="Listed", **wanted)
        return [(m["MetricName"], [d["Value"] for d in m["Dimensions"]]) for page in pages for m in page["Metrics"]]

    assert listed() == [("a", ["h1"]), ("a", ["h2"]), ("b", [])]
    assert listed(MetricName="b") == [("b", [])]
    assert listed(Dimensions=[{"Name": "Host"}]) == [("a", ["h1"]), ("a", ["h2"])]
    assert listed(Dimensions=[{"Name": "Host", "Value": "h2"}]) == [("a", ["h2"])]
    assert listed(RecentlyActive="PT3H") == [("a", ["h1"]), ("a", ["h2"])]
    assert client("cloudwatch", "eu-west-1").list_metrics(Namespace="Listed")["Metrics"] == []


@pytest.fixture
def job(server: Any) -> str:
    """A job that reported, as a runner's events leave it."""
    with Workspace.open(server.home) as workspace:
        held = workspace.start("training", "reporting", {"a": 1})
        for step, value in enumerate((0.9, 0.5, float("nan"), 0.1)):
            held.event("metric", name="validation:loss", value=value, step=step)
        held.event("metric", name="train:accuracy", value=0.75)
        held.finish()
    return "reporting"


def test_a_jobs_metrics_are_there_at_once(metrics: Any, job: str) -> None:
    """As the SDK's training analytics ask: average by the minute, between the job's start and end."""
    ended = time.time() + 1
    points = metrics.get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs", MetricName="validation:loss", Period=60, Statistics=["Average", "Sum"],
        Dimensions=[{"Name": "TrainingJobName", "Value": job}], StartTime=datetime.fromtimestamp(ended - 300, UTC),
        EndTime=datetime.fromtimestamp(ended, UTC),
    )["Datapoints"]  # fmt: skip
    assert sum(each["Sum"] for each in points) == pytest.approx(1.5)
    names = {"Name": "TrainingJobName", "Value": job}
    listed = metrics.list_metrics(Namespace="/aws/sagemaker/TrainingJobs", Dimensions=[names])["Metrics"]
    assert [each["MetricName"] for each in listed] == ["train:accuracy", "validation:loss"]
    assert listed[0]["Dimensions"] == [names]
    everything = metrics.list_metrics()["Metrics"]
    assert {"/aws/sagemaker/TrainingJobs"} <= {each["Namespace"] for each in everything}
    assert metrics.get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs", MetricName="validation:loss", Period=60, Statistics=["Average"],
        Dimensions=[{"Name": "TrainingJobName", "Value": "../x"}], StartTime=NOW - timedelta(hours=1), EndTime=NOW,
    )["Datapoints"] == []  # fmt: skip
