"""Do a run's work again and hold the result against the record, byte by byte.

A replay repeats the plan, not the clock: the same fits on the same rows with the same seeds and threads, each stopped
after as many rounds as the first time. How long that takes, and what else the machine does, changes nothing.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tarragon import choose
from tarragon.choose.protocol import Profile
from tarragon.data import Encoder, Fold, Table
from tarragon.develop import loop
from tarragon.develop.loop import Story
from tarragon.develop.protocol import Spec
from tarragon.develop.run import Run, Watcher, nobody
from tarragon.develop.snapshot import is_as_kept, load_table, spec_of
from tarragon.engine import (
    Executor,
    LocalExecutor,
    Task,
    WorkRecord,
    Workspace,
    WorkUnit,
    code_sha256,
    difference,
    environment,
    load,
)
from tarragon.errors import NotFoundError
from tarragon.metrics import metric
from tarragon.refine import Member, TableModel
from tarragon.train import load_model, read_oof, read_record
from tarragon.tune import Ground

KIND = "develop"
ANSWERED_ROWS = 1_000  # every fit's held-out predictions are compared besides, so these show the whole is put together


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Whether the work came out the same.

    Parameters
    ----------
    equal : bool
        The rebuilt model answers rows of the table with the very bytes of the first, and every fit that was repeated
        predicts its held-out rows with the very bytes of the first.
    differences : tuple of str
        What differed, in plain words; also what may explain it (another library version).
    units : int
        Fits repeated.
    """

    run: str
    equal: bool
    differences: tuple[str, ...]
    predictions_sha256: str
    recorded_sha256: str
    units: int


def array_sha256(values: NDArray[np.float64]) -> str:
    """Hash of an array's shape and bytes."""
    return hashlib.sha256(str(values.shape).encode() + np.ascontiguousarray(values).tobytes()).hexdigest()


