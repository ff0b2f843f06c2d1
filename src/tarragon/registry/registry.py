"""The registry: finished models with names, versions that never change, approval, lineage and an audit log.

A registration copies the files under a hidden name and flushes them, then, in one transaction, takes the next version
number, moves the folder into place, and writes the version's row and its audit entry. Only a committed row makes a
package visible, so a process killed at any moment leaves either a whole package or none.
"""

import getpass
import time
from collections.abc import Callable
from pathlib import Path

from tarragon.engine import Workspace, remove, valid_name
from tarragon.errors import ConflictError, IntegrityError, NotFoundError, ParameterError, near_miss
from tarragon.registry import files, shelf
from tarragon.registry.audit import Act, Entry, faults, iso
from tarragon.registry.manifest import MANIFEST, Manifest, PackageFacts, describe, file_faults, file_sha256, read
from tarragon.registry.protocol import Approval, Package

BUCKET = "registry"
MAKING = ".making"  # beside the buckets, where the object store keeps unfinished writes too
REGISTER, APPROVE, REJECT = "register", "approve", "reject"
STATE_AFTER = {
    REGISTER: Approval.PENDING,
    APPROVE: Approval.APPROVED,
    REJECT: Approval.REJECTED,
}
# Nothing goes back to pending, and a state is not entered twice: each entry of the log is a decision.
ALLOWED = {
    Approval.PENDING: (Approval.APPROVED, Approval.REJECTED),
    Approval.APPROVED: (Approval.REJECTED,),
    Approval.REJECTED: (Approval.APPROVED,),
}


