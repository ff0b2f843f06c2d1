"""An AutoML job: the loop over a table in the object store, in a process of its own, its models stored one by one.

Everything the loop makes stays in the job's folder, with a store of its own, so that a job that was killed goes on
where it was; what leaves it is a model for each of the best candidates, and the report.
"""

import csv
import dataclasses
import json
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tarragon.data import ReadOptions, Table, read_table
from tarragon.develop import closing, loop
from tarragon.develop.api import KIND, run_name
from tarragon.develop.protocol import Spec
from tarragon.develop.question import AutomlSpec
from tarragon.develop.run import Progress, Run
from tarragon.develop.snapshot import load_table, save_table
from tarragon.engine import (
    LocalExecutor,
    Objects,
    Workspace,
    append_event,
    from_plain,
    object_root,
    to_plain,
    write_json,
)
from tarragon.errors import DataError, TarragonError
from tarragon.metrics import Task, for_task
from tarragon.metrics import metric as find_metric
from tarragon.refine import TableModel, bag
from tarragon.train import Source, chosen, download, pack, require_bucket
from tarragon.tune import Trial

STOP, LOOK_S = "stop", 0.2
MODELS = 10  # candidates whose models are stored, besides the best: the others are on the leaderboard only
MIN_BUDGET_S = 3.0
COLUMNS = "columns.json"  # inside a model's archive: the columns a request's rows have, in order
DEFAULT = {"binary": "f1", "multiclass": "accuracy", "regression": "mse"}  # objectives, as AutoML's users expect
PARQUET = "parquet"
REASON_LETTERS = 1024
STAGES = ("profile", "opening", "trials", "analysis", "report")
"""Lines of the loop that are told as phases. Others are ``starting``, ``candidates-reached`` and ``time-up``."""


