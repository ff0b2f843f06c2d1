import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from tarragon.engine.wal import write_ahead


def opened(path):
    return sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)


def test_many_that_open_a_new_file_at_once_all_get_it(tmp_path):
    def one(path):
        with_log = opened(path)
        write_ahead(with_log, 30)
        with_log.execute("CREATE TABLE IF NOT EXISTS seen (n)")
        with_log.execute("INSERT INTO seen VALUES (1)")
        with_log.close()

    for n in range(20):
        path = tmp_path / f"{n}.db"
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, [path] * 8))
        assert opened(path).execute("SELECT count(*) FROM seen").fetchone() == (8,)


def test_a_file_that_stays_locked_says_so(tmp_path):
    holder = opened(tmp_path / "held.db")
    holder.execute("CREATE TABLE held (n)")
    holder.execute("BEGIN EXCLUSIVE")
    waiting = sqlite3.connect(tmp_path / "held.db", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_ahead(waiting, 0.05)
    holder.execute("ROLLBACK")
    write_ahead(waiting, 0.05)
    assert waiting.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_place_without_files_is_told(tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="write-ahead"):
        write_ahead(sqlite3.connect(":memory:"), 0)
