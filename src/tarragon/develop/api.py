"""``tarragon.develop``: the one call from a table to a verdict."""

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tarragon.data import ReadOptions, Table, free_bytes, read_table, rows_that_fit
from tarragon.develop import closing, loop
from tarragon.develop.protocol import Limits, Report, Spec, Verdict
from tarragon.develop.report import ReportFiles
from tarragon.develop.run import Run, Watcher, nobody
from tarragon.develop.snapshot import load_table, save_table, spec_of
from tarragon.engine import LocalExecutor, Workspace, to_plain
from tarragon.errors import NotFoundError, ParameterError
from tarragon.metrics import metric as find_metric
from tarragon.metrics import number
from tarragon.refine import TableModel
from tarragon.registry import Package, Registry
from tarragon.tune import Leaderboard

KIND = "develop"
MIN_BUDGET_S = 3.0
Source = Any  # a path or a frame of any library narwhals knows; checked where it is read


class HonestScore(float):
    """The objective's corrected value, with the interval a fresh sample's score is expected in."""

    low: float
    high: float
    metric: str

    def __new__(cls, value: float, low: float, high: float, metric: str) -> "HonestScore":
        """Make a number that also knows its interval."""
        made = super().__new__(cls, value)
        made.low, made.high, made.metric = low, high, metric
        return made

    def __repr__(self) -> str:
        return f"{self.metric} {number(float(self), 4)} ({number(self.low, 4)} to {number(self.high, 4)})"


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """The report as a value and as files."""

    value: Report
    path: Path
    json: Path
    markdown: Path


