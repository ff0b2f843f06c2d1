"""Write-ahead logging of a SQLite file, switched on by whoever opens it first."""

import sqlite3
import time

PAUSE_S = 0.01


def write_ahead(raw: sqlite3.Connection, wait_s: float) -> None:
    """Switch a database to write-ahead logging, waiting while another connection does so.

    The switch needs the file for itself and does not honour SQLite's own busy timeout, so two that open a new file at
    once would see "database is locked".

    Raises
    ------
    sqlite3.OperationalError
        If the file is still locked after ``wait_s`` seconds, or cannot be opened at all.
    """
    last = time.monotonic() + wait_s
    while True:
        try:
            if raw.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal":
                return
            if time.monotonic() > last:
                raise sqlite3.OperationalError("this file system does not take SQLite's write-ahead log")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > last:
                raise
        time.sleep(PAUSE_S)
