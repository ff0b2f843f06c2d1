"""The loop: one table in, one packaged and explained model out. Read it top to bottom."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tarragon import choose, refine, tune
from tarragon.analyze import Predictor, Subject, examine
from tarragon.analyze.protocol import Analysis
from tarragon.choose.protocol import Feasibility, Plan, Profile
from tarragon.data import Encoder, Split, Table, split
from tarragon.develop.protocol import Limits, ModelSummary, Spec, Verdict
from tarragon.develop.run import Run
from tarragon.develop.verdict import judge
from tarragon.engine import folder_bytes, seed_for
from tarragon.errors import JobError
from tarragon.metrics import Metric, interval, metric
from tarragon.refine import Blend, Calibration, Compressed, Member, TableModel
from tarragon.train import ensure_view, write_folds
from tarragon.tune import Ground, Leaderboard, Outcome, Race, Trial

AS_IT_IS = Calibration()
WRITING_S = 1.8  # report, registration and the last moments of a run; measured 0.5–1.4 s


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """Everything the loop found out: what the report is written from, and the model."""

    table: Table
    split: Split
    profile: Profile
    feasibility: Feasibility
    plan: Plan
    outcome: Outcome
    board: Leaderboard
    summary: ModelSummary
    analysis: Analysis
    verdict: Verdict
    model: TableModel
    oof: np.ndarray
    notes: tuple[str, ...]


def develop(table: Table, spec: Spec, run: Run, previous: Predictor | None = None) -> Story:
    """Turn one table into an explained model. Each line's result is kept, so a killed run goes on where it was."""
    objective = metric(choose.objective(table, spec.metric)[0], table.task)
    run.metric = objective.name
    profile = run.stage("profile", Profile, lambda: choose.profile(table, seed=spec.seed, budget_s=0.05 * run.budget_s))
    table, _ = choose.repair(table, profile.findings, keep_leaks=spec.keep_leaks)
    folds = run.timed("split", lambda: fold(table, spec))
    ground = lay_ground(table, folds, objective, run, spec.seed)
    run.timed("opening", lambda: opening(plan_work(table, folds, spec, run, hopeless=False), ground, run))
    feasibility = run.stage(
        "feasibility",
        Feasibility,
        lambda: choose.feasibility(
            table, folds, profile, metric=objective.name, seed=spec.seed, budget_s=0.06 * run.budget_s
        ),
    )
    plan = run.stage("plan", Plan, lambda: plan_work(table, folds, spec, run, hopeless=feasibility.verdict == "STOP"))
    outcome = run.timed("trials", lambda: race(plan, ground, run))
    board = run.timed(
        "leaderboard", lambda: tune.rank(outcome.trials, objective, table.y, table.weight, _dropped(outcome))
    )
    choice = refine.selection(outcome.trials, objective, table.y, table.weight, single=spec.limits.glass_box)
    mixed = run.timed("blend", lambda: refine.blend(choice, table.n_rows, spec.seed))
    final = run.timed("compress", lambda: finish(mixed, choice, ground, table, spec.limits, run))
    calibrated_oof = final.model.calibration.apply(final.oof) if table.n_classes else final.oof
    subject = Subject(
        table=table,
        split=folds,
        oof=calibrated_oof,
        apparent=final.score,
        select=lambda rows: choice.again(rows, outcome.trials),
        board=board,
        trials=outcome.trials,
        winner=final.weights,
        threshold=final.model.threshold if table.task == "binary" else None,
        predictor=final.model,
        previous=previous,
        curve=feasibility.curve,
    )
    analysis = run.stage(
        "analysis",
        Analysis,
        lambda: examine(subject, metric=objective, seed=spec.seed, budget_s=max(1.0, run.left_s - WRITING_S)),
    )
    verdict = judge(feasibility, analysis, obeys=final.obeys, obeyed=final.obeyed)
    return Story(
        table=table,
        split=folds,
        profile=profile,
        feasibility=feasibility,
        plan=plan,
        outcome=outcome,
        board=board,
        summary=summarise(final, mixed),
        analysis=analysis,
        verdict=verdict,
        model=final.model,
        oof=calibrated_oof,
        notes=table.notes,
    )


def fit_model(table: Table, spec: Spec, run: Run, *, search: bool = True) -> TableModel:
    """Train and refine only: what the scikit-learn estimators need. Without search no clock decides what is tried."""
    objective = metric(choose.objective(table, spec.metric)[0], table.task)
    folds = fold(table, spec)
    plan = plan_work(table, folds, spec, run, hopeless=False)
    if not search:
        plan = dataclasses.replace(plan, spaces={})
    ground = lay_ground(table, folds, objective, run, spec.seed)
    opening(plan, ground, run)
    outcome = race(plan, ground, run)
    choice = refine.selection(outcome.trials, objective, table.y, table.weight, single=spec.limits.glass_box)
    mixed = refine.blend(choice, table.n_rows, spec.seed)
    return finish(mixed, choice, ground, table, spec.limits, run).model


def fold(table: Table, spec: Spec) -> Split:
    """Divide the rows: five folds, repeated on small tables where one division says little."""
    return split(
        table,
        n_folds=choose.n_folds(table, spec.budget_s),
        n_repeats=choose.n_repeats(table),
        seed=seed_for(spec.seed, "split"),
        holdout=spec.holdout,
    )