@dataclass(frozen=True, slots=True, eq=False)
class Development:
    """What a run ends with.

    Parameters
    ----------
    run : str
        The job's name, for ``tarragon report`` and ``tarragon replay``.
    verdict : Verdict
    score : HonestScore
    model : TableModel
        ``predict``, ``predict_proba``, ``classes_``.
    package : Package or None
        The registered version; None after STOP, when there is nothing worth registering.
    """

    run: str
    verdict: Verdict
    score: HonestScore
    leaderboard: Leaderboard
    model: TableModel
    report: WrittenReport
    package: Package | None
    first_model_s: float | None = None

    def __repr__(self) -> str:
        return f"Development({self.run}: {self.verdict.decision}, {self.score!r}, report {self.report.path})"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a run happens and who watches: nothing here changes its result."""

    home: Path | None = None
    out: Path | None = None
    watcher: Watcher = nobody
    stop: threading.Event = field(default_factory=threading.Event)


def develop(  # noqa: PLR0913 — the public call names every option a user may give
    source: Source,
    target: str,
    *,
    time_limit: float = 60.0,
    metric: str = "",
    seed: int = 0,
    name: str = "",
    out: str | Path | None = None,
    holdout: float = 0.0,
    drop: Sequence[str] = (),
    sensitive: Sequence[str] = (),
    weight: str = "",
    group: str = "",
    time: str = "",
    task: str = "",
    positive: str = "",
    max_latency: float | None = None,
    max_size: int | None = None,
    glass_box: bool = False,
    keep_leaks: bool = False,
    algorithms: Sequence[str] = (),
    home: str | Path | None = None,
    progress: Watcher = nobody,
    stop: threading.Event | None = None,
) -> Development:
    """Develop a model from a table: choose, train, refine, analyse, register, report.

    Parameters
    ----------
    source : path or frame
        CSV (also .gz), Parquet, JSON Lines or Arrow file; or a pandas, polars or Arrow frame.
    target : str
        The column to predict.
    time_limit : float
        Seconds of wall time for everything, report and registration included. At least 3.
    metric : str
        Objective; default AUC (binary), log loss (multiclass), RMSE (regression).
    seed : int
    name : str
        The model's name in the registry; default the file's.
    out : path, optional
        Folder that gets a copy of the report.
    holdout : float
        Share of rows (0 to 0.5) set aside and opened once, at the end.
    drop, sensitive : sequence of str
        Columns to leave out; columns to check for bias.
    weight, group, time : str
        Columns with row weights; with groups that stay on one side of a split; with the time rows happened at.
    task, positive : str
        Overrule what is read from the target.
    max_latency : float, optional
        Milliseconds for one row, a hard limit.
    max_size : int, optional
        Bytes of the model, a hard limit.
    glass_box : bool
        Only a model that can be read as a whole.
    keep_leaks : bool
        Train on columns that the leak check would leave out.
    algorithms : sequence of str
        Try only these.
    home : path, optional
        Where runs and the registry live; default ``$TARRAGON_HOME`` or the platform's data folder.
    progress : callable
        Called with a :class:`~tarragon.develop.run.Progress` at every step.
    stop : threading.Event, optional
        When set, the run ends with the best so far.

    Returns
    -------
    Development

    Raises
    ------
    DataError
        The table cannot be used as it is; the error says what to do.
    ParameterError
        A setting is unknown or out of range.
    """
    began = _clock()
    spec = Spec(
        target=target,
        name=_model_name(name, source),
        budget_s=float(time_limit),
        metric=metric,
        seed=int(seed),
        holdout=float(holdout),
        drop=tuple(drop),
        sensitive=tuple(sensitive),
        weight=weight,
        group=group,
        time=time,
        task=task,
        positive=positive,
        limits=Limits(max_latency, max_size, glass_box),
        keep_leaks=keep_leaks,
        algorithms=tuple(algorithms),
    )
    check(spec)
    around = Surroundings(
        Path(home) if home else None,
        Path(out) if out else None,
        progress,
        stop if stop is not None else threading.Event(),
    )
    with LocalExecutor() as executor:  # its workers warm up while the table is read
        table = read_table(source, target, options=_options(spec, source))
        if spec.metric:
            find_metric(spec.metric, table.task)
        with (
            Workspace.open(around.home) as workspace,
            workspace.start(KIND, run_name(spec.name), _asked(spec)) as job,
        ):
            save_table(table, job.folder)
            run = Run(job.folder, executor, spec.budget_s, job, workspace, around.watcher, around.stop, began=began)
            return _conduct(table, spec, run, around)


def resume(
    name: str, *, home: str | Path | None = None, progress: Watcher = nobody, stop: threading.Event | None = None
) -> Development:
    """Go on with a run that was interrupted, where it was, with what is left of its time.

    Raises
    ------
    NotFoundError
        No such run.
    ConflictError
        It is over, or another process is working on it.
    """
    began = _clock()
    around = Surroundings(Path(home) if home else None, None, progress, stop if stop is not None else threading.Event())
    with Workspace.open(around.home) as workspace, LocalExecutor() as executor, workspace.resume(KIND, name) as job:
        spec: Spec = spec_of(job.record)
        if not (job.folder / "table.json").exists():
            raise NotFoundError(
                f"Run {name} was interrupted before its table was kept",
                why="There is nothing to go on from",
                fix="Develop again",
            )
        spent = max([0.0, *(float(str(e.payload["elapsed_s"])) for e in job.events() if "elapsed_s" in e.payload)])
        run = Run(
            job.folder, executor, spec.budget_s, job, workspace, around.watcher, around.stop, spent_s=spent, began=began
        )
        return _conduct(load_table(job.folder), spec, run, around)


def _conduct(table: Table, spec: Spec, run: Run, around: Surroundings) -> Development:
    assert run.workspace is not None
    assert run.job is not None
    run.tell("table read", "profile")
    registry = Registry(run.workspace)
    previous = closing.previous_model(registry, spec.name, run.job.name, table)
    story = loop.develop(table, spec, run, previous)
    package = run.timed("package", lambda: closing.package(story, spec, run, registry))
    report, files = run.timed("report", lambda: closing.report(story, spec, run, package, around.out))
    run.job.finish()
    return development(story, report, files, package, run)


def development(
    story: loop.Story, report: Report, files: ReportFiles, package: Package | None, run: Run
) -> Development:
    """Gather what a run ends with."""
    score = story.analysis.score
    honest = HonestScore(*score.numbers, score.metric)
    written = WrittenReport(report, files.html, files.json, files.markdown)
    return Development(report.run, story.verdict, honest, story.board, story.model, written, package, run.first_model_s)


def check(spec: Spec) -> None:
    """Hold the question against what can be answered. Raises ``ParameterError``."""
    if not spec.budget_s >= MIN_BUDGET_S:
        raise ParameterError(
            f"A time limit of {spec.budget_s:g} s is too short",
            why=f"Reading, checking and one model take {MIN_BUDGET_S:g} s",
            fix="Give 10 s or more",
        )
    if not 0 <= spec.holdout <= 0.5:
        raise ParameterError(
            f"holdout={spec.holdout:g} is not a share", why="It lies between 0 and 0.5", fix="0.2 sets a fifth aside"
        )
    for value, what, unit in ((spec.limits.latency_ms, "latency", "ms"), (spec.limits.size_bytes, "size", "bytes")):
        if value is not None and not value > 0:
            raise ParameterError(
                f"A {what} limit of {value:g} {unit} is impossible",
                why="It must be above 0",
                fix="Raise or drop the limit",
            )
    if spec.metric:
        find_metric(spec.metric)
    if spec.algorithms:
        from tarragon.algorithms import catalogue

        for algorithm in spec.algorithms:
            card = catalogue.get(algorithm).card
            if card.accepts == "table":
                raise ParameterError(
                    f"{card.title} cannot be one of the methods that are tried",
                    why="It is the loop itself",
                    fix="Leave it out, or run `tarragon train`",
                )


def _asked(spec: Spec) -> dict[str, object]:
    said = to_plain(spec)
    assert isinstance(said, dict)
    return dict(said)


def run_name(model: str) -> str:
    """Name a run so that names sort by time and never repeat on one machine."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
    return f"{model[:40].rstrip('-')}-{stamp}"


def _model_name(name: str, source: Source) -> str:
    if name and not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name):
        raise ParameterError(
            f"The name {name!r} cannot be used",
            why="Letters, digits and single hyphens, at most 63, as SageMaker has it",
            fix="churn-model",
        )
    if name:
        return name
    stem = Path(source).name.split(".")[0] if isinstance(source, (str, Path)) else "model"
    return re.sub(r"[^a-zA-Z0-9]+", "-", stem).strip("-")[:63].strip("-") or "model"


def _options(spec: Spec, source: Source) -> ReadOptions:
    fits = rows_that_fit(Path(source), free_bytes()) if isinstance(source, (str, Path)) else 0
    return ReadOptions(
        max_rows=fits,
        drop=spec.drop,
        sensitive=spec.sensitive,
        weight=spec.weight,
        group=spec.group,
        time=spec.time,
        task=spec.task,
        positive=spec.positive,
    )


_clock = time.monotonic