class Registry:
    """Packages of a workspace.

    Parameters
    ----------
    workspace : Workspace
    clock : callable
        Seconds since 1970.

    Notes
    -----
    Names are ``group/version``, ``group`` (the latest version) or ``group@approved`` (the latest approved one).
    """

    def __init__(self, workspace: Workspace, *, clock: Callable[[], float] = time.time) -> None:
        self._store = workspace.store
        self._root = workspace.home / "objects" / BUCKET
        self._clock = clock

    def register(self, folder: Path, facts: PackageFacts) -> Package:
        """Make the next version of a model from a folder of files.

        Parameters
        ----------
        folder : Path
            The model as it was saved; it is copied, and may be removed afterwards.
        facts : PackageFacts

        Raises
        ------
        DataError
            If the folder is empty or holds a file whose format is not allowed.
        ParameterError
            If the group's name is none.
        """
        group = valid_name(facts.group, "model name")
        manifest = describe(folder, facts)
        staged = files.stage(self._root.with_name(MAKING), folder, manifest)
        try:
            with self._store.begin(only="audit") as connection:
                now = self._clock()
                version = shelf.next_version(connection, group)
                package = Package(
                    group=group,
                    version=version,
                    approval=Approval.PENDING,
                    created=iso(now),
                    uri=f"s3://{BUCKET}/{group}/{version}",
                    sha256=file_sha256(staged / MANIFEST),
                    size_bytes=manifest.size_bytes,
                    task=facts.task,
                    target=facts.target,
                    metric=facts.metric,
                    score=facts.score,
                    low=facts.low,
                    high=facts.high,
                    lineage=dict(facts.lineage),
                )
                shelf.insert(connection, package, now)
                shelf.append(connection, Act(now, _actor(facts.actor), REGISTER, package.name, "", package.sha256))
                files.place(staged, self._folder(package))
        except BaseException:
            remove(staged)
            raise
        return package

    def list(self, group: str | None = None) -> tuple[Package, ...]:
        """List versions: models by name, newest version first. Raises ``NotFoundError`` for a group without any."""
        with self._store.read() as connection:
            found = shelf.find(connection, group)
            known = shelf.groups(connection)
        if group is not None and not found:
            raise _no_group(group, known)
        return found

    def show(self, name: str) -> Package:
        """Find one version by name.

        Raises
        ------
        NotFoundError
            If there is none, naming what was probably meant.
        """
        group, version, approved = _parts(name)
        found = self.list(group)
        if version is not None:
            chosen = [package for package in found if package.version == version]
            fix = f"{group} has versions {', '.join(str(package.version) for package in reversed(found))}"
        else:
            chosen = [package for package in found if not approved or package.approval is Approval.APPROVED]
            fix = f'`tarragon registry approve {found[0].name} --reason "…"` approves the latest'
        if not chosen:
            why = f"Version {version} was never registered" if version else "None of its versions is approved"
            raise NotFoundError(f"There is no {name!r}", why=why, fix=fix)
        return chosen[0]

    def approve(self, name: str, reason: str, actor: str = "") -> Package:
        """Approve a version that is pending or rejected.

        Parameters
        ----------
        name : str
        reason : str
            Kept in the audit log; not empty.
        actor : str
            Who decides; "" is the user who is logged in.

        Raises
        ------
        ConflictError
            If it is approved already, or changed meanwhile.
        """
        return self._decide(name, APPROVE, reason, actor)

    def reject(self, name: str, reason: str, actor: str = "") -> Package:
        """Reject a version that is pending or approved; as :meth:`approve`."""
        return self._decide(name, REJECT, reason, actor)

    def open(self, name: str) -> Path:
        """Return the folder of a version after checking every byte of it.

        Raises
        ------
        IntegrityError
            If a file is missing, changed or was added; the error names it.
        """
        package = self.show(name)
        faulty = self._faults(package)
        if faulty:
            raise IntegrityError(
                f"{package.name} is not what was registered",
                why="; ".join(faulty),
                fix="Restore the files from a backup, or use another version; `tarragon registry verify` checks all",
            )
        return self._folder(package)

    def manifest(self, name: str) -> Manifest:
        """Read a version's manifest: columns, classes, files. Raises ``IntegrityError`` if it changed."""
        package = self.show(name)
        path = self._folder(package) / MANIFEST
        if not path.is_file() or file_sha256(path) != package.sha256:
            raise IntegrityError(
                f"{package.name} is not what was registered",
                why=f"{MANIFEST} is {'changed' if path.is_file() else 'missing'}",
                fix="Restore it from a backup, or use another version",
            )
        return read(path.read_bytes(), package.name)

    def history(self, name: str) -> tuple[Entry, ...]:
        """List what was done to a version, oldest first."""
        package = self.show(name)
        with self._store.read() as connection:
            return shelf.entries(connection, package.name)

    def lineage(self, name: str) -> tuple[Package, ...]:
        """Follow ``lineage["parent"]`` from a version to its oldest ancestor; the version itself comes first."""
        line = [self.show(name)]
        while (parent := line[-1].lineage.get("parent", "")) and parent not in {package.name for package in line}:
            line.append(self.show(parent))
        return tuple(line)

    def verify(self) -> tuple[str, ...]:
        """Check everything: each file of each version, and the audit log. Each fault is one sentence."""
        broken = [f"{package.name}: {fault}" for package in self.list() for fault in self._faults(package)]
        return (*broken, *self.verify_audit())

    def verify_audit(self) -> tuple[str, ...]:
        """Check the audit log's chain, and that it tells the same story as the packages do."""
        with self._store.read() as connection:
            log = shelf.entries(connection)
            packages = {package.name: package for package in shelf.find(connection)}
        told = {entry.act.subject: entry.act for entry in log}  # the last act on each version
        registered = {entry.act.subject: entry.act.evidence for entry in log if entry.act.action == REGISTER}
        found = list(faults(log))
        for name, package in packages.items():
            if name not in registered:
                found.append(f"{name} is registered but the audit log does not say so")
            elif registered[name] != package.sha256:
                found.append(f"{name} has another manifest than the one that was registered")
            elif STATE_AFTER.get(told[name].action) is not package.approval:
                found.append(f"{name} is {package.approval.value} but the audit log ends with {told[name].action}")
        found += [f"{name} was registered but is gone" for name in registered if name not in packages]
        return tuple(found)

    def _decide(self, name: str, action: str, reason: str, actor: str) -> Package:
        if not reason.strip():
            raise ParameterError(f"Cannot {action} {name} without a reason", fix="Say why, in a few words")
        package = self.show(name)
        wanted = STATE_AFTER[action]
        if wanted not in ALLOWED[package.approval]:
            raise ConflictError(
                f"{package.name} cannot be {wanted.value.lower()}",
                why=f"It is {package.approval.value} already",
                fix=f"`tarragon registry show {package.name}` tells who decided and why",
            )
        with self._store.begin(only="audit") as connection:
            now = self._clock()
            decided = shelf.decide(connection, package, wanted, reason.strip(), now)
            if decided is None:
                raise ConflictError(
                    f"{package.name} changed meanwhile",
                    why=f"It is no longer {package.approval.value}",
                    fix="Look at it again and decide anew",
                )
            shelf.append(connection, Act(now, _actor(actor), action, package.name, reason.strip(), package.sha256))
        return decided

    def _folder(self, package: Package) -> Path:
        return self._root / package.group / str(package.version)

    def _faults(self, package: Package) -> tuple[str, ...]:
        folder = self._folder(package)
        path = folder / MANIFEST
        if not path.is_file():
            return (f"{MANIFEST} is missing",)
        if file_sha256(path) != package.sha256:
            return (f"{MANIFEST} is not what was registered",)
        return file_faults(folder, read(path.read_bytes(), package.name))


def _parts(name: str) -> tuple[str, int | None, bool]:
    """Read a name: group, version if one is named, and whether it must be approved."""
    group, at, state = name.partition("@")
    group, slash, version = group.partition("/")
    digits = version.isascii() and version.isdigit()
    if (slash and not digits) or (at and (slash or state != "approved")):
        raise ParameterError(
            f"{name!r} names no version",
            why="A name is a model's, with /VERSION for one version or @approved for the latest approved one",
            fix=f"Write for example {group or 'churn'}/1, {group or 'churn'} or {group or 'churn'}@approved",
        )
    return group, int(version) if digits else None, bool(at)


def _actor(named: str) -> str:
    if named.strip():
        return named.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user: a container that runs under a bare number
        return "unknown"


def _no_group(group: str, known: "list[str]") -> NotFoundError:
    return NotFoundError(
        f"There is no model {group!r}",
        why="Nothing was registered under that name" if known else "Nothing is registered yet",
        fix=near_miss(group, known) if known else "`tarragon develop TABLE --target COLUMN` registers what it makes",
    )
