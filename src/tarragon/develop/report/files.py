"""The report's three files, written whole or not at all."""

import os
from dataclasses import dataclass
from pathlib import Path

from tarragon.develop.protocol import Report
from tarragon.develop.report import html, markdown, plain
from tarragon.develop.report.outline import tell
from tarragon.errors import StorageError


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where the three renderings are."""

    html: Path
    json: Path
    markdown: Path


def write(report: Report, folder: Path) -> ReportFiles:
    """Write ``report.html``, ``report.json`` and ``report.md``; each replaces an older one in one step.

    Raises
    ------
    StorageError
        Where the disk refuses.
    """
    files = ReportFiles(folder / "report.html", folder / "report.json", folder / "report.md")
    story = tell(report)
    texts = {
        files.json: plain.write_json(report, story),
        files.markdown: markdown.lay_out(story),
        files.html: html.lay_out(story),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            _replace(path, text.encode("utf-8"))
    except OSError as error:
        raise StorageError(
            f"The report could not be written to {folder}",
            why=error.strerror or str(error),
            fix="Free some space, or give another folder",
        ) from error
    return files


def _replace(path: Path, content: bytes) -> None:
    """Write beside and rename: a reader never sees half a page."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
