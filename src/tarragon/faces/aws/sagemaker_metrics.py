"""Metrics of trial components: what clients send for them, and values added up by step or by time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from statistics import fmean, pstdev
from typing import Any

from tarragon.errors import NotFoundError
from tarragon.faces.aws import components, sent_metrics
from tarragon.faces.aws.error import invalid
from tarragon.faces.aws.jobs import kind_in
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.sent_metrics import Point, Sent
from tarragon.faces.aws.server import Server

operations = Operations("sagemaker-metrics")
BATCH = 10  # metrics in one request, as SageMaker has it
QUERIES = 100
NAME_LETTERS = 255
OF_TRAINING = "-aws-training-job"  # ends the name of a training job's own component
PERIODS = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3_600}
STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Min": min, "Max": max, "Avg": fmean, "Count": len, "StdDev": pstdev, "Last": lambda values: values[-1],
}  # fmt: skip


@operations.answer
def batch_put_metrics(call: Call) -> Answer:
    """Keep values; those that cannot be are named by their place."""
    sent = call.params["MetricData"]
    if len(sent) > BATCH:
        raise invalid(f"A request can have at most {BATCH} metrics; this one has {len(sent)}")
    component = _component(call.server, call.region, call.params["TrialComponentName"])
    if component is None:
        return {"Errors": [_error("VALIDATION_ERROR", place) for place in range(len(sent))]}
    errors: list[Mapping[str, Any]] = []
    kept: list[Sent] = []
    for place, each in enumerate(sent):
        name, step = each["MetricName"], each.get("Step")
        if not isfinite(each["Value"]) or not 0 < len(name) <= NAME_LETTERS or (step is not None and step < 0):
            errors.append(_error("VALIDATION_ERROR", place))
        else:
            kept.append((name, float(each["Timestamp"]), step, float(each["Value"])))
    if kept:
        sent_metrics.add(call.server, call.region, component, kept)
    return {"Errors": errors}


@operations.answer
def batch_get_metrics(call: Call) -> Answer:
    """Add values up by step or by time, one result per query."""
    queries = call.params["MetricQueries"]
    if len(queries) > QUERIES:
        raise invalid(f"A request can have at most {QUERIES} queries; this one has {len(queries)}")
    return {"MetricQueryResults": [_result(call, query) for query in queries]}


def _result(call: Call, query: Mapping[str, Any]) -> Mapping[str, Any]:
    by_step = query["XAxisType"] == "IterationNumber"
    if by_step != (query["Period"] == "IterationNumber"):
        return _refused(f"The period {query['Period']} does not go with the axis {query['XAxisType']}")
    found = _reported(call, query["ResourceArn"])
    if found is None:
        return _refused(f"There is no trial component or training job {query['ResourceArn']}")
    period = PERIODS.get(query["Period"], 0)
    grouped: dict[int, list[float]] = {}
    for time, step, value in found.get(query["MetricName"], ()):
        x = step if by_step else int(time // period * period)
        if x is not None and query.get("Start", x) <= x <= query.get("End", x):
            grouped.setdefault(x, []).append(value)
    statistic = STATISTICS[query["MetricStat"]]
    axis = sorted(grouped)
    values = [float(statistic(grouped[x])) for x in axis]
    return {"Status": "Complete", "XAxisValues": axis, "MetricValues": values}


def _reported(call: Call, arn: str) -> Mapping[str, Sequence[Point]] | None:
    """Read what was sent for what an ARN names, or what the training job behind it reported; None for neither."""
    parts = arn.split(":", 5)
    kind, _, name = parts[-1].partition("/")
    if len(parts) != 6 or parts[3] != call.region or parts[4] != call.account:
        return None
    if kind == "experiment-trial-component":
        component = _component(call.server, call.region, name)
        if component is None:
            return None
        of_job = _of_job(call, component.removesuffix(OF_TRAINING)) if component.endswith(OF_TRAINING) else None
        return {**(of_job or {}), **sent_metrics.points(call.server, call.region, component)}
    return _of_job(call, name) if kind == "training-job" else None


def _of_job(call: Call, name: str) -> Mapping[str, Sequence[Point]] | None:
    try:
        events = call.server.workspace.events(kind_in("training", call.region), name)
    except NotFoundError:
        return None
    found: dict[str, list[Point]] = {}
    for event in events:
        value, step = event.payload.get("value"), event.payload.get("step")
        if event.kind == "metric" and isinstance(value, (int, float)) and isfinite(value):
            number = step if isinstance(step, int) else None
            found.setdefault(str(event.payload.get("name")), []).append((event.time, number, float(value)))
    return found


def _component(server: Server, region: str, name: str) -> str | None:
    """Find a trial component's name, whatever its case was sent in."""
    if server.documents.find(region, components.KIND, name) is not None:
        return name
    lower = name.lower()
    return next((each for each in _components(server, region) if each.lower() == lower), None)


def _components(server: Server, region: str) -> Iterator[str]:
    return (document.name for document in server.documents.list(region, components.KIND))


def _error(code: str, place: int) -> Mapping[str, Any]:
    return {"Code": code, "MetricIndex": place}


def _refused(message: str) -> Mapping[str, Any]:
    return {"Status": "ValidationError", "Message": message, "XAxisValues": [], "MetricValues": []}
