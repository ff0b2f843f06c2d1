"""``tarragon runs`` and ``tarragon report``: which runs there are, and the story one of them tells."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tarragon.errors import NotFoundError
from tarragon.faces.cli import words
from tarragon.faces.cli.options import Home, Json, Quiet
from tarragon.faces.cli.outcome import OK, VERDICTS, show_json
from tarragon.faces.cli.page import outline, page

if TYPE_CHECKING:
    from tarragon.develop.protocol import Report
    from tarragon.engine import JobRecord

KIND = "develop"
REPORT = "report"  # folder inside a run's folder


def _told(folder: Path) -> "Report | None":
    """Read the run's report, if it came to one."""
    from tarragon.develop.report import read_json

    path = folder / REPORT / "report.json"
    return read_json(path) if path.is_file() else None


def runs(home: Home = None, as_json: Json = False, quiet: Quiet = False) -> int:
    """List runs, newest first, with verdict and score."""
    from tarragon.engine import Workspace

    with Workspace.open(home) as workspace:
        lines = [_line(record, _told(workspace.folder(KIND, record.name))) for record in workspace.jobs(KIND)]
    if as_json:
        show_json({"runs": lines})
    elif quiet:
        print("\n".join(str(line["run"]) for line in lines))
    elif not lines:
        print("No runs yet. `tarragon develop TABLE --target COLUMN` makes one.")
    else:
        cells = [[str(line[key] or "–") for key in ("run", "state", "verdict", "summary", "created")] for line in lines]
        print("\n".join(words.columns(cells)))
    return OK


def _line(record: "JobRecord", report: "Report | None") -> dict[str, object]:
    score = None if report is None else report.analysis.score
    summary = record.reason
    if score is not None and score.value is not None:
        summary = words.score(score.metric, score.value, score.low, score.high)
    return {
        "run": record.name,
        "state": "interrupted" if record.interrupted else record.state.value,
        "verdict": None if report is None else report.verdict.decision,
        "score": None if score is None else score.value,
        "metric": None if score is None else score.metric,
        "summary": summary,
        "created": record.created,
    }


def report(
    run: Annotated[str, typer.Argument(help="The run's name, as `tarragon runs` shows it.", show_default=False)],
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    home: Home = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Tell a run's story again, or open its report."""
    from tarragon.engine import Workspace

    with Workspace.open(home) as workspace:
        folder = workspace.folder(KIND, run)
        told = _told(folder)
    if told is None:
        raise NotFoundError(
            f"The run {run!r} has no report",
            why="It has not come to its end",
            fix=f"`tarragon resume {run}` goes on with it",
        )
    path = folder / REPORT / "report.html"
    if as_json:
        show_json(outline(told, path, VERDICTS[told.verdict.decision]))
    else:
        from tarragon.develop.report import summary

        print(path if quiet else page(summary(told, path)))
    if show:
        typer.launch(path.as_uri())
    return OK
