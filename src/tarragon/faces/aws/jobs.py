"""What the engine's jobs look like to AWS, whatever they do: the region in a job's kind, states, stopping."""

from datetime import datetime

from tarragon.engine import JobRecord, State
from tarragon.faces.aws.protocol import Call

HOME_REGION = "us-east-1"
BETWEEN = "--"


def kind_in(kind: str, region: str) -> str:
    """Name the engine's kind for jobs of a region; the home region's is the kind itself, so native commands see them.

    Examples
    --------
    >>> kind_in("training", "us-east-1"), kind_in("training", "eu-west-1")
    ('training', 'training--eu-west-1')
    """
    return kind if region == HOME_REGION else f"{kind}{BETWEEN}{region}"


def region_of(kind: str) -> str:
    """Read the region back.

    Examples
    --------
    >>> region_of("training--eu-west-1"), region_of("training")
    ('eu-west-1', 'us-east-1')
    """
    return kind.partition(BETWEEN)[2] or HOME_REGION


def status(record: JobRecord) -> str:
    """Say a job's state in SageMaker's words, which know no Pending: a queued job is InProgress."""
    return State.IN_PROGRESS.value if record.state is State.PENDING else record.state.value


def record_of(call: Call, kind: str, name: str) -> JobRecord:
    """Look a job of the call's region up. Raises ``NotFoundError``."""
    return call.server.workspace.job(kind_in(kind, call.region), name)


def moment(text: str) -> float:
    """Turn a record's ISO time into seconds since 1970.

    Examples
    --------
    >>> moment("1970-01-01T00:01:00+00:00")
    60.0
    """
    return datetime.fromisoformat(text).timestamp()
