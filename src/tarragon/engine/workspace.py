"""The workspace: one home with its store and objects, and the jobs in it.

Several processes may share a home. Each job is run by one of them at a time, the one that holds its lease; what a
dead one left can be picked up by any other, what a living one runs is left alone.
"""

import itertools
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from tarragon.engine import ledger
from tarragon.engine.disk import flush, refusals, remove, sweep
from tarragon.engine.events import Line
from tarragon.engine.identity import described, myself
from tarragon.engine.job import BEAT_S, LEASE_S, Identity, Job
from tarragon.engine.layout import contained, valid_name
from tarragon.engine.layout import home as default_home
from tarragon.engine.protocol import Event, JobRecord, State
from tarragon.engine.store import Store
from tarragon.errors import ConflictError, NotFoundError, TarragonError, near_miss

if TYPE_CHECKING:
    from tarragon.engine.objects import Objects

logger = logging.getLogger(__name__)
TRASH = ".trash"
_numbers = itertools.count(1)


class Workspace:
    """A home that is open; make it with :meth:`open`, close it or use it as a context manager.

    Attributes
    ----------
    home : Path
    store : Store
    """

    def __init__(self, home: Path, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.home, self.store, self._clock = home, store, clock
        self._held: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._heart: threading.Thread | None = None

    @classmethod
    def open(
        cls, home: Path | None = None, *, url: str | None = None, clock: Callable[[], float] = time.time
    ) -> "Workspace":
        """Open a home, making it if it is new.

        Parameters
        ----------
        home : Path, optional
            Its folder; :func:`tarragon.engine.home` by default.
        url : str, optional
            Of the store: ``postgresql://…``; ``$TARRAGON_STORE`` by default, else SQLite inside the home.
        clock : callable
            Seconds since 1970.

        Raises
        ------
        StorageError
            When the folder or the store cannot be used.
        """
        folder = Path(home or default_home()).absolute()
        with refusals("open Tarragon's home", folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "jobs").mkdir(exist_ok=True)
        here = sa.URL.create("sqlite", database=str(folder / "tarragon.db"))
        return cls(folder, Store(url or os.environ.get("TARRAGON_STORE") or here), clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    @property
    def objects(self) -> "Objects":
        """The object store: what ``s3://`` means here; elsewhere if ``$TARRAGON_OBJECTS`` gives a URL."""
        from tarragon.engine.objects import Objects, object_root

        return Objects(object_root(self.home))

    def start(self, kind: str, name: str, spec: Mapping[str, object]) -> Job:
        """Record a new job and run it in this process.

        Parameters
        ----------
        kind : str
            "develop", "training".
        name : str
            Unique within the kind.
        spec : mapping
            What is asked for, kept with the job.

        Raises
        ------
        ConflictError
            When the name is taken.
        ParameterError
            When the kind or name is no name, or the spec holds what cannot be kept.
        """
        folder = self._folder(kind, name)
        now = self._clock()
        try:
            with self.store.begin() as connection:
                ledger.insert(connection, kind, name, spec, now)
                self._discard(folder)  # debris without a record
                self._make(folder)
                return self._claim(connection, kind, name)
        except sa.exc.IntegrityError:
            taken = self.job(kind, name)
        raise ConflictError(
            f"There is a {kind} called {name} already",
            why=f"it is {taken.state.value}{' but interrupted' if taken.interrupted else ''}",
            fix="Resume it, or choose another name" if taken.interrupted else "Choose another name, or delete it first",
        )

    def resume(self, kind: str, name: str) -> Job:
        """Take over a job whose owner let it go or died.

        Raises
        ------
        NotFoundError
            When there is no such job.
        ConflictError
            When somebody living runs it, or it is over.
        """
        folder = self._folder(kind, name)
        with self.store.begin() as connection:
            found = self._row(connection, kind, name)
            state = State(found.state)
            if state.over:
                raise ConflictError(
                    f"The {kind} {name} cannot be resumed", why=f"it is {state.value}", fix="Start one under a new name"
                )
            if ledger.owned(found, self._clock()):
                holder = described(found.owner.rpartition("#")[0])
                raise ConflictError(
                    f"The {kind} {name} is being run by {holder}",
                    why=f"it was heard of less than {LEASE_S:.0f} s ago",
                    fix=f"Wait for it to end, or end {holder} first",
                )
            self._make(folder)
            sweep(folder / "stages")
            return self._claim(connection, kind, name)

    def job(self, kind: str, name: str) -> JobRecord:
        """Look a job up. Raises ``NotFoundError`` with near misses."""
        with self.store.read() as connection:
            return ledger.record(self._row(connection, kind, name), self._clock())

    def jobs(self, kind: str) -> tuple[JobRecord, ...]:
        """List the jobs of a kind, newest first."""
        with self.store.read() as connection:
            return ledger.records(connection, kind, self._clock())

    def kinds(self) -> tuple[str, ...]:
        """Name the kinds of which there are jobs."""
        with self.store.read() as connection:
            return ledger.kinds(connection)

    def events(self, kind: str, name: str, *, after: int = 0) -> tuple[Event, ...]:
        """List a job's events in order, those numbered above ``after``, whoever runs it."""
        with self.store.read() as connection:
            return ledger.history(connection, self._row(connection, kind, name).id, after)

    def folder(self, kind: str, name: str) -> Path:
        """Say where an existing job keeps its files. Raises ``NotFoundError`` with near misses."""
        self.job(kind, name)
        return self._folder(kind, name)

    def ask_stop(self, kind: str, name: str, reason: str = "asked to stop") -> JobRecord:
        """Ask whoever runs a job to end it soon; its :attr:`Job.stop_asked` becomes true within seconds.

        Raises
        ------
        ConflictError
            When it is over already.
        """
        with self.store.begin() as connection:
            found = self._row(connection, kind, name)
            line = Line(self._clock(), "state", {"reason": reason})
            if found.state != State.STOPPING and not ledger.ask(connection, found.id, State.STOPPING, line):
                raise ConflictError(
                    f"The {kind} {name} cannot be stopped", why=f"it is {found.state}", fix="Nothing to do"
                )
        return self.job(kind, name)

    def delete(self, kind: str, name: str) -> None:
        """Forget a job and remove its folder.

        Raises
        ------
        NotFoundError
            When there is no such job.
        ConflictError
            When somebody living runs it.
        """
        folder = self._folder(kind, name)
        with self.store.begin() as connection:
            found = self._row(connection, kind, name)
            if not State(found.state).over and ledger.owned(found, self._clock()):
                raise ConflictError(
                    f"The {kind} {name} cannot be deleted",
                    why=f"{described(found.owner.rpartition('#')[0])} is running it",
                    fix="Stop it first",
                )
            ledger.drop(connection, found.id)
            self._discard(folder)  # out of the way before the name is free again
        for trashed in (self.home / "jobs" / TRASH).glob("*"):  # also what a killed process had no time to remove
            remove(trashed)

    def close(self) -> None:
        """Let every job go that this workspace runs, and close the store. Safe to call twice."""
        self._closing.set()
        with self._lock:
            heart, jobs = self._heart, list(self._held.values())
        if heart is not None and heart is not threading.current_thread():
            heart.join()
        for job in jobs:
            job.close()
        self.store.close()

    def _claim(self, connection: sa.Connection, kind: str, name: str) -> Job:
        """Take the job inside the caller's transaction; the lease counts once that commits."""
        now = self._clock()
        found = self._row(connection, kind, name)
        owner = f"{myself()}#{next(_numbers)}-{secrets.token_hex(4)}"
        held = ledger.claim(connection, found, owner, now=now, until=now + LEASE_S)
        if held is None:
            raise ConflictError(
                f"The {kind} {name} was taken by another process", why="it was quicker", fix="Let it run, or try again"
            )
        claims = _Claims(self, held, kind, name)
        job = Job(Identity(kind, name, self._folder(kind, name), found.ingested), claims, self._clock)
        with self._lock:
            self._held[owner] = job
            if self._heart is None:
                self._heart = threading.Thread(target=self._beat, name="tarragon-heartbeat", daemon=True)
                self._heart.start()
        return job

    def _beat(self) -> None:
        while not self._closing.wait(BEAT_S):
            with self._lock:
                self._held = {owner: job for owner, job in self._held.items() if job.held}
                jobs = list(self._held.values())
            for job in jobs:
                try:
                    job.beat()
                except ConflictError as error:
                    logger.warning("%s", error)
                except (TarragonError, OSError) as error:
                    logger.warning("The heartbeat of %s %s failed and is tried again: %s", job.kind, job.name, error)

    def _row(self, connection: sa.Connection, kind: str, name: str) -> "sa.Row[tuple[object, ...]]":
        found = ledger.row(connection, kind, name)
        if found is None:
            known = ledger.names(connection, kind)
            raise NotFoundError(
                f'There is no {kind} called "{name[:80]}"',
                why=f"this home has {len(known) or 'none'} of that kind"
                if known
                else f"no {kind} was ever started here",
                fix=near_miss(name, known) if known else "",
            )
        return found

    def _folder(self, kind: str, name: str) -> Path:
        return contained(self.home / "jobs", f"{valid_name(kind, 'kind')}/{valid_name(name)}")

    def _make(self, folder: Path) -> None:
        with refusals("make the job's folder", folder):
            (folder / "stages").mkdir(parents=True, exist_ok=True)
            for each in (folder, folder.parent, folder.parent.parent):
                flush(each)

    def _discard(self, folder: Path) -> None:
        """Move a folder out of sight in one step, so that its name can be used again at once."""
        trashed = self.home / "jobs" / TRASH / secrets.token_hex(8)
        with refusals("move a job's folder away", folder):
            if folder.exists():
                trashed.parent.mkdir(exist_ok=True)
                os.replace(folder, trashed)


class _Claims:
    """A job's line to the store: each call one transaction that only succeeds for the job's holder."""

    def __init__(self, workspace: Workspace, held: ledger.Claim, kind: str, name: str) -> None:
        self._workspace, self._held, self._kind, self._name = workspace, held, kind, name

    def keep(self, batch: ledger.Batch) -> tuple[State, int]:
        until = self._workspace._clock() + LEASE_S
        with self._workspace.store.begin() as connection:
            kept = ledger.keep(connection, self._held, batch, until=until)
        if kept is None:
            raise self._lost()
        return kept

    def move(self, to: State, line: Line) -> None:
        with self._workspace.store.begin() as connection:
            moved = ledger.move(connection, self._held, to, line)
        if not moved:
            now = self.record()
            if now.owner != self._held.owner:
                raise self._lost()
            raise ConflictError(
                f"The {self._kind} {self._name} cannot become {to.value}",
                why=f"it is {now.state.value}, and {to.value} follows {', '.join(s.value for s in to.before)}",
                fix="Look at its record first",
            )

    def release(self) -> None:
        with self._workspace.store.begin() as connection:
            ledger.release(connection, self._held, self._workspace._clock())

    def record(self) -> JobRecord:
        return self._workspace.job(self._kind, self._name)

    def history(self) -> tuple[Event, ...]:
        return self._workspace.events(self._kind, self._name)

    def _lost(self) -> ConflictError:
        return ConflictError(
            f"The {self._kind} {self._name} was taken over by another process",
            why="it was not heard of for too long",
            fix="Let the other one finish; this one cannot write to the job any more",
        )
