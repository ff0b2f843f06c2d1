"""Lines are written soon, whole at the end, and old files are kept in number."""

import logging
from pathlib import Path

from tarragon.faces.aws.journal import KEPT, Journal


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("tarragon.requests", level, "", 0, "%s", (text,), None)


def test_everything_is_there_once_closed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log", 1 << 20)
    for i in range(1000):
        journal.handle(record(f"line {i}"))
    journal.close()
    assert (tmp_path / "log").read_text().splitlines() == [f"line {i}" for i in range(1000)]


def test_an_error_is_written_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log", 1 << 20)
    journal.handle(record("broken", logging.ERROR))
    assert (tmp_path / "log").read_text() == "broken\n"
    journal.close()


def test_files_are_turned_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log", 10)
    for i in range(KEPT + 3):
        journal.handle(record(f"a long line {i}"))
        journal.flush()
    journal.close()
    assert len(list(tmp_path.glob("log.*"))) == KEPT
    assert (tmp_path / "log.1").read_text() == f"a long line {KEPT + 2}\n"
