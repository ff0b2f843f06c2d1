"""Checkpoints follow their place in the store, while the job runs and at its end."""

import time
from pathlib import Path

import pytest

from tarragon.errors import DataError
from tarragon.train import checkpoint

from .conftest import Home


def test_what_is_stored_comes_first_and_what_changes_is_stored(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SYNC_S", 0.05)
    home.objects.put("s3://data/c/deep/old", b"1")
    folder = tmp_path / "ck"
    with checkpoint.Checkpoints(home.objects, "s3://data/c/", folder):
        assert (folder / "deep" / "old").read_bytes() == b"1"
        (folder / "first").write_bytes(b"2")
        end = time.monotonic() + 10
        while not home.objects.exists("s3://data/c/first"):
            assert time.monotonic() < end
            time.sleep(0.02)
        (folder / "last").write_bytes(b"3")
    assert home.objects.get("s3://data/c/last") == b"3"


def test_an_attempts_own_are_not_overwritten(home: Home, tmp_path: Path) -> None:
    home.objects.put("s3://data/c/x", b"old")
    (tmp_path / "ck").mkdir()
    (tmp_path / "ck" / "x").write_bytes(b"new")
    with checkpoint.Checkpoints(home.objects, "s3://data/c", tmp_path / "ck"):
        pass
    assert home.objects.get("s3://data/c/x") == b"new"


def test_without_a_place_nothing_happens(home: Home, tmp_path: Path) -> None:
    with checkpoint.Checkpoints(home.objects, "", tmp_path / "ck"):
        assert not (tmp_path / "ck").exists()


def test_the_bucket_must_be_there(home: Home, tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="does not exist"),
        checkpoint.Checkpoints(home.objects, "s3://none/c", tmp_path),
    ):
        pass
