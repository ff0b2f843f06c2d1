"""The registry: finished models with names, versions that never change, approval, lineage and an audit log.

A registration copies the files under a hidden name and flushes them, then, in one transaction, takes the next version
number, moves the folder into place, and writes the version's row and its audit entry. Only a committed row makes a
package visible, so a process killed at any moment leaves either a whole package or none. A reference is the same
without a folder: its manifest is in the row, and says what the objects it names were.
"""

import getpass
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from tarragon.engine import Workspace, remove
from tarragon.errors import ConflictError, DataError, IntegrityError, NotFoundError, ParameterError, near_miss
from tarragon.registry import files, shelf
from tarragon.registry.audit import AMEND, DELETE, REGISTER, Act, Entry, faults, iso, story
from tarragon.registry.manifest import MANIFEST, Manifest, PackageFacts, describe, file_faults, file_sha256, read
from tarragon.registry.name import parts, qualified
from tarragon.registry.protocol import ACTION, STATE_AFTER, Approval, Package
from tarragon.registry.reference import Reference, describe_reference, object_faults, referring

BUCKET = "registry"
MAKING = ".making"  # beside the buckets, where the object store keeps unfinished writes too
# What people say natively: nothing goes back to pending, and a state is not entered twice. See docs/decisions/0020.
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
        self._workspace = workspace
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
        group = qualified(facts.group)
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

    def register_reference(self, reference: Reference) -> Package:
        """Make the next version of a model whose files stay where they are in the object store.

        Raises
        ------
        DataError
            If there is nothing where a URI points.
        ConflictError
            If it is to be the only one of its name, and there is one.
        ParameterError
            If the name or a URI is none.
        """
        group = qualified(reference.group, reference.realm)
        manifest = describe_reference(
            reference.specification, reference.uris, reference.lineage, self._workspace.objects
        )
        with self._store.begin(only="audit") as connection:
            now = self._clock()
            package = referring(group, manifest, iso(now))
            if reference.versioned:
                package = replace(package, version=shelf.next_version(connection, group))
            actor = _actor(reference.actor)
            shelf.insert(connection, package, now, manifest.dump().decode())
            shelf.append(connection, Act(now, actor, REGISTER, package.name, "", package.sha256))
            if reference.approval is not Approval.PENDING:
                reason, action = reference.reason.strip(), ACTION[reference.approval]
                package = _seen(shelf.decide(connection, package, reference.approval, reason, now), package)
                shelf.append(connection, Act(now, actor, action, package.name, reason, package.sha256))
        return package

    def amend(
        self, package: Package, specification: Mapping[str, object], uris: Iterable[str], actor: str = ""
    ) -> Package:
        """Say anew how a reference is served; the audit log keeps the hash of what it was and what it is.

        Objects that were named before stay as they were recorded. Raises ``ConflictError`` when the package is not
        the one that was seen any more.
        """
        old = self.manifest(package.name)
        manifest = describe_reference(specification, uris, old.lineage, self._workspace.objects, old.objects)
        with self._store.begin(only="audit") as connection:
            now = self._clock()
            current = next(iter(shelf.find(connection, package.group, package.version)), None)
            if current is None or current.sha256 != package.sha256 or not package.reference:
                raise _changed(package)
            new = referring(package.group, manifest, package.created)
            new = replace(current, sha256=new.sha256, size_bytes=new.size_bytes, uri=new.uri)
            shelf.amend(connection, new, manifest.dump().decode(), now)
            shelf.append(connection, Act(now, _actor(actor), AMEND, package.name, "", new.sha256))
        return new

    def remove(self, name: str, actor: str = "") -> None:
        """Take a version away for good: its number is not used again, and the audit log goes on knowing it."""
        package = self.show(name)
        with self._store.begin(only="audit") as connection:
            if not shelf.take_away(connection, package):
                raise _changed(package)
            shelf.append(connection, Act(self._clock(), _actor(actor), DELETE, package.name, "", package.sha256))
        if not package.reference:
            remove(self._folder(package))

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
        group, version, approved = parts(name)
        found = self.list(group)
        if version is not None:
            chosen = [package for package in found if package.version == version]
            fix = f"{group} has versions {', '.join(str(package.version) for package in reversed(found))}"
        else:
            chosen = [package for package in found if not approved or package.approval is Approval.APPROVED]
            fix = f'`tarragon registry approve {found[0].name} --reason "…"` approves the latest'
        if not chosen:
            why = "None of its versions is approved" if version is None else f"There is no version {version}"
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
        return self._decide(name, Approval.APPROVED, reason, actor)

    def reject(self, name: str, reason: str, actor: str = "") -> Package:
        """Reject a version that is pending or approved; as :meth:`approve`."""
        return self._decide(name, Approval.REJECTED, reason, actor)

    def decide(self, name: str, approval: Approval, reason: str = "", actor: str = "") -> Package:
        """Decide as a face lets its clients: also back to pending, and again with another reason.

        Nothing is written when that is how things stand already.
        """
        package = self.show(name)
        if approval is package.approval and reason.strip() in ("", package.reason):
            return package
        return self._written(package, approval, reason, actor)

    def open(self, name: str) -> Path:
        """Return the folder of a version after checking every byte of it.

        Raises
        ------
        IntegrityError
            If a file is missing, changed or was added; the error names it.
        DataError
            If it is a reference, which has no folder; see :meth:`checked`.
        """
        package = self.show(name)
        self._check(package)
        if package.reference:
            raise DataError(
                f"{package.name} has no files of its own",
                why=f"it refers to {package.uri or 'a serving specification'}",
                fix="Deploy it to an endpoint, or name a model that `tarragon develop` made",
            )
        return self._folder(package)

    def checked(self, name: str) -> Manifest:
        """Read a version's manifest after checking every byte it speaks of. Raises ``IntegrityError``."""
        package = self.show(name)
        self._check(package)
        return self.manifest(package.name)

    def manifest(self, name: str) -> Manifest:
        """Read a version's manifest: columns, classes, files. Raises ``IntegrityError`` if it changed."""
        package = self.show(name)
        if package.reference:
            return self._referred(package)
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
        evidence, decided = story(log)
        found = list(faults(log))
        for name, package in packages.items():
            if name not in evidence:
                found.append(f"{name} is registered but the audit log does not say so")
            elif evidence[name] != package.sha256:
                found.append(f"{name} has another manifest than the one that was registered")
            elif STATE_AFTER.get(decided[name]) is not package.approval:
                found.append(f"{name} is {package.approval.value} but the audit log ends with {decided[name]}")
        found += [f"{name} was registered but is gone" for name in evidence if name not in packages]
        return tuple(found)

    def _decide(self, name: str, wanted: Approval, reason: str, actor: str) -> Package:
        if not reason.strip():
            raise ParameterError(f"Cannot {ACTION[wanted]} {name} without a reason", fix="Say why, in a few words")
        package = self.show(name)
        if wanted not in ALLOWED[package.approval]:
            raise ConflictError(
                f"{package.name} cannot be {wanted.value.lower()}",
                why=f"It is {package.approval.value} already",
                fix=f"`tarragon registry show {package.name}` tells who decided and why",
            )
        return self._written(package, wanted, reason, actor)

    def _written(self, package: Package, wanted: Approval, reason: str, actor: str) -> Package:
        with self._store.begin(only="audit") as connection:
            now = self._clock()
            decided = _seen(shelf.decide(connection, package, wanted, reason.strip(), now), package)
            act = Act(now, _actor(actor), ACTION[wanted], package.name, reason.strip(), package.sha256)
            shelf.append(connection, act)
        return decided

    def _folder(self, package: Package) -> Path:
        return self._root / package.group / str(package.version)

    def _referred(self, package: Package) -> Manifest:
        """Read a reference's manifest. Raises ``IntegrityError`` when it is not what was registered."""
        with self._store.read() as connection:
            content = shelf.reference(connection, package).encode()
        if hashlib.sha256(content).hexdigest() != package.sha256:
            raise _altered(package, "its manifest is changed")
        return read(content, package.name)

    def _check(self, package: Package) -> None:
        faulty = self._faults(package)
        if faulty:
            raise _altered(package, "; ".join(faulty))

    def _faults(self, package: Package) -> tuple[str, ...]:
        if package.reference:
            try:
                return object_faults(self._referred(package), self._workspace.objects)
            except IntegrityError as error:
                return (error.why,)
        folder = self._folder(package)
        path = folder / MANIFEST
        if not path.is_file():
            return (f"{MANIFEST} is missing",)
        if file_sha256(path) != package.sha256:
            return (f"{MANIFEST} is not what was registered",)
        return file_faults(folder, read(path.read_bytes(), package.name))


def _seen(decided: Package | None, package: Package) -> Package:
    """Return what was decided; raise when the package was not the one that was seen any more."""
    if decided is None:
        raise _changed(package)
    return decided


def _changed(package: Package) -> ConflictError:
    return ConflictError(
        f"{package.name} changed meanwhile",
        why=f"It is no longer as it was seen, {package.approval.value}",
        fix="Look at it again and decide anew",
    )


def _altered(package: Package, why: str) -> IntegrityError:
    return IntegrityError(
        f"{package.name} is not what was registered",
        why=why,
        fix="Restore the files from a backup, or use another version; `tarragon registry verify` checks all",
    )


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
