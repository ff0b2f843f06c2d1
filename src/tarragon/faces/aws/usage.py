"""What jobs use of this machine, as CloudWatch shows it: by host, read from the jobs' own events."""

from collections.abc import Iterator

from tarragon.engine import Metric
from tarragon.errors import NotFoundError, ParameterError
from tarragon.faces.aws.jobs import kind_in
from tarragon.faces.aws.server import Server

HOST = "Host"
KINDS = {"/aws/sagemaker/TrainingJobs": "training", "/aws/sagemaker/ProcessingJobs": "processing"}
FIRST = "algo-1"  # hosts of one job share this machine: what they use together is shown for the first


def known(metric: Metric) -> bool:
    """Whether a metric is a job's usage."""
    return metric.namespace in KINDS and set(metric.dimensions) == {HOST}


def values(server: Server, metric: Metric) -> Iterator[tuple[float, float]]:
    """Read the values of such a metric: when, and how much; nothing for a job that is not there."""
    job, _, host = metric.dimensions[HOST].partition("/")
    if host != FIRST:
        return
    try:
        events = server.workspace.events(kind_in(KINDS[metric.namespace], metric.realm), job)
    except (NotFoundError, ParameterError):
        return
    for event in events:
        value = event.payload.get(metric.name)
        if event.kind == "usage" and isinstance(value, int | float):
            yield event.time, float(value)
