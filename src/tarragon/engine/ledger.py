"""What the store knows of jobs, and the few statements that change it.

Every function works inside the caller's transaction. A change of a job is one UPDATE that names what it must find
(the owner, the state); no row changed means somebody else was there first. That UPDATE also locks the row, so the
events written after it number themselves without gaps.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from tarragon.engine.events import Line
from tarragon.engine.identity import alive
from tarragon.engine.protocol import RUNNING, Event, JobRecord, State
from tarragon.engine.schema import events, jobs

WANTED = (State.PENDING, *RUNNING)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job's row as its owner sees it.

    Parameters
    ----------
    number : int
        The row's id.
    owner : str
    """

    number: int
    owner: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What lies between two bytes of a job's ``events.jsonl``."""

    start: int
    end: int
    lines: Sequence[Line] = ()


def insert(connection: sa.Connection, kind: str, name: str, spec: Mapping[str, object], now: float) -> int:
    """Add a job; raises ``sqlalchemy.exc.IntegrityError`` when the name is taken. Returns the row's number."""
    number = connection.execute(
        sa.insert(jobs)
        .values(
            kind=kind,
            name=name,
            state=State.PENDING.value,
            spec=spec,
            created=now,
            updated=now,
            owner="",
            lease_until=0.0,
            attempt=0,
            reason="",
            last_seq=0,
            ingested=0,
        )
        .returning(jobs.c.id)
    ).scalar_one()
    _tell(connection, int(number), [_state_line(State.PENDING, now)])
    return int(number)


def row(connection: sa.Connection, kind: str, name: str) -> sa.Row[Any] | None:
    """Find a job."""
    return connection.execute(sa.select(jobs).where(jobs.c.kind == kind, jobs.c.name == name)).one_or_none()


def kinds(connection: sa.Connection) -> tuple[str, ...]:
    """Name the kinds of which there are jobs."""
    return tuple(connection.scalars(sa.select(jobs.c.kind).distinct().order_by(jobs.c.kind)))


def names(connection: sa.Connection, kind: str) -> list[str]:
    """List the names of a kind, newest first, at most a thousand (for suggestions)."""
    found = sa.select(jobs.c.name).where(jobs.c.kind == kind).order_by(jobs.c.created.desc(), jobs.c.id.desc())
    return list(connection.scalars(found.limit(1000)))


def records(connection: sa.Connection, kind: str, now: float) -> tuple[JobRecord, ...]:
    """List the jobs of a kind, newest first."""
    found = sa.select(jobs).where(jobs.c.kind == kind).order_by(jobs.c.created.desc(), jobs.c.id.desc())
    return tuple(record(each, now) for each in connection.execute(found))


def record(found: sa.Row[Any], now: float) -> JobRecord:
    """Turn a row into a value."""
    state = State(found.state)
    return JobRecord(
        kind=found.kind,
        name=found.name,
        state=state,
        spec=found.spec,
        created=_iso(found.created),
        updated=_iso(found.updated),
        owner=found.owner,
        attempt=found.attempt,
        reason=found.reason,
        interrupted=not state.over and not owned(found, now),
    )


def owned(found: sa.Row[Any], now: float) -> bool:
    """Say whether somebody living holds the job: its lease runs, and its process is not known to be dead."""
    return bool(found.owner) and found.lease_until > now and alive(found.owner.rpartition("#")[0]) is not False


def claim(connection: sa.Connection, found: sa.Row[Any], owner: str, *, now: float, until: float) -> Claim | None:
    """Take a job over from exactly the holder that was seen; None when that changed meanwhile."""
    state = State.IN_PROGRESS if found.state == State.PENDING else State(found.state)
    taken = connection.execute(
        sa.update(jobs)
        .where(
            jobs.c.id == found.id,
            jobs.c.owner == found.owner,
            jobs.c.attempt == found.attempt,
            jobs.c.state == found.state,
            jobs.c.state.in_(WANTED),
        )
        .values(state=state.value, owner=owner, lease_until=until, attempt=found.attempt + 1, updated=now)
    )
    if taken.rowcount != 1:
        return None
    line = Line(now, "state", {"state": state.value, "owner": owner, "attempt": found.attempt + 1})
    _tell(connection, found.id, [line])
    return Claim(found.id, owner)


