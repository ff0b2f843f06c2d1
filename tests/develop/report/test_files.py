"""Writing the three files."""

import pytest

from tarragon.develop.report import write
from tarragon.errors import StorageError


def test_three_files_and_nothing_else(binary, tmp_path):
    files = write(binary, tmp_path / "new" / "folder")
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == [
        "report.html",
        "report.json",
        "report.md",
    ]
    assert files.html.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_same_report_gives_the_same_bytes(binary, tmp_path):
    first = {p.name: p.read_bytes() for p in vars_of(write(binary, tmp_path / "a"))}
    second = {p.name: p.read_bytes() for p in vars_of(write(binary, tmp_path / "b"))}
    assert first == second


def vars_of(files):
    return files.html, files.json, files.markdown


def test_a_refusing_disk_is_said_so_and_leaves_nothing(binary, tmp_path):
    (tmp_path / "report.md").mkdir()
    with pytest.raises(StorageError, match="could not be written"):
        write(binary, tmp_path)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
