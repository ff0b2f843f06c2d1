"""The report as JSON: the whole value, and the sentences the other pages say, under stable keys.

::

    schema     1; a reader that does not know the number should not guess
    kind       "tarragon.report"
    summary    headline, decision, reasons, score, baselines … as text
    captions   chapter key → the sentences under its pictures and tables
    report     the value itself, field by field; nan is {"$float": "nan"}, so every parser reads it
"""

import json
from pathlib import Path
from typing import cast

from tarragon.develop.protocol import Report
from tarragon.develop.report.outline import tell
from tarragon.develop.report.story import Block, Callout, Figure, Fold, Gallery, Points, Rows, Steps, Story, Table, Text
from tarragon.develop.report.summary import summary
from tarragon.engine import Plain, from_plain, to_plain
from tarragon.errors import IntegrityError, NotFoundError

SCHEMA = 1
KIND = "tarragon.report"


def to_json(report: Report) -> dict[str, Plain]:
    """Return the report as plain JSON values."""
    return lay_out(report, tell(report))


def lay_out(report: Report, story: Story) -> dict[str, Plain]:
    """Return the report and the sentences of its story as plain JSON values."""
    captions = {c.key: [t for b in c.blocks for t in _said(b) if t] for c in story.chapters}
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "summary": to_plain(summary(report)),
        "captions": cast(Plain, captions),
        "report": to_plain(report),
    }


def write_json(report: Report, story: Story) -> str:
    """Return the text of ``report.json``. ASCII only, so that any reader's guess at the encoding is right."""
    return json.dumps(lay_out(report, story), allow_nan=False, indent=1) + "\n"


def read_json(path: Path) -> Report:
    """Rebuild the value from a ``report.json``.

    Raises
    ------
    NotFoundError
        Where there is no such file.
    IntegrityError
        Where it is no report, or one of another schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"There is no report at {path}", fix="List the runs with `tarragon runs`") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise IntegrityError(
            f"{path.name} is not valid JSON", why=str(error), fix="Run `tarragon replay` to write it anew"
        ) from None
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise IntegrityError(
            f"{path.name} is not a Tarragon report", why=f'its "kind" is not "{KIND}"', fix="Give a run's report.json"
        )
    if content.get("schema") != SCHEMA:
        raise IntegrityError(
            f"{path.name} has schema {content.get('schema')}",
            why=f"this version reads schema {SCHEMA}",
            fix="Use the Tarragon that wrote it",
        )
    return from_plain(content.get("report"), Report)


def _said(block: Block) -> list[str]:
    """Return the sentences a block says, without its numbers."""
    if isinstance(block, Text):
        return [block.text]
    if isinstance(block, Points):
        return list(block.items)
    if isinstance(block, Callout):
        return [block.title, *(line for _, line in block.lines)]
    if isinstance(block, Steps):
        return [t for item in block.items for t in _said(item)]
    if isinstance(block, Gallery):
        return [f.caption for f in block.figures]
    if isinstance(block, Fold):
        return [t for inner in block.blocks for t in _said(inner)]
    return [block.caption] if isinstance(block, (Figure, Rows, Table)) else []
