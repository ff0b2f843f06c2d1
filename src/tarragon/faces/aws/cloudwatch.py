"""CloudWatch metrics: what jobs report, live from their events, and what endpoints and clients put, by the minute.

Whole statistics are answered. Percentiles, trimmed means and metric math would need every value, or an interpreter of
formulas: they are refused by name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from tarragon.engine import Bucket, Metric, Point, State, summed
from tarragon.errors import NotFoundError, ParameterError
from tarragon.faces.aws import listing, usage
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.jobs import kind_in
from tarragon.faces.aws.protocol import Answer, Call, Operations

operations = Operations("cloudwatch")
JOBS = "/aws/sagemaker/TrainingJobs"
JOB = "TrainingJobName"
MINUTE_S = 60
LISTED = 500  # per page of ListMetrics
KEPT_S = 14 * 86_400  # a metric without newer values is not listed any more
RECENT_S = 3 * 3_600
DATAPOINTS, DATA = 1_440, 100_800  # most in GetMetricStatistics and GetMetricData, as CloudWatch has it
LARGEST = 2.0**360
STATISTICS = {
    "SampleCount": lambda each: each.count, "Sum": lambda each: each.total, "Average": lambda each: each.average,
    "Minimum": lambda each: each.least, "Maximum": lambda each: each.most,
}  # fmt: skip


@operations.answer
def put_metric_data(call: Call) -> Answer:
    """Add values, sets of values or summaries to their minutes."""
    if call.params["Namespace"].startswith("AWS/"):
        raise _value("The value AWS/ for parameter Namespace is invalid.")
    if call.params.get("EntityMetricData"):
        raise _value("EntityMetricData is not answered here; put the data as MetricData")
    points = [point for each in call.params.get("MetricData") or () for point in _points(call, each)]
    if not points:
        raise AwsError("MissingParameter", "The parameter MetricData is required.")
    call.server.series.add_many(points)
    return None


@operations.answer
def get_metric_statistics(call: Call) -> Answer:
    """Add a metric up over periods that begin with the start time."""
    params = call.params
    if params.get("ExtendedStatistics"):
        raise _value(f"Extended statistics ({params['ExtendedStatistics'][0]}) are not answered: {WHY}")
    wanted = params.get("Statistics")
    if not wanted:
        raise AwsError("MissingParameter", "The request must contain Statistics")
    start, end, period = _span(params, int(params["Period"]))
    if (end - start) / period > DATAPOINTS:
        raise AwsError(
            "InvalidParameterCombination",
            f"You have requested up to {int((end - start) / period):,} datapoints, which exceeds the limit of "
            f"{DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or decreasing the time "
            "range.",
        )
    metric = Metric(call.region, params["Namespace"], params["MetricName"], _dimensions(params.get("Dimensions")))
    unit = params.get("Unit")
    found = [each for each in _buckets(call, metric, start, end, period) if unit in (None, each.unit)]
    points = [
        {"Timestamp": each.start, "Unit": each.unit, **{name: STATISTICS[name](each) for name in wanted}}
        for each in found
    ]
    return {"Label": metric.name, "Datapoints": points}


@operations.answer
def get_metric_data(call: Call) -> Answer:
    """Add several metrics up at once."""
    params = call.params
    ids = [each["Id"] for each in params["MetricDataQueries"]]
    if len(set(ids)) < len(ids):
        raise _invalid("The values for parameter Id in the queries are not unique")
    results = [_result(call, query) for query in params["MetricDataQueries"] if query.get("ReturnData", True)]
    start = listing.place(params["NextToken"]) if params.get("NextToken") else 0
    # Every metric goes on by the same share of a page, so that one number says where the next begins.
    end = start + max(1, min(DATA, int(params.get("MaxDatapoints") or DATA)) // max(1, len(results)))
    page = [
        {
            **each, "Values": each["Values"][start:end], "Timestamps": each["Timestamps"][start:end],
            "StatusCode": "PartialData" if len(each["Values"]) > end else "Complete",
        }
        for each in results
    ]  # fmt: skip
    more = any(each["StatusCode"] == "PartialData" for each in page)
    return {"MetricDataResults": page, "NextToken": listing.token(end) if more else None, "Messages": []}


@operations.answer
def list_metrics(call: Call) -> Answer:
    """List the metrics that had values in the last two weeks."""
    start = listing.place(call.params["NextToken"]) if call.params.get("NextToken") else 0
    found, at = [], 0
    for at, metric in enumerate(_listed(call)):
        if at >= start + LISTED:
            break
        if at >= start:
            dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
            found.append({"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions})
    return {"Metrics": found, "NextToken": listing.token(at) if found and at >= start + LISTED else None}


WHY = "values are kept summed up by the minute"


def _points(call: Call, datum: Mapping[str, Any]) -> Iterator[Point]:
    time = datum.get("Timestamp")
    time = call.server.clock() if time is None else float(time)
    dimensions, unit = _dimensions(datum.get("Dimensions")), datum.get("Unit") or "None"
    where = (call.region, call.params["Namespace"], datum["MetricName"], dimensions, time)
    summary, values = datum.get("StatisticValues"), datum.get("Values")
    if sum(datum.get(name) is not None for name in ("Value", "StatisticValues", "Values")) != 1:
        raise AwsError(
            "InvalidParameterCombination",
            f"Give one of Value, Values and StatisticValues for the metric {datum['MetricName']}",
        )
    if summary is not None:
        count, total, least, most = (_number(summary[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum"))
        if count < 1 or least > most:
            raise _value("StatisticValues need a SampleCount of 1 or more, and a Minimum that is not above the Maximum")
        yield Point(*where, count, total, least, most, unit)
        return
    counts = datum.get("Counts") or [1.0] * len(values or ())
    if values is not None and len(counts) != len(values):
        raise AwsError("InvalidParameterCombination", "Counts must be as many as Values")
    for value, count in zip(values or [datum["Value"]], counts or [1.0], strict=True):
        number = _number(value)
        yield Point(*where, _number(count), number * count, number, number, unit)


def _number(value: float) -> float:
    if not isfinite(value) or abs(value) > LARGEST:
        raise _value(f"The value {value} is not a number between -2^360 and 2^360")
    return float(value)


def _result(call: Call, query: Mapping[str, Any]) -> dict[str, Any]:
    told = query.get("MetricStat")
    if told is None:
        raise _invalid(f"Metric math ({str(query.get('Expression'))[:60]!r} in {query['Id']}) is not answered")
    statistic = STATISTICS.get(told["Stat"])
    if statistic is None:
        raise _invalid(f"The statistic {told['Stat']} in {query['Id']} is not answered: {WHY}")
    start, end, period = _span(call.params, int(told["Period"]))
    origin = start // period * period
    named = told["Metric"]
    metric = Metric(
        call.region, named.get("Namespace") or "", named.get("MetricName") or "", _dimensions(named.get("Dimensions"))
    )
    unit = told.get("Unit")
    found = [each for each in _buckets(call, metric, origin, end, period) if unit in (None, each.unit)]
    if call.params.get("ScanBy", "TimestampDescending") == "TimestampDescending":
        found.reverse()
    return {
        "Id": query["Id"], "Label": query.get("Label") or metric.name,
        "Timestamps": [each.start for each in found], "Values": [statistic(each) for each in found],
    }  # fmt: skip


def _span(params: Mapping[str, Any], period: int) -> tuple[float, float, int]:
    """Read the time span and the period; values are kept by the minute, so shorter periods become one."""
    start, end = float(params["StartTime"]), float(params["EndTime"])
    if start >= end:
        raise _value("The parameter StartTime must be less than the parameter EndTime.")
    if period < 1 or (period > 30 and period % MINUTE_S) or (period <= 30 and period not in (1, 5, 10, 20, 30)):
        raise _value(f"The parameter Period must be 1, 5, 10, 20, 30 or a multiple of {MINUTE_S}.")
    return start // MINUTE_S * MINUTE_S, end, max(period, MINUTE_S)


def _buckets(call: Call, metric: Metric, start: float, end: float, period: int) -> list[Bucket]:
    if metric.namespace == JOBS and set(metric.dimensions) == {JOB}:
        values = [
            Bucket(time, 1, value, value, value)
            for name, time, value in _reported(call, metric.dimensions[JOB])
            if name == metric.name and start <= time // MINUTE_S * MINUTE_S < end  # a minute counts whole
        ]
        return summed(values, start, period)
    if usage.known(metric):
        used = [
            Bucket(time, 1, value, value, value, "Percent")
            for time, value in usage.values(call.server, metric)
            if start <= time // MINUTE_S * MINUTE_S < end
        ]
        return summed(used, start, period)
    return list(call.server.series.statistics(metric, start, end, period))


def _reported(call: Call, job: str) -> Iterator[tuple[str, float, float]]:
    """Read what a training job reported: name, time and value."""
    try:
        events = call.server.workspace.events(kind_in("training", call.region), job)
    except (NotFoundError, ParameterError):
        return
    for event in events:
        if event.kind == "metric":
            value = event.payload.get("value")
            if isinstance(value, (int, float)) and isfinite(value):
                yield str(event.payload.get("name")), event.time, float(value)


def _listed(call: Call) -> Iterator[Metric]:
    params = call.params
    filters = [(each["Name"], each.get("Value")) for each in params.get("Dimensions") or ()]
    recent = params.get("RecentlyActive") == "PT3H"
    since = call.server.clock() - (RECENT_S if recent else KEPT_S)
    namespace, name = params.get("Namespace", ""), params.get("MetricName", "")
    for metric in _of_jobs(call, filters, since) if namespace in ("", JOBS) else ():
        if name in ("", metric.name) and _has(metric, filters):
            yield metric
    for metric in call.server.series.metrics(call.region, namespace, name, since):
        if _has(metric, filters):
            yield metric


def _of_jobs(call: Call, filters: Sequence[tuple[str, str | None]], since: float) -> Iterator[Metric]:
    """Name the metrics of training jobs; only one job's events are read at a time."""
    named = [value for name, value in filters if name == JOB and value is not None]
    if any(name != JOB for name, _ in filters):
        return
    jobs: Iterable[str] = named[:1] or (
        record.name for record in call.server.workspace.jobs(kind_in("training", call.region))
        if record.state is not State.PENDING
    )  # fmt: skip
    for job in jobs:
        newest: dict[str, float] = {}
        for name, time, _ in _reported(call, job):
            newest[name] = time
        yield from (Metric(call.region, JOBS, name, {JOB: job}) for name in sorted(newest) if newest[name] >= since)


def _has(metric: Metric, filters: Sequence[tuple[str, str | None]]) -> bool:
    return all(name in metric.dimensions and value in (None, metric.dimensions[name]) for name, value in filters)


def _dimensions(told: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in told or ()}


def _value(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
