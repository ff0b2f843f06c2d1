import errno
import json
import os
import resource
import subprocess
import sys

import pytest

from tarragon.engine.disk import atomic, folder_bytes, refusals, sweep, temporary_in, write_json
from tarragon.engine.identity import myself
from tarragon.errors import StorageError


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "deep" / "file"
    with atomic(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert os.listdir(path.parent) == ["file"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), atomic(path) as file:
        file.write((b"new", "text, which a binary file does not take")[file.write(b"new") // 3])
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_very_long_name_can_be_written(tmp_path):
    with atomic(tmp_path / ("x" * 255)) as file:
        file.write(b"1")
    assert os.listdir(tmp_path) == ["x" * 255]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_explained(tmp_path, number):
    full = pytest.raises(StorageError, match=r"Could not save it\. .* is full, .* MB are free\. Free some space")
    with full, refusals("save it", tmp_path / "not" / "there"):
        raise OSError(number, os.strerror(number))


def test_a_forbidden_folder_is_explained(tmp_path):
    with pytest.raises(StorageError, match=r"not permitted .* Check who owns"), refusals("save it", tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_other_errors_pass(tmp_path):
    with pytest.raises(FileNotFoundError), refusals("save it", tmp_path):
        raise FileNotFoundError(errno.ENOENT, "gone")


def test_a_really_full_disk(tmp_path):
    """A file-size limit makes the kernel refuse a real write in the middle."""
    script = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from tarragon.engine.disk import atomic
from tarragon.errors import StorageError
path = Path(sys.argv[1]) / "file"
path.write_bytes(b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with atomic(path) as file:
        file.write(b"x" * 100_000)
except StorageError as error:
    print(error)
"""
    assert resource.RLIMIT_FSIZE is not None
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert "is full" in done.stdout
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_only_the_dead_are_swept(tmp_path):
    mine = temporary_in(tmp_path, "mine")
    mine.write_bytes(b"1")
    host, realm, pid, started = myself().rsplit(".", 3)
    dead = tmp_path / f".theirs~{host}.{realm}.{pid}.{int(started) - 1}~abcd.tmp"
    dead.mkdir()
    (dead / "file").write_bytes(b"2")
    other = tmp_path / f".other~{host}.0000000000.{pid}.{started}~abcd.tmp"
    other.write_bytes(b"3")
    assert sweep(tmp_path) == 1
    assert mine.exists()
    assert other.exists()
    assert not dead.exists()
    assert sweep(tmp_path / "nowhere") == 0


def test_plain_json_appears_whole(tmp_path):
    path = tmp_path / "deep" / "about.json"
    write_json({"folds": [1, 2]}, path)
    assert json.loads(path.read_bytes()) == {"folds": [1, 2]}
    with pytest.raises(TypeError):
        write_json({"folds": object()}, path)
    assert json.loads(path.read_bytes()) == {"folds": [1, 2]}
    assert os.listdir(path.parent) == ["about.json"]


def test_what_is_not_flushed_is_still_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", None)  # not callable: flushing would fail
    with pytest.raises(TypeError), atomic(tmp_path / "file", flushed=False) as file:
        file.write("text, which a binary file does not take")
    assert os.listdir(tmp_path) == []
    with atomic(tmp_path / "file", flushed=False) as file:
        file.write(b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_a_folder_weighs_what_its_files_do(tmp_path):
    (tmp_path / "deep" / "empty").mkdir(parents=True)
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "deep" / "b").write_bytes(b"4567")
    assert folder_bytes(tmp_path) == 7
