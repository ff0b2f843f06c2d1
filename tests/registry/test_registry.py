"""A version is whole or absent, never changes, and everything that was decided about it can be told and proved."""

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tarragon.engine import Workspace
from tarragon.engine.schema import audit, packages
from tarragon.errors import ConflictError, DataError, IntegrityError, NotFoundError, ParameterError
from tarragon.registry import Approval, PackageFacts, Registry
from tarragon.registry import files as package_files

pytestmark = pytest.mark.contract


def facts(group: str = "churn", **lineage: str) -> PackageFacts:
    return PackageFacts(
        group, "binary", "churned", "auc", 0.84, 0.82, 0.86, (("tenure", "numeric"),), ("no", "yes"), lineage, "ada"
    )


def make_model(folder: Path, text: str = '{"w": 1}') -> Path:
    (folder / "members").mkdir(parents=True)
    (folder / "model.json").write_text(text)
    (folder / "members" / "a.txt").write_text("tree\n")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def workspace(tmp_path: Path, store_url: str | None) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "home", url=store_url) as opened:
        yield opened


@pytest.fixture
def registry(workspace: Workspace) -> Registry:
    ticks = iter(range(1_700_000_000, 1_800_000_000))
    return Registry(workspace, clock=lambda: float(next(ticks)))


def test_versions_count_up_per_model_and_are_found_by_name(registry: Registry, model: Path) -> None:
    first, second = registry.register(model, facts(run="r1")), registry.register(model, facts())
    other = registry.register(model, facts("fraud"))
    assert (first.name, second.name, other.name) == ("churn/1", "churn/2", "fraud/1")
    assert first.approval is Approval.PENDING
    assert first.created == "2023-11-14T22:13:20.000Z"
    assert first.lineage == {"run": "r1"}
    assert first.sha256 != second.sha256  # another lineage, another manifest
    assert registry.show("churn") == second
    assert registry.show("churn/1") == first
    assert [p.name for p in registry.list()] == ["churn/2", "churn/1", "fraud/1"]
    assert [p.name for p in registry.list("fraud")] == ["fraud/1"]


def test_a_version_is_a_copy(registry: Registry, model: Path) -> None:
    package = registry.register(model, facts())
    (model / "model.json").write_text("{}")
    folder = registry.open(package.name)
    assert (folder / "model.json").read_text() == '{"w": 1}'
    assert (folder / "members" / "a.txt").read_text() == "tree\n"
    manifest = registry.manifest(package.name)
    assert manifest.columns == (("tenure", "numeric"),)
    assert manifest.size_bytes == package.size_bytes == 8 + 5


@pytest.mark.parametrize("name", ["", "../churn", "churn/2", "a b", "-churn", "x" * 64, "churn\0"])
def test_a_name_never_becomes_a_path(registry: Registry, model: Path, name: str) -> None:
    with pytest.raises(ParameterError):
        registry.register(model, facts(name))
    assert registry.list() == ()


@pytest.mark.parametrize("name", ["churn/one", "churn/", "churn@latest", "churn/1@approved", "churn/-1", "churn/²"])
def test_odd_names_are_refused_with_an_example(registry: Registry, model: Path, name: str) -> None:
    registry.register(model, facts())
    with pytest.raises(ParameterError, match="churn/1"):
        registry.show(name)


def test_unknown_names_say_what_there_is(registry: Registry, model: Path) -> None:
    with pytest.raises(NotFoundError, match="Nothing is registered yet"):
        registry.show("churn")
    registry.register(model, facts())
    with pytest.raises(NotFoundError, match='Did you mean "churn"'):
        registry.show("chrun")
    with pytest.raises(NotFoundError, match="churn has versions 1"):
        registry.show("churn/7")
    with pytest.raises(NotFoundError, match="registry approve churn/1"):
        registry.show("churn@approved")


def test_approval_moves_as_sagemakers_does(registry: Registry, model: Path) -> None:
    registry.register(model, facts())
    registry.register(model, facts())
    assert registry.approve("churn/1", "holds up", "ada").approval is Approval.APPROVED
    assert registry.show("churn@approved").name == "churn/1"
    registry.approve("churn/2", "better", "ada")
    assert registry.show("churn@approved").name == "churn/2"
    rejected = registry.reject("churn/2", "biased", "bob")
    assert (rejected.approval, rejected.reason) == (Approval.REJECTED, "biased")
    assert registry.show("churn@approved").name == "churn/1"  # the latest that is left
    assert registry.approve("churn/2", "repaired", "ada").approval is Approval.APPROVED


def test_a_decision_needs_a_reason_and_a_change(registry: Registry, model: Path) -> None:
    registry.register(model, facts())
    with pytest.raises(ParameterError, match="without a reason"):
        registry.approve("churn", "  ")
    registry.approve("churn", "holds up")
    with pytest.raises(ConflictError, match="Approved already"):
        registry.approve("churn", "again")
    assert [entry.act.action for entry in registry.history("churn")] == ["register", "approve"]


