"""A manifest says what a package is made of, byte by byte, and reads back what it wrote."""

import hashlib
from pathlib import Path

import pytest

from tarragon.errors import DataError, IntegrityError
from tarragon.registry.manifest import MANIFEST, PackageFacts, describe, file_faults, read

FACTS = PackageFacts(
    group="churn", task="binary", target="churned", metric="auc", score=0.8, low=0.7, high=0.9,
    columns=(("tenure", "numeric"), ("plan", "categorical")), classes=("no", "ja"), lineage={"run": "r1"},
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "member-0").mkdir()
    (tmp_path / "model.json").write_text('{"a": 1}')
    (tmp_path / "member-0" / "model.txt").write_text("tree\n")
    return tmp_path


def test_every_file_is_hashed_in_order(folder: Path) -> None:
    manifest = describe(folder, FACTS)
    assert [file.path for file in manifest.files] == ["member-0/model.txt", "model.json"]
    assert manifest.files[0].sha256 == hashlib.sha256(b"tree\n").hexdigest()
    assert manifest.size_bytes == 5 + 8


def test_it_reads_back_what_it_wrote(folder: Path) -> None:
    manifest = describe(folder, FACTS)
    assert read(manifest.dump(), "churn/1") == manifest
    assert describe(folder, FACTS).dump() == manifest.dump()


def test_links_and_empty_folders_and_a_foreign_manifest_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to register"):
        describe(tmp_path, FACTS)
    (tmp_path / "model.json").symlink_to("/etc/hostname")
    with pytest.raises(DataError, match="link"):
        describe(tmp_path, FACTS)
    (tmp_path / "model.json").unlink()
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(DataError, match="its own"):
        describe(tmp_path, FACTS)


def test_each_fault_names_its_file(folder: Path) -> None:
    manifest = describe(folder, FACTS)
    assert file_faults(folder, manifest) == ()
    (folder / "model.json").write_text('{"a": 2}')
    (folder / "member-0" / "model.txt").unlink()
    (folder / "extra.json").write_text("{}")
    assert file_faults(folder, manifest) == (
        "member-0/model.txt is missing",
        "model.json is not what was registered",
        "extra.json was added after registration",
    )


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": "other/9"}', b'{"format": "tarragon.package/1"}'])
def test_a_broken_manifest_is_an_integrity_error(content: bytes) -> None:
    with pytest.raises(IntegrityError, match="churn/1"):
        read(content, "churn/1")
