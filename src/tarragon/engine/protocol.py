"""What a job is, as values: its states, its record and its events."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Value: TypeAlias = "None | bool | int | float | str"


class State(StrEnum):
    """SageMaker's job states.

    ::

        Pending → InProgress → Completed | Failed
           ↓          ↓
           └──→  Stopping → Stopped | Completed | Failed

    A job whose owner died stays InProgress with a lease that runs out; :attr:`JobRecord.interrupted` says so, and
    another process may take it over.
    """

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    COMPLETED = "Completed"
    FAILED = "Failed"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (State.STOPPED, State.COMPLETED, State.FAILED)

    @property
    def before(self) -> "tuple[State, ...]":
        """States from which this one may be entered."""
        return BEFORE[self]


RUNNING = (State.IN_PROGRESS, State.STOPPING)
BEFORE: Mapping[State, tuple[State, ...]] = {
    State.PENDING: (),
    State.IN_PROGRESS: (State.PENDING,),
    State.STOPPING: (State.PENDING, State.IN_PROGRESS),
    State.STOPPED: (State.STOPPING,),
    State.COMPLETED: RUNNING,
    State.FAILED: (State.PENDING, *RUNNING),
}


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job as the store knows it.

    Parameters
    ----------
    spec : mapping
        What was asked for, plain values.
    created, updated : str
        ISO 8601, UTC.
    owner : str
        The process that runs it (see :mod:`tarragon.engine.identity`); "" for nobody.
    attempt : int
        From 1; one more each time it is taken over.
    reason : str
        Why it failed or stopped.
    interrupted : bool
        Not over, and nobody runs it any more: it can be resumed.
    """

    kind: str
    name: str
    state: State
    spec: Mapping[str, object]
    created: str
    updated: str
    owner: str
    attempt: int
    reason: str
    interrupted: bool


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job.

    Parameters
    ----------
    seq : int
        From 1, without gaps, in the order the store learnt of it.
    time : float
        Seconds since 1970, when it happened.
    kind : str
        "state" for the job's own changes, else what the writer called it.
    payload : mapping
    """

    seq: int
    time: float
    kind: str
    payload: Mapping[str, object]