def answers_sha256(model: TableModel, table: Table) -> str:
    """Hash of the model's answers on rows spread evenly over the table, at most ``ANSWERED_ROWS`` of them."""
    step = -(-table.n_rows // ANSWERED_ROWS)
    return array_sha256(model.respond(table.frame.gather_every(step)))


def split_sha256(folds: Sequence[Fold]) -> str:
    """Hash of every fold's row numbers."""
    digest = hashlib.sha256()
    for fold in folds:
        for part in (fold.train, fold.valid):
            digest.update(array_sha256(part.astype(np.float64)).encode())
    return digest.hexdigest()


def work_record(story: Story, spec: Spec, run: Run) -> WorkRecord:
    """Write down the work that was done: every fit that ended, and the hash of what came of it."""
    units = []
    for folder in sorted((run.folder / "trials").glob("*/")):
        for trial in (t for t in story.outcome.trials if folder.name.endswith(f"-{t.name}")):
            for k in trial.folds:
                kept = read_record(folder / f"fold-{k}")
                rounds = kept.epochs if kept is not None and kept.stopped else 0
                units.append(
                    WorkUnit(trial.name, trial.algorithm, dict(trial.params), trial.view, k, rounds, story.plan.seed)
                )
    return WorkRecord(
        data_sha256=story.table.sha256,
        split_sha256=split_sha256(story.split.folds),
        code_sha256=code_sha256(),
        environment=dict(environment()),
        seed=spec.seed,
        threads=story.plan.threads,
        units=tuple(units),
        prediction_sha256=answers_sha256(story.model, story.table),
    )


def replay(name: str, *, home: str | Path | None = None, progress: Watcher = nobody) -> ReplayResult:
    """Repeat the work of a finished run and compare.

    Raises
    ------
    NotFoundError
        No such run, or one that did not get to its end.
    """
    with Workspace.open(Path(home) if home else None) as workspace:
        kept = workspace.job(KIND, name)
        folder = workspace.folder(KIND, name)
        if not (folder / "replay.json").exists():
            raise NotFoundError(
                f"Run {name} left no replay record", why="It did not get to its end", fix=f"tarragon resume {name}"
            )
        spec: Spec = spec_of(kept)
        recorded: WorkRecord = load(folder / "replay.json", WorkRecord)
        with tempfile.TemporaryDirectory(prefix="tarragon-replay-") as scratch, LocalExecutor() as executor:
            run = Run(Path(scratch), executor, spec.budget_s, watcher=progress)
            return _again(name, folder, spec, recorded, run)


def _again(name: str, folder: Path, spec: Spec, recorded: WorkRecord, run: Run) -> ReplayResult:
    table = load_table(folder)
    profile: Profile = load(folder / "stages" / "profile.json", Profile)
    table, _ = choose.repair(table, profile.findings, keep_leaks=spec.keep_leaks)
    folds = loop.fold(table, spec)
    objective = metric(choose.objective(table, spec.metric)[0], table.task)
    ground = loop.lay_ground(table, folds, objective, run, spec.seed)
    places = refit(recorded, ground, run.executor, run)
    model = rebuild(TableModel.load(folder / "package" / "model"), places, run.folder)
    answered = answers_sha256(model, table)
    now = replace(
        recorded,
        split_sha256=split_sha256(folds.folds),
        code_sha256=code_sha256(),
        environment=dict(environment()),
        prediction_sha256=answered,
    )
    other = _other_predictions(folder, places, recorded)
    if not is_as_kept(folder):
        other.insert(0, "the kept table is no longer the one the run learned from")
    differences = (*difference(recorded, now), *other)
    return ReplayResult(
        name,
        answered == recorded.prediction_sha256 and not other,
        differences,
        answered,
        recorded.prediction_sha256,
        len(recorded.units),
    )


def refit(recorded: WorkRecord, ground: Ground, executor: Executor, run: Run) -> dict[str, Path]:
    """Do every recorded fit again; returns each trial's folder."""
    by_trial: dict[str, list[WorkUnit]] = {}
    for unit in recorded.units:
        by_trial.setdefault(unit.trial, []).append(unit)
    places, handles = {}, []
    for trial, units in by_trial.items():
        places[trial] = run.folder / "trials" / trial
        places[trial].mkdir(parents=True)
        argument = {
            "view": str(ground.view(units[0].view)),
            "folds_file": str(ground.folds_file),
            "trial": str(places[trial]),
            "algorithm": units[0].algorithm,
            "params": dict(units[0].params),
            "folds": [u.fold for u in units],
            "metric": ground.metric.name,
            "seed": units[0].seed,
            "threads": recorded.threads,
            "time_limit": None,
            "epochs": [u.rounds or None for u in units],
        }
        handles.append(executor.submit(Task("tarragon.train.unit:work", argument, places[trial] / "task", trial)))
        run.tell(f"{trial}: {len(units)} fits again")
    for handle in handles:
        while not executor.wait((handle,), 1.0):
            pass
        handle.result()
    return places


def rebuild(first: TableModel, places: dict[str, Path], folder: Path) -> TableModel:
    """Put the refitted models together as the first model was."""
    members = tuple(
        Member(
            m.trial,
            m.algorithm,
            m.view,
            m.weight,
            m.folds,
            tuple(load_model(m.algorithm, places[m.trial] / f"fold-{k}") for k in m.folds),
            m.size_bytes,
        )
        for m in first.members
    )
    return TableModel(
        Encoder.load(folder / "encoder"),
        members,
        first.task,
        first.classes,
        first.target,
        first.calibration,
        first.threshold,
    )


def _other_predictions(folder: Path, places: dict[str, Path], recorded: WorkRecord) -> list[str]:
    """Name the fits whose out-of-fold predictions are not byte-equal."""
    other = []
    for unit in recorded.units:
        first = next(iter(sorted((folder / "trials").glob(f"*-{unit.trial}/fold-{unit.fold}"))), None)
        if first is not None and not np.array_equal(
            read_oof(first), read_oof(places[unit.trial] / f"fold-{unit.fold}")
        ):
            other.append(f"{unit.trial} predicts other values on fold {unit.fold}")
    return other
