"""A training job of the model hub that asks for AutoGluon-Tabular: CSV in, the loop, a table model out."""

import json
import tempfile
import threading
from pathlib import Path

import numpy as np
import polars as pl

from tarragon.algorithms import Context, build
from tarragon.data import ReadOptions, Table, read_table
from tarragon.develop import loop
from tarragon.develop.api import KIND, run_name
from tarragon.develop.ensemble import AUTO, OBJECTIVES, PRESETS, AutoGluon
from tarragon.develop.loop import Story
from tarragon.develop.protocol import Limits, Spec
from tarragon.develop.run import Progress, Run
from tarragon.develop.snapshot import save_table
from tarragon.engine import LocalExecutor, Workspace, write_json
from tarragon.errors import DataError
from tarragon.metrics import metric as find_metric
from tarragon.refine import TableModel
from tarragon.train.builtin import Order, Teller, labelled, setting

METRICS: tuple[tuple[str, str], ...] = ()  # none are published
TARGET, COLUMNS = "label", "columns.json"
QUICK_MS = 10.0


def train(order: Order) -> None:
    """Develop a model and save it. Raises ``ParameterError`` or ``DataError``."""
    given = setting.read(order.hyperparameters, setting.declarations(AutoGluon), {})
    say = order.teller.say
    say(f"Hyperparameters: {json.dumps(given)}")
    rows, held, categorical = labelled.frames(order)
    rows = _named(rows)
    task = "regression" if "regression" in order.model_id else "classification" if order.model_id else ""
    kinds = {rows.columns[j + 1]: "categorical" for j in categorical}
    table = read_table(rows, TARGET, options=ReadOptions(task=task, kinds=kinds or None))
    model = build(AutoGluon, setting.values(AutoGluon, given))
    model.place = order.folder.parent
    model.fit(table, context=order.teller)
    say(f"{'model':32}{'score_val':>14}   ({model.metric_})")
    for name, score in model.standings_:
        say(f"{name[:32]:32}{score:14.6g}")
    say(f"Best model: {model.standings_[0][0]}, verdict {model.verdict_}")
    if held is not None:
        say(f"validation {model.metric_}: {_judged(model.model_, _named(held), model.metric_):.6g}")
    model.save(order.folder)
    write_json([name for name in rows.columns if name != TARGET], order.folder / COLUMNS)
    order.serving("autogluon")


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    """Name columns by their place: the label first, then ``column_1`` and so on."""
    return frame.rename({name: f"column_{i}" if i else TARGET for i, name in enumerate(frame.columns)})


def developed(asked: AutoGluon, table: Table, context: Context) -> Story:
    """Run the loop on a table, in a place of its own that is gone afterwards.

    Raises
    ------
    ParameterError
        The metric does not go with the target.
    DataError
    """
    metric = AUTO[table.task] if asked.eval_metric == "auto" else OBJECTIVES[asked.eval_metric]
    limits = Limits(
        latency_ms=QUICK_MS if asked.presets == "optimize_for_deployment" else None,
        glass_box=asked.presets == "interpretable",
    )
    spec = Spec(
        table.target, "autogluon", asked.time_limit or PRESETS[asked.presets], find_metric(metric, table.task).name,
        seed=context.seed, task=table.task, limits=limits,
    )  # fmt: skip
    stop, say = threading.Event(), context.say if isinstance(context, Teller) else _nobody

    def watch(progress: Progress) -> None:
        if context.stop_asked():
            stop.set()
        best = f"  best {progress.metric} {progress.best[0]:.6g}" if progress.best else ""
        about = "" if progress.message.startswith(progress.stage) else f"{progress.stage}: "
        say(f"{progress.elapsed_s:6.1f} s  {about}{progress.message}{best}")

    with (
        tempfile.TemporaryDirectory(prefix="develop-", dir=asked.place) as place,
        LocalExecutor() as executor,
        Workspace.open(Path(place)) as workspace,
        workspace.start(KIND, run_name(spec.name), {}) as job,
    ):
        save_table(table, job.folder)
        story = loop.develop(table, spec, Run(job.folder, executor, spec.budget_s, job, workspace, watch, stop))
        for reason in story.verdict.reasons:
            say(f"{reason.weight}: {reason.text}")
        for note in story.notes:
            say(f"note: {note}")
        context.epoch(1, steps=len(story.outcome.trials), records=table.n_rows, metrics={})
        job.finish()
    return story


def _nobody(text: str) -> None:
    """Hear a line of a fit that nobody listens to."""


def _judged(model: TableModel, held: pl.DataFrame, metric: str) -> float:
    """Score the model on rows it was not developed on. Raises ``DataError`` for labels that training rows lack."""
    measure = find_metric(metric, model.task)
    if model.task == "regression":
        return float(measure.score(held[TARGET].cast(pl.Float64).to_numpy(), model.predict(held)))
    codes = {labelled.word(name): float(code) for code, name in enumerate(model.classes)}
    unknown = [each for each in held[TARGET].unique().to_list() if labelled.word(each) not in codes]
    if unknown:
        raise DataError(
            f"The validation rows have a label {unknown[0]!r}", why=f"Training rows have {list(codes)[:10]}",
            fix="Give both the same classes",
        )  # fmt: skip
    y = np.array([codes[labelled.word(each)] for each in held[TARGET].to_list()])
    return float(measure.score(y, model.predict_proba(held), threshold=model.threshold))