def keep(connection: sa.Connection, held: Claim, batch: Batch, *, until: float) -> tuple[State, int] | None:
    """Renew a lease and take in what workers wrote.

    Returns
    -------
    (State, int) or None
        The state, and the byte up to which events are in the store; None when the job is no longer ours. That byte is
        not the batch's end when the batch began elsewhere than the last one ended: it was not taken in then, and so
        never twice.
    """
    mine = (jobs.c.id == held.number, jobs.c.owner == held.owner)
    changed = connection.execute(
        sa.update(jobs)
        .where(*mine, jobs.c.ingested == batch.start)
        .values(lease_until=until, ingested=batch.end)
        .returning(jobs.c.state)
    ).one_or_none()
    if changed is not None:
        _tell(connection, held.number, batch.lines)
        return State(changed.state), batch.end
    found = connection.execute(sa.select(jobs.c.state, jobs.c.ingested).where(*mine)).one_or_none()
    return None if found is None else (State(found.state), found.ingested)


def move(connection: sa.Connection, held: Claim, to: State, line: Line) -> bool:
    """Change the state of a job we own; False when it is not ours or not in a state that leads there."""
    over = {"owner": "", "lease_until": 0.0} if to.over else {}
    return _moved(connection, jobs.c.id == held.number, to, line, more=(jobs.c.owner == held.owner,), over=over)


def ask(connection: sa.Connection, number: int, to: State, line: Line) -> bool:
    """Change the state of a job somebody else may own: how a stop is asked for."""
    return _moved(connection, jobs.c.id == number, to, line)


def release(connection: sa.Connection, held: Claim, now: float) -> None:
    """Let a job go unfinished, for anybody to resume."""
    connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == held.number, jobs.c.owner == held.owner)
        .values(owner="", lease_until=0.0, updated=now)
    )


def drop(connection: sa.Connection, number: int) -> None:
    """Forget a job and its events."""
    connection.execute(sa.delete(events).where(events.c.job == number))
    connection.execute(sa.delete(jobs).where(jobs.c.id == number))


def history(connection: sa.Connection, number: int, after: int = 0) -> tuple[Event, ...]:
    """List a job's events in order."""
    found = sa.select(events).where(events.c.job == number, events.c.seq > after).order_by(events.c.seq)
    return tuple(Event(each.seq, each.time, each.kind, each.payload) for each in connection.execute(found))


def _moved(
    connection: sa.Connection,
    which: sa.ColumnElement[bool],
    to: State,
    line: Line,
    *,
    more: Iterable[sa.ColumnElement[bool]] = (),
    over: Mapping[str, object] | None = None,
) -> bool:
    found = connection.execute(
        sa.update(jobs)
        .where(which, *more, jobs.c.state.in_(to.before))
        .values(state=to.value, updated=line.time, reason=str(line.payload.get("reason", "")), **(over or {}))
        .returning(jobs.c.id)
    ).one_or_none()
    if found is None:
        return False
    _tell(connection, found.id, [Line(line.time, "state", {"state": to.value, **line.payload})])
    return True


def _tell(connection: sa.Connection, number: int, lines: Sequence[Line]) -> None:
    if not lines:
        return
    last = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == number)
        .values(last_seq=jobs.c.last_seq + len(lines))
        .returning(jobs.c.last_seq)
    ).scalar_one()
    first = last - len(lines) + 1
    connection.execute(
        sa.insert(events),
        [
            {"job": number, "seq": first + place, "time": line.time, "kind": line.kind, "payload": line.payload}
            for place, line in enumerate(lines)
        ],
    )


def _state_line(state: State, now: float) -> Line:
    return Line(now, "state", {"state": state.value})


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