def run(argument: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Run an AutoML job; a supervisor calls this in a forked process (see :mod:`tarragon.engine.supervisor`)."""
    return Automl(from_plain(argument["spec"]["automl"], AutomlSpec), argument).perform()


class Automl:
    """One run of a job.

    Parameters
    ----------
    spec : AutomlSpec
    argument : mapping
        As the supervisor gives it.
    """

    def __init__(self, spec: AutomlSpec, argument: Mapping[str, Any]) -> None:
        self.spec, self.name = spec, str(argument["name"])
        self.folder = Path(argument["job_folder"])
        self.objects = Objects(object_root(Path(argument["home"])))
        self._stop, self._over = threading.Event(), threading.Event()
        self._asked = self._full = False
        self._told: list[str] = []

    def perform(self) -> dict[str, Any]:
        """Do everything and say how it ended."""
        self._phase("starting", "Starting the AutoML job")
        with self._watching():
            try:
                found = self._develop()
            except TarragonError as error:
                state = "Stopped" if self._asked else "Failed"
                return {"state": state, "reason": str(error)[:REASON_LETTERS]}
        return {"state": "Stopped" if self._asked else "Completed", **found}

    def _develop(self) -> dict[str, Any]:
        require_bucket(self.objects, self.spec.output_uri)
        with LocalExecutor() as executor, Workspace.open(self.folder / "develop") as workspace:
            earlier = next(iter(workspace.jobs(KIND)), None)
            if earlier is not None and not earlier.state.over:
                job, spent = workspace.resume(KIND, earlier.name), self._spent(workspace, earlier.name)
            else:
                job, spent = workspace.start(KIND, run_name(self.name), {"automl": self.name}), 0.0
            with job:
                table = load_table(job.folder) if (job.folder / "table.json").exists() else self._read(job.folder)
                metric = find_metric(self.spec.metric or DEFAULT[table.task], table.task).name
                budget = max(MIN_BUDGET_S, self.spec.budget_s)
                spec = Spec(self.spec.target, self.name, budget, metric, weight=self.spec.weight, task=table.task)
                spec = dataclasses.replace(spec, algorithms=self.spec.algorithms)
                run = Run(job.folder, executor, budget, job, workspace, self._watch, self._stop, spent_s=spent)
                story = loop.develop(table, spec, run)
                if not story.outcome.ended and not self._asked:
                    self._phase("time-up", "The time of the job is used up")
                report = run.timed("report", lambda: closing.report(story, spec, run, None, None)[1])
                found = self._store(story, report.html.parent, job.folder)
                job.finish()
        return found

    def _read(self, folder: Path) -> Table:
        """Bring the table here, understand it and keep it beside the run."""
        spec = self.spec
        if spec.validation is not None:  # what is wrong with it is found before the work
            self._one_file(self.folder / "held-out", spec.validation)
        path = self._one_file(self.folder / "data", spec.source)
        drop = self._unwanted(path)
        table = read_table(path, spec.target, options=ReadOptions(drop=drop, weight=spec.weight, task=spec.task))
        find_metric(spec.metric or DEFAULT[table.task], table.task)
        save_table(table, folder)
        shutil.rmtree(self.folder / "data")
        return table

    def _one_file(self, folder: Path, source: Source) -> Path:
        """Copy what the prefix holds; several files become one."""
        shutil.rmtree(folder, ignore_errors=True)
        download(self.objects, chosen(self.objects, source.uri, source.kind), folder / "in", unzip=source.gzip)
        paths = sorted(path for path in (folder / "in").rglob("*") if path.is_file())
        if PARQUET in source.content_type or all(path.suffix == ".parquet" for path in paths):
            try:
                pl.concat([pl.read_parquet(path) for path in paths]).write_parquet(folder / "table.parquet")
            except pl.exceptions.PolarsError as error:
                raise DataError("The Parquet files cannot be read as one table", why=str(error)) from error
            return folder / "table.parquet"
        return join(paths, folder / "table.csv")

    def _unwanted(self, path: Path) -> tuple[str, ...]:
        """Name the columns that the feature specification leaves out."""
        if not self.spec.features_uri:
            return ()
        try:
            wanted = json.loads(self.objects.get(self.spec.features_uri))["FeatureAttributeNames"]
        except (TarragonError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"The feature specification {self.spec.features_uri} cannot be read", why=str(error),
                fix='It reads {"FeatureAttributeNames": ["age", …]}',
            ) from error  # fmt: skip
        kept = {*map(str, wanted), self.spec.target, self.spec.weight}
        names = list(pl.read_parquet_schema(path)) if path.suffix == ".parquet" else header(path)
        return tuple(name for name in names if name not in kept)

    def _store(self, story: loop.Story, report: Path, folder: Path) -> dict[str, Any]:
        """Store models and report; describe the candidates, best first."""
        base = f"{self.spec.output_uri.rstrip('/')}/{self.name}"
        table, objective = story.table, find_metric(story.board.metric, story.table.task)
        now = time.time()
        members = story.model.members
        named = members[0].trial if len(members) == 1 else "blend"
        columns = [name for name in table.frame.columns if name not in (table.target, self.spec.weight)]
        best = {
            "name": f"{self.name}-{named}", "score": story.analysis.apparent, "title": story.summary.title,
            "metrics": self._metrics(story, story.oof, story.model.threshold), "ended": now,
            "model_uri": self._model(story.model, columns, f"{base}/models/{named}"),
            "held_out": self._held_out(story.model),
        }  # fmt: skip
        trials = {trial.name: trial for trial in story.outcome.trials}
        candidates = [best]
        for i, standing in enumerate(story.board.standings):
            if standing.trial == named or standing.trial not in trials:
                continue
            trial = trials[standing.trial]
            each = {
                "name": f"{self.name}-{trial.name}", "score": standing.score, "title": standing.algorithm, "ended": now,
                "metrics": self._metrics(story, trial.oof, None), "params": to_plain(dict(standing.params)),
            }  # fmt: skip
            if i < MODELS:
                model = self._of_trial(story.model, trial, folder)
                each["model_uri"] = self._model(model, columns, f"{base}/models/{trial.name}")
                each["held_out"] = self._held_out(model)
            candidates.append(each)
        documents = f"{base}/documentation"
        for path in sorted(report.iterdir()):
            self.objects.put(f"{documents}/model_insights/{path.name}", path)
        importance = json.dumps(to_plain(story.analysis.importance), indent=1, default=str).encode()
        self.objects.put(f"{documents}/explainability/importance.json", importance)
        return {
            "candidates": candidates, "task": table.task, "metric": objective.name,
            "greater_is_better": objective.greater_is_better, "verdict": story.verdict.decision,
            "reasons": [reason.text for reason in story.verdict.reasons],
            "insights_uri": f"{documents}/model_insights", "explainability_uri": f"{documents}/explainability",
        }  # fmt: skip

    def _metrics(self, story: loop.Story, oof: Any, threshold: float | None) -> dict[str, float]:
        """Judge out-of-fold answers by every metric of the task."""
        table, flat = story.table, oof if oof.ndim == 1 else oof[:, 0]
        rows = (flat == flat).nonzero()[0]
        weight = None if table.weight is None else table.weight[rows]
        return self._scores(table.y[rows], oof[rows], weight, table.task, threshold)

    def _held_out(self, model: TableModel) -> dict[str, float]:
        """Judge a model on the rows that were set aside for it, if any were."""
        if self.spec.validation is None:
            return {}
        path = next((self.folder / "held-out").glob("table.*"))
        table = read_table(path, model.target, options=ReadOptions(weight=self.spec.weight, task=model.task))
        unknown = [str(label) for label in table.classes if label not in model.classes]
        if unknown:
            raise DataError(
                f"The validation rows have classes that training has not: {', '.join(unknown[:10])}",
                why="no model can answer them", fix="Train on rows of every class",
            )  # fmt: skip
        rows = table.frame.drop(model.target)
        answers = model.predict_proba(rows) if table.n_classes else model.predict(rows)
        codes = np.asarray([model.classes.index(label) for label in table.classes], dtype=np.float64)
        y = codes[table.y.astype(np.int64)] if table.n_classes else table.y
        return self._scores(y, answers, table.weight, model.task, model.threshold)

    def _scores(self, y: Any, answers: Any, weight: Any, task: Task, threshold: float | None) -> dict[str, float]:
        scores = {each.name: each.score(y, answers, weight, threshold=threshold) for each in for_task(task)}
        return {name: float(value) for name, value in scores.items() if value == value}

    def _of_trial(self, best: TableModel, trial: Trial, folder: Path) -> TableModel:
        members = (bag(trial, 1.0, folder),)
        return TableModel(best.encoder, members, best.task, best.classes, best.target, encoder_bytes=best.encoder_bytes)

    def _model(self, model: TableModel, columns: list[str], uri: str) -> str:
        place = self.folder / "model"
        shutil.rmtree(place, ignore_errors=True)
        model.save(place)
        write_json(columns, place / COLUMNS)
        self.objects.put(f"{uri}/model.tar.gz", pack(place, self.folder / "model.tar.gz"))
        return f"{uri}/model.tar.gz"

    def _watch(self, progress: Progress) -> None:
        """Turn the loop's progress into phases, and end its search when there are candidates enough."""
        if progress.stage in STAGES and progress.stage not in self._told:
            self._phase(progress.stage, progress.message)
        if self.spec.max_candidates and progress.trials_done >= self.spec.max_candidates and not self._full:
            self._full = True
            self._phase("candidates-reached", f"{progress.trials_done} candidates were trained")
            self._stop.set()

    def _phase(self, status: str, message: str) -> None:
        self._told.append(status)
        append_event(self.folder, "phase", {"status": status, "message": message}, time=time.time())

    def _spent(self, workspace: Workspace, name: str) -> float:
        events = workspace.events(KIND, name)
        return max([0.0, *(float(str(each.payload["elapsed_s"])) for each in events if "elapsed_s" in each.payload)])

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Look for the file that asks this job to stop."""

        def look() -> None:
            while not self._over.wait(LOOK_S):
                if (self.folder / STOP).exists():
                    self._asked = True
                    self._stop.set()
                    return

        thread = threading.Thread(target=look, name="automl-stop", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


def header(path: Path) -> list[str]:
    """Read the names a CSV file begins with."""
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        return next(csv.reader(file), [])


def join(paths: list[Path], to: Path) -> Path:
    """Put CSV files with the same header one after the other.

    Raises
    ------
    DataError
        When a header differs.
    """
    first = header(paths[0])
    with open(to, "wb") as file:
        for i, path in enumerate(paths):
            if header(path) != first:
                raise DataError(
                    f"{path.name} has other columns than {paths[0].name}", why="files of one input are one table",
                    fix="Give every file the same header",
                )  # fmt: skip
            with open(path, "rb") as part:
                if i:
                    part.readline()
                shutil.copyfileobj(part, file, 1 << 20)
                if part.tell() and not _ended(path):
                    file.write(b"\n")
    return to


def _ended(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
