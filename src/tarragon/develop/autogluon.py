"""AutoGluon-Tabular's interface over the loop: a training job of the model hub, raw columns in, a table model out.

What AutoGluon spends, its presets say; here each is a share of time and of what may be tried:

======================  ==========================================================
medium_quality          one minute
good_quality            two minutes
high_quality            four minutes
best_quality            eight minutes
optimize_for_deployment  one minute, and a row answered within ten milliseconds
interpretable           one minute, and a model that can be read as a whole
======================  ==========================================================

``time_limit``, AutoGluon's own word, overrules it. The loop always bags over folds and blends what is better for it:
``num_bag_folds``, ``num_bag_sets``, ``num_stack_levels``, ``auto_stack``, ``refit_full`` and their like are checked and
have nothing left to do. The artifact is this loop's model; TabularPredictor cannot load it.
"""

import json
import tempfile
import threading
from pathlib import Path

import numpy as np
import polars as pl

from tarragon.data import ReadOptions, Table, read_table
from tarragon.develop import loop
from tarragon.develop.api import KIND, run_name
from tarragon.develop.protocol import Limits, Spec
from tarragon.develop.run import Progress, Run
from tarragon.develop.snapshot import save_table
from tarragon.engine import LocalExecutor, Workspace, write_json
from tarragon.errors import DataError, ParameterError
from tarragon.metrics import metric as find_metric
from tarragon.refine import TableModel
from tarragon.train.builtin import Order, labelled, setting

METRICS: tuple[tuple[str, str], ...] = ()  # none are published
TARGET, COLUMNS = "label", "columns.json"
PRESETS = {
    "medium_quality": 60.0, "good_quality": 120.0, "high_quality": 240.0, "best_quality": 480.0,
    "optimize_for_deployment": 60.0, "interpretable": 60.0,
}  # fmt: skip
QUICK_MS = 10.0
OBJECTIVES = {
    "root_mean_squared_error": "rmse", "mean_squared_error": "mse", "mean_absolute_error": "mae", "r2": "r2",
    "mean_absolute_percentage_error": "mape", "roc_auc": "auc", "log_loss": "log_loss", "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy", "f1": "f1", "precision": "precision", "recall": "recall",
}  # fmt: skip
AUTO = {"regression": "rmse", "binary": "auc", "multiclass": "accuracy"}


def train(order: Order) -> None:
    """Develop a model and save it. Raises ``ParameterError`` or ``DataError``."""
    given = setting.read(order.hyperparameters, _wires(), {})
    say = order.teller.say
    say(f"Hyperparameters: {json.dumps(given)}")
    rows, held, categorical = labelled.frames(order)
    rows = _named(rows)
    task = "regression" if "regression" in order.model_id else "classification" if order.model_id else ""
    kinds = {rows.columns[j + 1]: "categorical" for j in categorical}
    table = read_table(rows, TARGET, options=ReadOptions(task=task, kinds=kinds or None))
    metric = _objective(given.get("eval_metric", "auto"), table)
    presets = str(given.get("presets", "medium_quality"))
    limits = Limits(
        latency_ms=QUICK_MS if presets == "optimize_for_deployment" else None, glass_box=presets == "interpretable"
    )
    spec = Spec(TARGET, "autogluon", float(given.get("time_limit", PRESETS[presets])), metric, task=task, limits=limits)
    model = _developed(order, table, spec)
    if held is not None:
        say(f"validation {metric}: {_judged(model, _named(held), metric):.6g}")
    model.save(order.folder)
    write_json([name for name in rows.columns if name != TARGET], order.folder / COLUMNS)
    order.serving("autogluon")


def _wires() -> dict[str, setting.Wire]:
    switches = ("auto_stack", "refit_full", "set_best_to_refit_full", "save_space")
    return {
        "eval_metric": setting.text(),
        "presets": setting.choice(*PRESETS),
        "num_bag_folds": setting.count(0, 10),
        "num_bag_sets": setting.count(1, 20),
        "num_stack_levels": setting.count(0, 3),
        "verbosity": setting.count(0, 4),
        "time_limit": setting.number(3),
        **{name: setting.flag() for name in switches},
    }


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    """Name columns by their place: the label first, then ``column_1`` and so on."""
    return frame.rename({name: f"column_{i}" if i else TARGET for i, name in enumerate(frame.columns)})


def _objective(asked: str, table: Table) -> str:
    if asked == "auto":
        return AUTO[table.task]
    if asked not in OBJECTIVES:
        raise ParameterError(
            f"Hyperparameter eval_metric: '{asked[:60]}' is not valid under any of the given schemas",
            why="Nothing is measured by it here",
            fix=f"Use auto, or one of {', '.join(OBJECTIVES)}",
        )
    return find_metric(OBJECTIVES[asked], table.task).name


def _developed(order: Order, table: Table, spec: Spec) -> TableModel:
    """Run the loop in a place of its own, beside the model's folder, and say who led."""
    teller, stop = order.teller, threading.Event()

    def watch(progress: Progress) -> None:
        if teller.stop_asked():
            stop.set()

    with (
        tempfile.TemporaryDirectory(prefix="develop-", dir=order.folder.parent) as place,
        LocalExecutor() as executor,
        Workspace.open(Path(place)) as workspace,
        workspace.start(KIND, run_name(spec.name), {}) as job,
    ):
        save_table(table, job.folder)
        story = loop.develop(table, spec, Run(job.folder, executor, spec.budget_s, job, workspace, watch, stop))
        teller.say(f"{'model':32}{'score_val':>14}   ({story.board.metric})")
        for standing in story.board.standings:
            teller.say(f"{standing.trial[:32]:32}{standing.score:14.6g}")
        teller.epoch(1, steps=len(story.outcome.trials), records=table.n_rows, metrics={})
        teller.say(f"Best model: {story.summary.title}, verdict {story.verdict.decision}")
        job.finish()
        return story.model


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
