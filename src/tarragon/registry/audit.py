"""The audit log: who did what to which version, when and why, in a chain where every entry seals the one before.

Mathematics only; ``shelf.py`` keeps the entries. Changing, removing or reordering an entry breaks every hash after it.
Cutting entries off the end is found by comparing with the packages themselves (``Registry.verify_audit``).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

GENESIS = "0" * 64  # what the first entry seals
REGISTER, AMEND, DELETE = "register", "amend", "delete"  # beside the decisions, see protocol.ACTION


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done to a version.

    Parameters
    ----------
    time : float
        Seconds since 1970.
    who : str
    action : {"register", "approve", "reject", "reopen", "amend", "delete"}
    subject : str
        ``group/version``.
    reason : str
    evidence : str
        SHA-256 of the package manifest.
    """

    time: float
    who: str
    action: str
    subject: str
    reason: str
    evidence: str

    @property
    def when(self) -> str:
        """ISO 8601, UTC."""
        return iso(self.time)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    Parameters
    ----------
    number : int
        From 1, without gaps.
    act : Act
    previous, sha256 : str
        Hash of the entry before and of this one.
    """

    number: int
    act: Act
    previous: str
    sha256: str


def seal(act: Act, last: Entry | None) -> Entry:
    """Make the entry that follows ``last`` (None for the first)."""
    number, previous = (1, GENESIS) if last is None else (last.number + 1, last.sha256)
    return Entry(number, act, previous, digest(number, previous, act))


def digest(number: int, previous: str, act: Act) -> str:
    """SHA-256 of an entry as a JSON list: unambiguous, whatever the words hold.

    Examples
    --------
    >>> act = Act(0.0, "ada", "approve", "churn/1", "holds up", "")
    >>> digest(1, GENESIS, act) == hashlib.sha256(json.dumps(
    ...     [1, GENESIS, 0.0, "ada", "approve", "churn/1", "holds up", ""]).encode()).hexdigest()
    True
    """
    words = [number, previous, float(act.time), act.who, act.action, act.subject, act.reason, act.evidence]
    return hashlib.sha256(json.dumps(words, ensure_ascii=True).encode()).hexdigest()


def faults(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Check a chain from its first entry; each fault is one sentence, none means it is whole."""
    found = []
    previous, number = GENESIS, 0
    for entry in entries:
        number += 1
        if entry.number != number:
            found.append(f"Entry {number} is missing: the log goes on with {entry.number}")
            number = entry.number
        elif entry.previous != previous:
            found.append(f"Entry {entry.number} does not follow the entry before it")
        if entry.sha256 != digest(entry.number, entry.previous, entry.act):
            found.append(
                f"Entry {entry.number} ({entry.act.action} {entry.act.subject}) was changed after it was written"
            )
        previous = entry.sha256
    return tuple(found)


def story(log: Iterable[Entry]) -> tuple[dict[str, str], dict[str, str]]:
    """Tell what a log says is there: the manifest hash of each version, and the last decision about it."""
    evidence: dict[str, str] = {}
    decided: dict[str, str] = {}
    for act in (entry.act for entry in log):
        if act.action == DELETE:
            evidence.pop(act.subject, None)
        elif act.action in (REGISTER, AMEND):
            evidence[act.subject] = act.evidence
        if act.action != AMEND:
            decided[act.subject] = act.action
    return evidence, decided


def iso(seconds: float) -> str:
    """Write a time as ISO 8601, UTC.

    Examples
    --------
    >>> iso(0.5)
    '1970-01-01T00:00:00.500Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
