import hashlib
import os

import pytest

from tarragon.engine.draft import Draft, PartDraft
from tarragon.errors import StorageError


def test_a_draft_counts_and_hashes(tmp_path):
    draft = Draft(tmp_path / "d")
    draft.write(b"one")
    draft.write(b"two")
    assert (draft.size_bytes, draft.md5) == (6, hashlib.md5(b"onetwo").digest())
    version = draft.finish()
    assert version.size == 6
    assert version.changed == (tmp_path / "d").stat().st_mtime_ns


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("in_kernel", [True, False])
def test_taking_runs_of_other_files(tmp_path, monkeypatch, hashed, in_kernel):
    if not in_kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    data = os.urandom(3_000_000)
    (tmp_path / "source").write_bytes(data)
    draft = Draft(tmp_path / "d")
    with open(tmp_path / "source", "rb") as source:
        draft.take(source, 1000, 2_000_000, hashed=hashed)
        draft.take(source, 0, 10, hashed=hashed)
    draft.write(b"end")
    draft.finish()
    assert (tmp_path / "d").read_bytes() == data[1000:2_001_000] + data[:10] + b"end"
    if hashed:
        assert draft.md5 == hashlib.md5(data[1000:2_001_000] + data[:10] + b"end").digest()


def test_thrown_away_at_any_time(tmp_path):
    draft = Draft(tmp_path / "d")
    draft.write(b"x")
    draft.discard()
    draft.discard()
    assert not (tmp_path / "d").exists()


def test_parts_go_to_their_place(tmp_path):
    second, first = PartDraft(tmp_path / "whole", 3), PartDraft(tmp_path / "whole", 0)
    second.write(b"def")
    first.write(b"a")
    first.write(b"bc")
    for part in (second, first):
        part.finish()
        part.close()
    assert (tmp_path / "whole").read_bytes() == b"abcdef"
    assert (first.size_bytes, first.md5) == (3, hashlib.md5(b"abc").digest())


def test_a_full_disk_is_said(tmp_path):
    for draft in (Draft(tmp_path / "d"), PartDraft(tmp_path / "p", 0)):
        full = os.open("/dev/full", os.O_WRONLY) if os.path.exists("/dev/full") else None
        if full is None:
            pytest.skip("this system has no /dev/full")
        if isinstance(draft, Draft):
            draft._file = open(full, "wb", buffering=0)  # noqa: SIM115
        else:
            draft.close()
            draft._file = full
        with pytest.raises(StorageError, match="is full"):
            draft.write(b"x")
