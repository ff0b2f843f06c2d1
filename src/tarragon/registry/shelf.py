"""What the store knows of packages and the audit log, and the few statements that change it.

Every function works inside the caller's transaction. Those that write must hold the store's "audit" word
(``store.begin(only="audit")``): version numbers and the chain have one writer at a time.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from tarragon.engine import audit, packages
from tarragon.errors import ConflictError
from tarragon.registry.audit import Act, Entry, iso, seal
from tarragon.registry.protocol import Approval, Package

REFERENCE = "reference"  # among a row's facts, the manifest of one as text: its hash is over these very bytes


def insert(connection: sa.Connection, package: Package, now: float, manifest: str = "") -> None:
    """Add a version; its number must be the one :func:`next_version` gave in this transaction, or 0.

    ``manifest`` is a reference's; a folder's lies beside its files. Raises ``ConflictError`` when the number is taken.
    """
    if find(connection, package.group, package.version):
        raise ConflictError(f"There is {package.name} already", fix="Choose another name, or delete that one first")
    connection.execute(
        sa.insert(packages).values(
            group=package.group,
            version=package.version,
            manifest={**_facts(package), **({REFERENCE: manifest} if manifest else {})},
            approval=package.approval.value,
            reason=package.reason,
            created=now,
            updated=now,
        )
    )


def take_away(connection: sa.Connection, package: Package) -> bool:
    """Remove a version; the audit log must say so in this transaction. False when it is gone already."""
    return connection.execute(sa.delete(packages).where(*_is(package))).rowcount == 1


def amend(connection: sa.Connection, package: Package, manifest: str, now: float) -> bool:
    """Replace the manifest of exactly the reference that was seen; False when it changed meanwhile."""
    row = connection.execute(sa.select(packages.c.manifest).where(*_is(package))).one_or_none()
    if row is None:
        return False
    facts = {**_facts(package), REFERENCE: manifest}
    changed = connection.execute(sa.update(packages).where(*_is(package)).values(manifest=facts, updated=now))
    return changed.rowcount == 1


def reference(connection: sa.Connection, package: Package) -> str:
    """Read the manifest of a reference as it was written; "" when there is none."""
    found = connection.scalar(sa.select(packages.c.manifest).where(*_is(package)))
    return str((found or {}).get(REFERENCE, ""))


def next_version(connection: sa.Connection, group: str) -> int:
    """Return the number after the largest there ever was: the audit log remembers versions that were taken away."""
    largest = connection.scalar(sa.select(sa.func.max(packages.c.version)).where(packages.c.group == group)) or 0
    said = connection.scalars(
        sa.select(audit.c.subject).where(audit.c.subject.startswith(f"{group}/", autoescape=True))
    )
    return 1 + max([int(largest), *(int(subject.rpartition("/")[2]) for subject in said)])


def decide(connection: sa.Connection, package: Package, approval: Approval, reason: str, now: float) -> Package | None:
    """Change the approval of exactly the version that was seen; None when it changed meanwhile."""
    changed = connection.execute(
        sa.update(packages)
        .where(*_is(package), packages.c.approval == package.approval.value)
        .values(approval=approval.value, reason=reason, updated=now)
    )
    return replace(package, approval=approval, reason=reason) if changed.rowcount == 1 else None


def find(
    connection: sa.Connection, group: str | None = None, version: int | None = None, approval: Approval | None = None
) -> tuple[Package, ...]:
    """List versions: groups by name, newest version first."""
    wanted = sa.select(packages).order_by(packages.c.group, packages.c.version.desc())
    if group is not None:
        wanted = wanted.where(packages.c.group == group)
    if version is not None:
        wanted = wanted.where(packages.c.version == version)
    if approval is not None:
        wanted = wanted.where(packages.c.approval == approval.value)
    return tuple(_package(row) for row in connection.execute(wanted))


def groups(connection: sa.Connection) -> list[str]:
    """List the names of all models."""
    return list(connection.scalars(sa.select(packages.c.group).distinct().order_by(packages.c.group)))


def append(connection: sa.Connection, act: Act) -> Entry:
    """Write the next line of the audit log."""
    found = connection.execute(sa.select(audit).order_by(audit.c.seq.desc()).limit(1)).one_or_none()
    entry = seal(act, None if found is None else _entry(found))
    connection.execute(
        sa.insert(audit).values(
            seq=entry.number,
            time=act.time,
            actor=act.who,
            action=act.action,
            subject=act.subject,
            payload={"reason": act.reason, "evidence": act.evidence},
            previous_sha256=entry.previous,
            sha256=entry.sha256,
        )
    )
    return entry


def entries(connection: sa.Connection, subject: str | None = None) -> tuple[Entry, ...]:
    """List the audit log in order, of one version or all."""
    wanted = sa.select(audit).order_by(audit.c.seq)
    if subject is not None:
        wanted = wanted.where(audit.c.subject == subject)
    return tuple(_entry(row) for row in connection.execute(wanted))


def _is(package: Package) -> tuple[sa.ColumnElement[bool], ...]:
    return (packages.c.group == package.group, packages.c.version == package.version)


def _facts(package: Package) -> Mapping[str, object]:
    """Gather what is kept of a package beside its name and state."""
    return {
        "uri": package.uri,
        "sha256": package.sha256,
        "size_bytes": package.size_bytes,
        "task": package.task,
        "target": package.target,
        "metric": package.metric,
        "score": package.score,
        "low": package.low,
        "high": package.high,
        "lineage": dict(package.lineage),
    }


def _package(row: sa.Row[Any]) -> Package:
    facts = dict(row.manifest)
    return Package(
        group=row.group,
        version=row.version,
        approval=Approval(row.approval),
        created=iso(row.created),
        reason=row.reason,
        reference=facts.pop(REFERENCE, None) is not None,
        **facts,
    )


def _entry(row: sa.Row[Any]) -> Entry:
    act = Act(row.time, row.actor, row.action, row.subject, row.payload["reason"], row.payload["evidence"])
    return Entry(row.seq, act, row.previous_sha256, row.sha256)