def test_history_tells_who_when_what_why(registry: Registry, model: Path) -> None:
    package = registry.register(model, facts())
    registry.reject("churn/1", "leaks", "bob")
    made, decided = registry.history("churn/1")
    assert (made.act.who, made.act.action, made.act.evidence) == ("ada", "register", package.sha256)
    assert (decided.act.who, decided.act.reason, decided.act.when) == ("bob", "leaks", "2023-11-14T22:13:21.000Z")
    assert decided.previous == made.sha256


def test_lineage_follows_parents(registry: Registry, model: Path) -> None:
    registry.register(model, facts(run="r1"))
    registry.register(model, facts(parent="churn/1"))
    registry.register(model, facts(parent="churn/2"))
    assert [p.name for p in registry.lineage("churn/3")] == ["churn/3", "churn/2", "churn/1"]
    assert registry.lineage("churn/3")[-1].lineage["run"] == "r1"


def test_changed_bytes_are_named(registry: Registry, model: Path) -> None:
    registry.register(model, facts())
    folder = registry.open("churn")
    (folder / "members" / "a.txt").write_text("tree!")
    with pytest.raises(IntegrityError, match=r"members/a\.txt is not what was registered"):
        registry.open("churn")
    assert registry.verify() == ("churn/1: members/a.txt is not what was registered",)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        registry.manifest("churn")
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        registry.open("churn")


def test_the_audit_log_and_the_packages_must_agree(registry: Registry, model: Path, workspace: Workspace) -> None:
    registry.register(model, facts())
    registry.register(model, facts())
    registry.approve("churn/1", "ok")
    assert registry.verify() == ()
    with workspace.store.begin() as connection:
        connection.execute(sa.update(packages).where(packages.c.version == 2).values(approval="Approved"))
    assert registry.verify_audit() == ("churn/2 is Approved but the audit log ends with register",)
    with workspace.store.begin() as connection:
        connection.execute(sa.delete(packages).where(packages.c.version == 2))
        connection.execute(sa.delete(audit).where(audit.c.seq == 3))  # cut off the end: the chain itself stays whole
    assert registry.verify_audit() == (
        "churn/1 is Approved but the audit log ends with register",
        "churn/2 was registered but is gone",
    )


def test_a_rewritten_entry_breaks_the_chain(registry: Registry, model: Path, workspace: Workspace) -> None:
    registry.register(model, facts())
    registry.approve("churn/1", "ok", "ada")
    with workspace.store.begin() as connection:
        connection.execute(sa.update(audit).where(audit.c.seq == 2).values(actor="eve"))
    assert registry.verify_audit() == ("Entry 2 (approve churn/1) was changed after it was written",)


def test_a_version_number_is_never_reused(registry: Registry, model: Path, workspace: Workspace) -> None:
    registry.register(model, facts())
    with workspace.store.begin() as connection:
        connection.execute(sa.delete(packages))
    assert registry.register(model, facts()).name == "churn/2"


def test_what_may_not_be_registered_leaves_nothing(registry: Registry, model: Path, workspace: Workspace) -> None:
    (model / "model.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(DataError, match=r"model\.pkl"):
        registry.register(model, facts())
    assert registry.list() == ()
    assert list((workspace.home / "objects").rglob("*.json")) == []


@pytest.mark.parametrize("crash", ["copying", "placing", "committing"])
def test_a_crash_leaves_a_whole_package_or_none(
    registry: Registry, model: Path, workspace: Workspace, crash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands for a process that ends where it is: nothing below may tidy up after it."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("tarragon.registry.registry.remove", lambda _: None)
        if crash == "copying":
            patched.setattr(package_files, "remove", lambda _: None)
            patched.setattr(package_files, "_copy", die)
        elif crash == "placing":
            patched.setattr(package_files, "place", die)
        else:
            place = package_files.place
            patched.setattr(package_files, "place", lambda a, b: (place(a, b), die()))
        with pytest.raises(Killed):
            registry.register(model, facts())
    assert registry.list() == ()
    assert registry.verify() == ()
    package = registry.register(model, facts())
    assert package.version == 1
    assert registry.open("churn") == workspace.home / "objects" / "registry" / "churn" / "1"
    assert registry.verify() == ()


def test_what_a_dead_writer_left_is_swept(registry: Registry, model: Path, workspace: Workspace) -> None:
    making = workspace.home / "objects" / ".making"
    living = package_files.temporary_in(making, "package")
    dead = living.with_name(living.name.replace(f".{os.getpid()}.", ".999999999."))
    for folder in (living, dead):
        folder.mkdir(parents=True)
    registry.register(model, facts())
    assert living.exists()
    assert not dead.exists()


def _register(home: Path, url: str | None, folder: Path, n: int) -> None:
    with Workspace.open(home, url=url) as workspace:
        registry = Registry(workspace)
        for _ in range(n):
            registry.register(folder, facts())


def test_processes_that_register_at_once_get_distinct_versions(
    registry: Registry, model: Path, workspace: Workspace, store_url: str | None
) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_register, args=(workspace.home, store_url, model, 5)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sorted(p.version for p in registry.list("churn")) == list(range(1, 11))
    assert registry.verify() == ()
