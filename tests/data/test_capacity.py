"""Rows that fit are told from the file, and a table that does not fit is thinned instead of killing the machine."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from tarragon.data import ReadOptions, capacity, read_table
from tarragon.data.capacity import free_bytes, rows_that_fit


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    pl.DataFrame({"x": range(2_000), "y": [(i // 7) % 2 for i in range(2_000)]}).write_csv(path)
    return path


def test_all_rows_when_there_is_room(table: Path) -> None:
    assert rows_that_fit(table, 1 << 30) == 0


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_share_of_the_rows_when_there_is_not(table: Path, share: float) -> None:
    free = int(table.stat().st_size * 6 * 2 * share)
    assert rows_that_fit(table, free) == pytest.approx(2_000 * share, rel=0.02)


def test_packed_and_columnar_files(table: Path, tmp_path: Path) -> None:
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    assert 0 < rows_that_fit(packed, 1_000) < 2_000
    columnar = tmp_path / "t.parquet"
    pl.read_csv(table).write_parquet(columnar)
    assert 0 < rows_that_fit(columnar, 10_000) < 2_000


def test_what_cannot_be_read_is_left_to_the_reader(tmp_path: Path) -> None:
    assert rows_that_fit(tmp_path / "missing.csv", 1) == 0
    broken = tmp_path / "x.parquet"
    broken.write_bytes(b"not parquet")
    assert rows_that_fit(broken, 1) == 0
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert rows_that_fit(empty, 1) == 0


def test_a_thinned_table_says_so(table: Path) -> None:
    read = read_table(table, "y", options=ReadOptions(max_rows=500))
    assert read.n_rows <= 500
    assert any("row" in note for note in read.notes)


@pytest.mark.parametrize("told", ["MemFree: 10 kB\nMemAvailable:   3000 kB\n", "MemFree: 10 kB\n", ""])
def test_pages_that_only_cache_files_are_free(told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "MEMINFO", tmp_path / "meminfo")
    if told:
        (tmp_path / "meminfo").write_text(told)
    free = free_bytes()
    assert free == 3_072_000 if "Available" in told else free > 1 << 20
