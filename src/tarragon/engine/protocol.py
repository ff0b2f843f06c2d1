"""The room's values and seams: a job's states, record and events; an object's record, and where objects are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

Value: TypeAlias = bool | int | float | str | None


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


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """What is known of an object without reading it.

    Parameters
    ----------
    uri : str
        ``s3://bucket/key``.
    size_bytes : int
    modified : float
        Seconds since 1970; 0 where the store does not say.
    """

    uri: str
    size_bytes: int
    modified: float


class Backend(Protocol):
    """Where bytes really are. Paths are ``bucket/key``, checked by the caller."""

    def write(self, path: str, source: Path | bytes) -> None:
        """Store an object, replacing what was there."""

    def open(self, path: str) -> BinaryIO:
        """Open for reading. Raises ``FileNotFoundError``."""

    def find(self, prefix: str) -> list[ObjectRecord]:
        """List objects whose path begins with a prefix, by path."""

    def stat(self, path: str) -> ObjectRecord:
        """Describe one. Raises ``FileNotFoundError``."""

    def delete(self, path: str) -> None:
        """Remove one; none is fine."""

    def write_folder(self, path: str, folder: Path) -> None:
        """Store every file of a folder under a prefix that is still empty. Raises ``FileExistsError``."""
