"""A package folder is copied whole, notices a file that changes under it, and replaces only what nobody owns."""

from pathlib import Path

import pytest

from tarragon.errors import ConflictError, StorageError
from tarragon.registry import files
from tarragon.registry.manifest import MANIFEST, PackageFacts, describe, file_faults, read

FACTS = PackageFacts("churn", "binary", "y", "auc", 0.8, 0.7, 0.9, ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    (model / "a" / "b").mkdir(parents=True)
    (model / "a" / "b" / "deep.json").write_text("[1]")
    (model / "model.json").write_bytes(b"{" + b" " * (2 * files.BLOCK_BYTES) + b"}")
    return model


def test_the_copy_is_the_manifests(folder: Path, tmp_path: Path) -> None:
    manifest = describe(folder, FACTS)
    staged = files.stage(tmp_path / "making", folder, manifest)
    assert staged.parent == tmp_path / "making"
    assert staged.name.startswith(".")
    assert file_faults(staged, manifest) == ()
    assert read((staged / MANIFEST).read_bytes(), "x") == manifest


def test_a_file_that_changes_meanwhile_is_noticed_and_nothing_is_left(folder: Path, tmp_path: Path) -> None:
    manifest = describe(folder, FACTS)
    (folder / "model.json").write_text("{}")
    with pytest.raises(ConflictError, match=r"model\.json changed"):
        files.stage(tmp_path / "making", folder, manifest)
    assert list((tmp_path / "making").iterdir()) == []


def test_a_full_disk_says_so_and_leaves_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StorageError, match="full"):
        files.stage(tmp_path / "making", folder, describe(folder, FACTS))
    assert list((tmp_path / "making").iterdir()) == []


def test_placing_replaces_debris(folder: Path, tmp_path: Path) -> None:
    manifest = describe(folder, FACTS)
    final = tmp_path / "registry" / "churn" / "1"
    final.mkdir(parents=True)
    (final / "half.json").write_text("{")
    files.place(files.stage(tmp_path / "making", folder, manifest), final)
    assert file_faults(final, manifest) == ()
