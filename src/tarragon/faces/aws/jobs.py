"""What the engine's jobs look like to AWS, whatever they do: the region in a job's kind, states, stopping."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from tarragon.engine import JobRecord, State
from tarragon.errors import ConflictError
from tarragon.faces.aws.error import AwsError, invalid
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


async def settled(call: Call, arn: str, look: Callable[[], JobRecord]) -> JobRecord:
    """Look a job up; a slow asker about a running one waits for its end.

    Parameters
    ----------
    call : Call
    arn : str
        The job's.
    look : callable
        Returns its record as it is now.
    """
    record = await asyncio.to_thread(look)
    if record.state.over:
        return record
    began = moment(record.created)
    await call.server.patience.wait(call, arn, lambda: look().state.over, began=began)
    return await asyncio.to_thread(look)


def stop(call: Call, record: JobRecord, what: str) -> None:
    """Ask a job to end; asking again is fine. Raises ``AwsError`` for one that is over.

    Parameters
    ----------
    what : str
        What it is called in the error: "training job".
    """
    if record.state is State.STOPPING:
        return
    try:
        if not record.state.over:
            call.server.jobs.stop(record.kind, record.name)
            return
    except ConflictError:  # it ended meanwhile
        record = call.server.workspace.job(record.kind, record.name)
    raise invalid(f"The {what} {record.name} is in a terminal status: {status(record)}")


def remove(call: Call, record: JobRecord, what: str) -> None:
    """Forget a job that is over. Raises ``AwsError`` for one that is not."""
    if not record.state.over:
        raise AwsError("ResourceInUse", f"The {what} {record.name} is {status(record)}; stop it first")
    call.server.workspace.delete(record.kind, record.name)