def plan_work(table: Table, folds: Split, spec: Spec, run: Run, *, hopeless: bool) -> Plan:
    """Turn the time that is left into candidates and shares."""
    request = choose.PlanRequest(
        metric=spec.metric,
        budget_s=run.budget_s,
        left_s=run.left_s,
        seed=seed_for(spec.seed, "plan") % 2**31,
        algorithms=spec.algorithms,
        glass_box=spec.limits.glass_box,
        workers=run.executor.capacity,
        hopeless=hopeless,
        slowness=run.slowness,
    )
    return choose.plan(table, folds, request)


def opening(plan: Plan, ground: Ground, run: Run) -> None:
    """Fit the cheapest candidate: a usable model within seconds, before anything is looked at more closely."""
    race(dataclasses.replace(plan, candidates=plan.candidates[:1], spaces={}), ground, run)
    run.executor.warm(choose.libraries(plan))


def lay_ground(table: Table, folds: Split, objective: Metric, run: Run, seed: int) -> Ground:
    """Encode the table once for all trials; each view is made when the first trial asks for it."""
    encoder = encoder_of(table, folds, run.folder, seed)
    folds_file = run.folder / "folds.npz"
    if not folds_file.exists():
        write_folds(folds, folds_file)
    y = table.y
    rows = np.concatenate([f.valid for f in folds.folds])
    return Ground(
        folder=run.folder,
        split=folds,
        y=y,
        weight=table.weight,
        n_classes=table.n_classes,
        metric=objective,
        view=lambda name: ensure_view(run.folder / "views" / name, lambda: encoder.data(table, name)),
        folds_file=folds_file,
        floor=objective.utility(objective.score(y[rows], constant(table, y[rows]))),
    )


def encoder_of(table: Table, folds: Split, folder: Path, seed: int) -> Encoder:
    """Learn the encoding once, without the target and without the holdout, and keep it."""
    place = folder / "encoder"
    if (place / "done").exists():
        return Encoder.load(place)
    kept = np.setdiff1d(np.arange(table.n_rows), folds.holdout)
    seen = table if not len(folds.holdout) else dataclasses.replace(table, frame=table.frame[kept])
    encoder = Encoder.fit(seen, seed=seed)
    place.mkdir(parents=True, exist_ok=True)
    encoder.save(place)
    (place / "done").touch()
    return encoder


def constant(table: Table, y: np.ndarray) -> np.ndarray:
    """Answer without looking at the row: class shares, or the mean."""
    if not table.n_classes:
        return np.full(len(y), y.mean())
    return np.tile(np.bincount(y.astype(np.int64), minlength=table.n_classes) / len(y), (len(y), 1))


def race(plan: Plan, ground: Ground, run: Run) -> Outcome:
    """Try the plan's candidates until the closing share of the budget begins."""

    def standing(trial: Trial) -> tuple[float, float, float]:
        rows = tune.judged([trial])
        return interval(ground.metric, ground.y[rows], trial.oof[rows])

    deadline = run.clock() + min(plan.search_s, max(1.0, run.left_s - plan.closing_s))
    runner = Race(
        plan,
        ground,
        run.executor,
        deadline,
        clock=run.clock,
        stop=run.stop.is_set,
        on_tick=lambda tick: run.tick(tick, standing),
    )
    outcome = runner.run()
    if not outcome.trials:
        reasons = (
            "; ".join(sorted({f"{name}: {why}" for name, _, _, why in outcome.dropped})) or "no candidate was begun"
        )
        raise JobError("No model could be trained", why=reasons, fix="Give more time, or more rows")
    return outcome


def finish(
    mixed: Blend, choice: refine.Selection, ground: Ground, table: Table, limits: Limits, run: Run
) -> Compressed:
    """Make the whole model from the blend, within the limits; calibrate and set the threshold on what was taken."""
    encoder = Encoder.load(run.folder / "encoder")
    encoder_bytes = folder_bytes(run.folder / "encoder")

    def make(members: tuple[Member, ...], calibration: Calibration = AS_IT_IS, threshold: float = 0.5) -> TableModel:
        return TableModel(
            encoder, members, table.task, table.classes, table.target, calibration, threshold, encoder_bytes
        )

    sample: pl.DataFrame = table.frame.head(30)
    taken = refine.compress(mixed, choice, limits, make, sample, run.folder)
    if not table.n_classes:
        return taken
    rows = choice.rows
    calibration, why = refine.calibrate(choice.y, taken.oof[rows], choice.weight)
    answers = calibration.apply(taken.oof[rows])
    threshold = refine.choose_threshold(ground.metric, choice.y, answers, choice.weight)
    model = make(taken.model.members, calibration, threshold)
    model.judges = taken.model.judges
    score = ground.metric.score(choice.y, answers, choice.weight, threshold=threshold)
    return dataclasses.replace(taken, model=model, score=score, given_up="; ".join(filter(None, (taken.given_up, why))))


def summarise(final: Compressed, mixed: Blend) -> ModelSummary:
    """Say what the winner is made of."""
    from tarragon.algorithms import catalogue

    members = final.model.members
    title = catalogue.get(members[0].algorithm).card.title if len(members) == 1 else f"Blend of {len(members)}"
    return ModelSummary(
        title=title,
        members=final.weights,
        why="; ".join(filter(None, (mixed.why, final.given_up))),
        threshold=final.model.threshold if final.model.task == "binary" else None,
        calibrated=not final.model.calibration.is_identity,
        glass_box=refine.is_glass_box(members),
        obeyed=final.obeyed,
    )


def _dropped(outcome: Outcome) -> list[tuple[str, int, float]]:
    return [(name, folds, score) for name, folds, score, _ in outcome.dropped if folds]


__all__ = ["Story", "develop"]
