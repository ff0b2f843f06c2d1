"""Models that stay in the object store: what they were is kept, and every change is in the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tarragon.engine import Workspace
from tarragon.engine.schema import packages
from tarragon.errors import ConflictError, DataError, IntegrityError, NotFoundError
from tarragon.registry import Approval, PackageFacts, Reference, Registry
from tarragon.registry.manifest import read
from tarragon.registry.reference import describe_reference, object_faults

pytestmark = pytest.mark.contract
URI = "s3://models/a/model.tar.gz"
SPEC = {"image": "xgboost", "environment": {"A": "1"}}


@pytest.fixture
def workspace(tmp_path: Path, store_url: str | None) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "home", url=store_url) as opened:
        opened.objects.put(URI, b"a model")
        opened.objects.put("s3://models/open/one.bin", b"1")
        opened.objects.put("s3://models/open/two.bin", b"22")
        yield opened


@pytest.fixture
def registry(workspace: Workspace) -> Registry:
    ticks = iter(range(1_700_000_000, 1_800_000_000))
    return Registry(workspace, clock=lambda: float(next(ticks)))


def a_reference(group: str = "churn", uris: tuple[str, ...] = (URI,), **more: object) -> Reference:
    return Reference(group, SPEC, uris, actor="ada", **more)  # type: ignore[arg-type]


def test_a_reference_is_a_version_like_others(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text("{}")
    facts = PackageFacts("churn", "binary", "left", "auc", 0.8, 0.7, 0.9, (("age", "numeric"),))
    native, referring = registry.register(tmp_path / "model", facts), registry.register_reference(a_reference())
    assert (native.name, referring.name, referring.reference) == ("churn/1", "churn/2", True)
    assert (referring.uri, referring.size_bytes) == (URI, 7)
    assert registry.show("churn") == referring
    assert registry.manifest("churn/2").specification == SPEC
    assert not registry.manifest("churn/1").objects
    assert registry.approve("churn/2", "holds up", "ada").approval is Approval.APPROVED
    assert [entry.act.action for entry in registry.history("churn/2")] == ["register", "approve"]
    assert registry.checked("churn/2").objects[0].path == URI
    with pytest.raises(DataError, match="has no files of its own"):
        registry.open("churn/2")
    assert registry.verify() == ()


def test_a_manifest_comes_back_as_it_was_written(workspace: Workspace) -> None:
    manifest = describe_reference(SPEC, [URI, "s3://models/open"], {"run": "r1"}, workspace.objects)
    assert [each.path for each in manifest.objects] == [URI, "s3://models/open/one.bin", "s3://models/open/two.bin"]
    assert manifest.size_bytes == 10
    assert read(manifest.dump(), "x") == manifest
    assert object_faults(manifest, workspace.objects) == ()


def test_changed_and_missing_objects_are_named(registry: Registry, workspace: Workspace) -> None:
    registry.register_reference(a_reference(uris=(URI, "s3://models/open/")))
    workspace.objects.put(URI, b"b model")
    workspace.objects.delete("s3://models/open/one.bin")
    expected = (
        f"churn/1: {URI} is not what was registered",
        "churn/1: s3://models/open/one.bin is missing",
    )
    assert registry.verify() == expected
    with pytest.raises(IntegrityError, match="is not what was registered"):
        registry.checked("churn/1")


def test_a_changed_specification_is_found(registry: Registry, workspace: Workspace) -> None:
    registry.register_reference(a_reference())
    with workspace.store.begin() as connection:
        row = connection.execute(sa.select(packages)).one()
        text = row.manifest["reference"].replace("xgboost", "another")
        connection.execute(sa.update(packages).values(manifest={**row.manifest, "reference": text}))
    assert registry.verify() == ("churn/1: its manifest is changed",)
    with pytest.raises(IntegrityError, match="its manifest is changed"):
        registry.manifest("churn/1")


def test_amending_keeps_what_objects_were_and_tells_the_log(registry: Registry, workspace: Workspace) -> None:
    package = registry.register_reference(a_reference())
    workspace.objects.put(URI, b"another model")  # too late: the record is of what was registered
    new = registry.amend(package, {"image": "other"}, (URI, "s3://models/open"), "bob")
    assert (new.name, new.size_bytes) == ("churn/1", 10)
    assert registry.manifest("churn/1").specification == {"image": "other"}
    assert registry.verify() == (f"churn/1: {URI} is not what was registered",)
    first, second = registry.history("churn/1")
    assert (first.act.evidence, second.act.evidence) == (package.sha256, new.sha256)
    assert (second.act.action, second.act.who) == ("amend", "bob")
    with pytest.raises(ConflictError, match="changed meanwhile"):
        registry.amend(package, {"image": "late"}, ())


def test_a_removed_version_stays_in_the_log(registry: Registry) -> None:
    for _ in range(2):
        registry.register_reference(a_reference())
    registry.remove("churn/2", "ada")
    with pytest.raises(NotFoundError):
        registry.show("churn/2")
    assert registry.verify() == ()
    assert registry.register_reference(a_reference()).name == "churn/3"


def test_one_without_versions_is_the_only_one_of_its_name(registry: Registry) -> None:
    assert registry.register_reference(a_reference(versioned=False)).name == "churn/0"
    with pytest.raises(ConflictError, match="There is churn/0 already"):
        registry.register_reference(a_reference(versioned=False))
    assert registry.register_reference(a_reference()).name == "churn/1"
    registry.remove("churn/0")
    assert registry.register_reference(a_reference(versioned=False)).name == "churn/0"
    assert registry.verify() == ()


def test_realms_never_meet(registry: Registry) -> None:
    long = "m" * 63
    assert registry.register_reference(a_reference(long)).version == 1
    there = registry.register_reference(a_reference(long, realm="ap-southeast-1"))
    assert (there.version, there.group) == (1, f"ap-southeast-1.{long}")
    assert registry.show(there.name) == there


def test_it_may_begin_approved_and_go_back(registry: Registry) -> None:
    package = registry.register_reference(a_reference(approval=Approval.APPROVED, reason="tested before"))
    assert (package.approval, package.reason) == (Approval.APPROVED, "tested before")
    assert registry.decide("churn/1", Approval.APPROVED) == package  # nothing new: nothing written
    assert registry.decide("churn/1", Approval.PENDING, actor="bob").approval is Approval.PENDING
    assert registry.decide("churn/1", Approval.PENDING, "wait for May").reason == "wait for May"
    acts = [(entry.act.action, entry.act.reason) for entry in registry.history("churn/1")]
    assert acts == [("register", ""), ("approve", "tested before"), ("reopen", ""), ("reopen", "wait for May")]
    assert registry.verify() == ()


def test_nothing_there_is_no_model(registry: Registry) -> None:
    with pytest.raises(DataError, match="There is no model data at s3://models/none"):
        registry.register_reference(a_reference(uris=("s3://models/none",)))
    assert registry.list() == ()
