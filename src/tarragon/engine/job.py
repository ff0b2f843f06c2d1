"""One job as the process that runs it holds it: its folder, its events, its saved stages, its end.

Everything a job produces is on disk when the call that produced it returns. Whoever holds a job holds a lease on it,
renewed in the background; once that is lost to another process, every further call raises, so that two processes
never write one job.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from tarragon.engine import events, record
from tarragon.engine.disk import refusals
from tarragon.engine.events import Line
from tarragon.engine.layout import contained, valid_name
from tarragon.engine.ledger import Batch
from tarragon.engine.protocol import Event, JobRecord, State
from tarragon.errors import ConflictError, NotFoundError, StorageError

logger = logging.getLogger(__name__)
T = TypeVar("T")
LEASE_S = 30.0  # a holder silent for this long may be replaced; one on this machine that died, at once
BEAT_S = 4.0  # renewals and ingestions: seven may fail in a row before the lease runs out


class Claims(Protocol):
    """What a job needs of its workspace; the transactions live there."""

    def keep(self, batch: Batch) -> tuple[State, int]:
        """Renew the lease and take events in, see :func:`tarragon.engine.ledger.keep`. Raises ``ConflictError``."""

    def move(self, to: State, line: Line) -> None:
        """Change the state. Raises ``ConflictError`` when that is not possible."""

    def release(self) -> None:
        """Let the job go unfinished."""

    def record(self) -> JobRecord:
        """Read the job's record."""

    def history(self) -> tuple[Event, ...]:
        """Read the job's events."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which job, where, and how far its events are in the store."""

    kind: str
    name: str
    folder: Path
    ingested: int = 0


class Job:
    """A running job; made by :meth:`Workspace.start` and :meth:`Workspace.resume`.

    As a context manager, an error that leaves the block makes the job Failed with the error's words and traceback;
    a Ctrl-C, or leaving without :meth:`finish`, lets it go for a later :meth:`Workspace.resume`.
    """

    def __init__(self, identity: Identity, claims: Claims, clock: Callable[[], float] = time.time) -> None:
        self.kind, self.name, self.folder = identity.kind, identity.name, identity.folder
        self._ingested, self._claims, self._clock = identity.ingested, claims, clock
        self._lock = threading.RLock()  # the heartbeat and the job's own thread both ingest
        self._held = True
        self._kept = clock()
        self._state = State.IN_PROGRESS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, Exception) and self._held:
            # The error on its way out is the story; a store that cannot take it must not replace it.
            with suppress(StorageError, ConflictError):
                self.fail(str(error) or type(error).__name__, "".join(traceback.format_exception(error)))
        self.close()

    def __repr__(self) -> str:
        return f"<Job {self.kind}/{self.name} {'held' if self._held else 'let go'}>"

    @property
    def record(self) -> JobRecord:
        """The job as the store knows it now."""
        return self._claims.record()

    @property
    def stop_asked(self) -> bool:
        """Whether somebody asked the job to stop, as of the last heartbeat."""
        return self._state is State.STOPPING

    @property
    def held(self) -> bool:
        """Whether this process still runs the job."""
        return self._held

    def event(self, kind: str, **fields: object) -> None:
        """Record that something happened.

        Parameters
        ----------
        kind : str
            One word: "trial", "epoch". Not "state".
        **fields
            The event's own values, as :mod:`tarragon.engine.plain` knows them.
        """
        self._check()
        events.append_event(self.folder, kind, fields, time=self._clock())

    def events(self) -> tuple[Event, ...]:
        """Return everything that happened so far, in order; what workers wrote a moment ago included."""
        if self._held:
            self.beat()
        return self._claims.history()

    def save(self, stage: str, value: object) -> None:
        """Keep a stage's result, whole and durable once this returns.

        Parameters
        ----------
        stage : str
            "profile", "plan"; letters, digits and hyphens.
        value : object
            A frozen dataclass or plain value, see :func:`tarragon.engine.dump`.
        """
        self._check()
        record.dump(value, self._stage(stage))

    def load(self, stage: str, kind: type[T]) -> T | None:
        """Return a stage's result, or None when it has none yet.

        Raises
        ------
        IntegrityError
            When the saved bytes are damaged or of another type.
        """
        with suppress(NotFoundError):
            return record.load(self._stage(stage), kind)
        return None

    def stages(self) -> tuple[str, ...]:
        """List the stages that have a result, by name."""
        folder = self.folder / "stages"
        found = folder.glob("*.json") if folder.is_dir() else ()
        return tuple(sorted(path.stem for path in found if not path.name.startswith(".")))

    def finish(self) -> None:
        """End the job as Completed."""
        self._end(State.COMPLETED, {})

    def fail(self, reason: str, trace: str = "") -> None:
        """End the job as Failed, with the reason in words and the traceback for whoever looks closer."""
        self._end(State.FAILED, {"reason": reason, "traceback": trace})

    def stop(self, reason: str) -> None:
        """End the job as Stopped: it was asked to, or gave up, and what it has is not the whole work."""
        with self._lock:
            self._check()
            if self._claims.record().state is not State.STOPPING:
                self._claims.move(State.STOPPING, Line(self._clock(), "state", {"reason": reason}))
            self._end(State.STOPPED, {"reason": reason})

    def close(self) -> None:
        """Let the job go; if it is not over, anybody may resume it. Safe to call twice."""
        with self._lock:
            if not self._held:
                return
            try:
                self._ingest()
                self._claims.release()
            except (ConflictError, StorageError) as error:
                # Closing often follows another error, which must not be hidden; the lease runs out by itself.
                logger.warning("The %s %s was let go without a word to the store: %s", self.kind, self.name, error)
            self._held = False

    def beat(self) -> None:
        """Renew the lease and take in new events; the workspace calls this every few seconds."""
        with self._lock:
            if self._held:
                self._ingest()

    def _ingest(self) -> None:
        while True:
            start = self._ingested
            lines, end = events.read(self.folder, start)
            try:
                self._state, self._ingested = self._claims.keep(Batch(start, end, lines))
            except ConflictError:
                self._held = False
                raise
            if self._ingested == start:  # the file has no more
                self._kept = self._clock()
                return

    def _check(self) -> None:
        """Make sure that the job is still ours; after a suspension the lease may be gone without our knowing."""
        if not self._held:
            raise ConflictError(
                f"The {self.kind} {self.name} is no longer run by this process",
                why="it has ended, was let go, or another process took it over",
                fix=f"Open it again with resume({self.kind!r}, {self.name!r})",
            )
        if self._clock() - self._kept > LEASE_S / 2:
            self.beat()

    def _end(self, to: State, payload: dict[str, object]) -> None:
        with self._lock:
            self._check()
            self._ingest()  # what workers said belongs before the end
            self._claims.move(to, Line(self._clock(), "state", payload))
            self._held, self._state = False, to

    def _stage(self, stage: str) -> Path:
        with refusals("open the job's folder", self.folder):
            return contained(self.folder / "stages", valid_name(stage, "stage") + ".json")
