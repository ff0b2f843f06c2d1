"""What is known of objects beside their bytes, and uploads that are not finished: one small SQLite file.

A row belongs to the version of a file whose size and time of change it names. A file that was changed or put there by
hand has no row, and its facts are found anew. Nothing here is needed to read an object.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

from tarragon.engine.wal import write_ahead

Facts = Mapping[str, Any]
WAIT_S = 30.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
    bucket TEXT, key TEXT, size INTEGER, changed INTEGER, facts TEXT,
    PRIMARY KEY (bucket, key, size, changed)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    upload TEXT PRIMARY KEY, bucket TEXT, key TEXT, began REAL, slot INTEGER, facts TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT, number INTEGER, size INTEGER, changed REAL, file TEXT, facts TEXT,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
"""


class Version(NamedTuple):
    """Which bytes: a file's size and when it was changed, in nanoseconds since 1970."""

    size: int
    changed: int


class UploadRow(NamedTuple):
    """An upload: ``slot`` is the size of the places its parts are written to, 0 before the first."""

    upload: str
    bucket: str
    key: str
    began: float
    slot: int
    facts: Facts


class PartRow(NamedTuple):
    """A part: ``file`` is the name of its own file, "" when it is in its place in the whole."""

    number: int
    size: int
    changed: float
    file: str
    facts: Facts


class ObjectIndex:
    """The index file; safe to use from several threads.

    Parameters
    ----------
    path : Path
        Made when something is first asked.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, RLock()
        self._opened: sqlite3.Connection | None = None

    def facts(self, bucket: str, versions: Sequence[tuple[str, Version]]) -> list[Facts | None]:
        """Look up what is known of files, each by its key and version; the keys in ascending order."""
        if not versions:
            return []
        first, last = versions[0][0], versions[-1][0]
        ranged = "SELECT key, size, changed, facts FROM facts WHERE bucket=? AND key BETWEEN ? AND ? LIMIT ?"
        single = "SELECT key, size, changed, facts FROM facts WHERE bucket=? AND key=? AND size=? AND changed=?"
        limit = 2 * len(versions) + 1  # many more rows than files: between rolled-up keys, or of files long gone
        with self._lock:
            run = self._connection().execute
            rows = run(ranged, (bucket, first, last, limit)).fetchall()
            if len(rows) == limit:
                found = (run(single, (bucket, key, *version)).fetchone() for key, version in versions)
                rows = [row for row in found if row is not None]
        known = {(key, size, changed): facts for key, size, changed, facts in rows}
        texts = [known.get((key, *version)) for key, version in versions]
        there = json.loads(
            f"[{','.join(text for text in texts if text is not None)}]"
        )  # at once: a page has a thousand
        found = iter(there)
        return [None if text is None else next(found) for text in texts]

    def note(self, bucket: str, noted: Sequence[tuple[str, Version, Facts]], keep: Version | None = None) -> None:
        """Keep facts of files; other versions of the same keys are forgotten, but for one to ``keep``."""
        kept = keep or Version(-1, -1)
        others = "DELETE FROM facts WHERE bucket=? AND key=? AND NOT (size=? AND changed=?)"
        rows = [(bucket, key, *version, json.dumps(facts)) for key, version, facts in noted]
        with self._begun() as connection:
            connection.executemany(others, ((bucket, key, *kept) for key, _, _ in noted))
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?,?,?,?,?)", rows)

    def forget(self, bucket: str, key: str) -> None:
        """Forget what is known of a key."""
        with self._begun() as connection:
            connection.execute("DELETE FROM facts WHERE bucket=? AND key=?", (bucket, key))

    def forget_bucket(self, bucket: str) -> list[str]:
        """Forget a bucket; return its uploads, forgotten as well."""
        with self._begun() as connection:
            rows = connection.execute("SELECT upload FROM uploads WHERE bucket=?", (bucket,)).fetchall()
            connection.execute("DELETE FROM facts WHERE bucket=?", (bucket,))
            for row in rows:
                self.end(row[0])
        return [row[0] for row in rows]

    def begin(self, row: UploadRow) -> None:
        """Keep a new upload."""
        with self._begun() as connection:
            connection.execute("INSERT INTO uploads VALUES (?,?,?,?,?,?)", (*row[:5], json.dumps(row.facts)))

    def upload(self, upload: str) -> UploadRow | None:
        """Look an upload up."""
        with self._lock:
            row = self._connection().execute("SELECT * FROM uploads WHERE upload=?", (upload,)).fetchone()
        return None if row is None else UploadRow._make((*row[:5], json.loads(row[5])))

    def uploads(self, bucket: str) -> list[UploadRow]:
        """List a bucket's uploads by key, then as they began."""
        with self._lock:
            wanted = "SELECT * FROM uploads WHERE bucket=? ORDER BY key, began, upload"
            rows = self._connection().execute(wanted, (bucket,)).fetchall()
        return [UploadRow._make((*row[:5], json.loads(row[5]))) for row in rows]

    def slot(self, upload: str, size: int) -> int:
        """Set the size of an upload's places if it has none yet; return it."""
        with self._begun() as connection:
            connection.execute("UPDATE uploads SET slot=? WHERE upload=? AND slot=0", (size, upload))
            row = connection.execute("SELECT slot FROM uploads WHERE upload=?", (upload,)).fetchone()
        return int(row[0]) if row else 0

    def part(self, upload: str, row: PartRow) -> bool:
        """Keep a part; False when its upload is over."""
        with self._begun() as connection:
            if connection.execute("SELECT 1 FROM uploads WHERE upload=?", (upload,)).fetchone() is None:
                return False
            connection.execute(
                "INSERT OR REPLACE INTO parts VALUES (?,?,?,?,?,?)", (upload, *row[:4], json.dumps(row.facts))
            )
        return True

    def parts(self, upload: str, number: int | None = None) -> list[PartRow]:
        """List an upload's parts by number, or the one of a number if it is there."""
        wanted = "SELECT number, size, changed, file, facts FROM parts WHERE upload=?"
        with self._lock:
            run = self._connection().execute
            if number is None:
                rows = run(f"{wanted} ORDER BY number", (upload,)).fetchall()
            else:
                rows = run(f"{wanted} AND number=?", (upload, number)).fetchall()
        return [PartRow._make((*row[:4], json.loads(row[4]))) for row in rows]

    def end(self, upload: str) -> None:
        """Forget an upload and its parts."""
        with self._begun() as connection:
            connection.execute("DELETE FROM uploads WHERE upload=?", (upload,))
            connection.execute("DELETE FROM parts WHERE upload=?", (upload,))

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            opened = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
            write_ahead(opened, WAIT_S)
            opened.execute("PRAGMA synchronous=FULL")
            opened.executescript(SCHEMA)
            self._opened = opened
        return self._opened

    @contextmanager
    def _begun(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = self._connection()
            if connection.in_transaction:  # part of what goes on already
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
