"""Everything there is to say about a finished model, within a budget of seconds: the room's one entry.

Steps come in the order of what a reader needs most. Cheap ones always run; dear ones are planned from the measured
speed of the model (fewer rows, fewer repeats), and what does not fit is named in ``Analysis.skipped``.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tarragon.analyze.actions import next_actions
from tarragon.analyze.baselines import all_baselines
from tarragon.analyze.bias import all_facets
from tarragon.analyze.cost import measure_cost
from tarragon.analyze.explanation import explain_rows
from tarragon.analyze.fit import judge_fit
from tarragon.analyze.honest import Choice, averaging_gain, between_folds, fresh_rows, honest, optimism
from tarragon.analyze.importance import ROWS, Worth, permutation, relatives
from tarragon.analyze.interpretability import price_of_glass
from tarragon.analyze.pictures import draw
from tarragon.analyze.predictive import Judged
from tarragon.analyze.protocol import Analysis, BiasFacet, Explanation, Fit, Importance, Score, Slice
from tarragon.analyze.scores import Wording, as_score, every_score, one_score
from tarragon.analyze.screening import strongest
from tarragon.analyze.slices import look
from tarragon.analyze.subject import Evidence, Subject, evidence
from tarragon.metrics import Metric, number

GROUP = 8  # columns shuffled between two looks at the clock
PROBE = 300  # rows that measure the model's speed and the folds' disagreement
SHARES = {"honest": 0.2, "cost": 0.3, "importance": 0.6, "slices": 0.75, "explanation": 0.95}
"""Parts of the budget that may be gone when a step ends."""


@dataclass(slots=True)
class _Pace:
    """How time stands, and what was left out for want of it."""

    clock: Callable[[], float]
    start: float
    budget_s: float
    on_step: Callable[[str], None] | None
    skipped: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        if self.on_step is not None:
            self.on_step(name)

    def until(self, step: str) -> float:
        """Clock time at which a step should have ended."""
        return self.start + SHARES[step] * self.budget_s

    def left(self, step: str) -> float:
        """Seconds a step may take from now."""
        return self.until(step) - self.clock()

    def go_on(self, step: str) -> Callable[[], bool]:
        return lambda: self.left(step) > 0


@dataclass(frozen=True, slots=True)
class _Speed:
    """Seconds per call and per row: of the whole model, and of one fold's models."""

    call: float
    row: float
    fold_call: float
    fold_row: float


def examine(
    subject: Subject,
    *,
    metric: Metric,
    seed: int,
    budget_s: float,
    clock: Callable[[], float] = time.monotonic,
    on_step: Callable[[str], None] | None = None,
) -> Analysis:
    """Examine a finished model.

    Parameters
    ----------
    metric : Metric
        The objective.
    budget_s : float
        Seconds this may take; kept by doing the dear steps on fewer rows or not at all.
    clock : callable
        Seconds, rising.
    on_step : callable or None
        Told the name of each step as it starts.
    """
    pace = _Pace(clock, clock(), budget_s, on_step)
    table = subject.table
    proof = evidence(subject)
    words = Wording(table.target, table.classes)
    judged = Judged(proof.y, proof.p, proof.weight, subject.threshold)
    pace.step("score")
    speed, singles = _probe(subject, proof, pace, seed)
    score, surplus = _score(subject, metric, proof, (judged, words, singles), pace, seed)
    pace.step("scores, pictures and baselines")
    others = every_score(table.task, metric, judged, words, seed)
    pictures = draw(judged, table.classes, seed)
    baselines = all_baselines(subject, metric, proof, words, go_on=pace.go_on("cost"))
    pace.step("cost")
    cost = measure_cost(
        subject,
        _frame(subject)[proof.sample(20_000, seed).rows],
        clock=clock,
        until=pace.until("cost"),
        rows_per_s=PROBE / (speed.call + PROBE * speed.row),
    )
    pace.step("importance")
    worth = _importance(subject, metric, proof, speed, pace, seed)
    pace.step("fit, slices and bias")
    fit = _fit(subject, metric, baselines[0].score.value)
    slices = _slices(subject, metric, proof, pace)
    bias = _bias(subject, proof, words, pace, seed)
    pace.step("explanation")
    explanation = _explanation(subject, proof, worth, speed, pace, seed)
    importance = _joined(subject, proof, worth, explanation)
    glass = price_of_glass(subject, metric, proof, words)
    actions = next_actions(subject, metric, proof, (fit, importance, slices, glass))
    return Analysis(
        score=score, apparent=subject.apparent, optimism=surplus, holdout=_holdout(subject, metric, words, seed),
        others=others, baselines=baselines, pictures=pictures, fit=fit, importance=importance,
        explanation=explanation, slices=slices, bias=bias, interpretability=glass, cost=cost, actions=actions,
        seconds=clock() - pace.start, skipped=tuple(pace.skipped),
    )  # fmt: skip


def _frame(subject: Subject) -> pl.DataFrame:
    return subject.table.frame.drop(subject.table.target)


def _probe(subject: Subject, proof: Evidence, pace: _Pace, seed: int) -> tuple[_Speed, np.ndarray | None]:
    """Measure the model's speed; with it come each fold's answers to the same rows, if there is time for them."""
    few = _frame(subject)[proof.sample(PROBE, seed).rows]
    respond, clock = subject.predictor.respond, pace.clock
    respond(few.head(1))  # the first call loads what is loaded lazily
    marks = [clock()]
    respond(few.head(1))
    marks.append(clock())
    respond(few)
    marks.append(clock())
    call = max(marks[1] - marks[0], 1e-6)
    row = max(marks[2] - marks[1] - call, 1e-7 * few.height) / max(few.height - 1, 1)
    count = _n_models(subject)
    if count < 2:
        return _Speed(call, row, call, row), None
    fold_s = max((marks[2] - marks[1]) / count, call)  # two folds always: the interval's better end needs them
    folds = range(int(np.clip(0.1 * pace.budget_s / fold_s, 2, count)))
    singles = np.stack([respond(few, k) for k in folds])
    spent = (clock() - marks[2]) / len(folds)
    return _Speed(call, row, min(call, spent), max(spent - min(call, spent), 1e-7 * few.height) / few.height), singles


def _n_models(subject: Subject) -> int:
    """Fold models that answer a new row together."""
    return min(subject.split.n_folds, len(subject.split.folds))


def _score(
    subject: Subject,
    metric: Metric,
    proof: Evidence,
    given: tuple[Judged, Wording, np.ndarray | None],
    pace: _Pace,
    seed: int,
) -> tuple[Score, float]:
    """Return the honest score and the optimism taken off."""
    judged, words, singles = given
    shares = dict(subject.winner)
    choice = Choice(
        tuple(t.oof for t in subject.trials),
        proof.rows,
        np.array([shares.get(t.name, 0.0) for t in subject.trials]),
        subject.select,
        subject.threshold,
    )
    penalty, resamples = 0.0, 0
    if choice.weights.any():
        penalty, resamples = optimism(metric, proof.y, choice, proof.weight, seed=seed, go_on=pace.go_on("honest"))
    if 0 < resamples < 20:
        pace.skipped.append(f"most of the resampling of the choice: {resamples} resamples instead of up to 200")
    gain = 0.0
    if singles is not None and len(singles) > 1:
        residuals = proof.y - proof.p if proof.p.ndim == 1 else None
        gain = averaging_gain(metric, singles, residuals, models=_n_models(subject), seed=seed)
    ordered = subject.split.strategy in {"time", "group"}
    spread = between_folds(metric, proof.y, proof.p, proof.fold, next_fold=ordered)
    ends = honest(metric, judged, penalty=penalty, shifts=(gain, spread), seed=seed)
    score = as_score(metric, ends, judged, words)
    if score.value is None:
        return score, penalty
    fresh = fresh_rows(len(proof.y))
    told = (
        f"{score.sentence} On {fresh:,} fresh rows of the same kind, expect {metric.title} between "
        f"{number(ends[1])} and {number(ends[2])} (95 %)."
    )
    return Score(score.metric, score.title, score.greater_is_better, *ends, score.n, told), penalty


def _importance(
    subject: Subject, metric: Metric, proof: Evidence, speed: _Speed, pace: _Pace, seed: int
) -> tuple[Worth, ...]:
    columns = [c.name for c in subject.table.features]
    seconds = 0.8 * pace.left("importance")
    folds = np.unique(proof.fold)
    called = folds[: max(0, int(0.4 * seconds / speed.fold_call))]  # calls must leave most of the time to rows
    if len(called) < len(folds):
        proof = proof.take(np.isin(proof.fold, called))
    affordable = (seconds - len(called) * speed.fold_call) / speed.fold_row if len(called) else 0.0
    keep = int(min(len(columns), 100, affordable / 100))
    if keep < 1:
        pace.skipped.append("permutation importance")
        return ()
    if keep < len(columns):
        pace.skipped.append(f"permutation importance of {len(columns) - keep} of {len(columns)} columns")
    few = proof.sample(ROWS, seed)
    chosen = strongest(_frame(subject)[few.rows], columns, few.p)[:keep]  # the strongest first: time may run out
    rows = int(np.clip(affordable / (len(chosen) + 1 + len(chosen) / GROUP), 60, ROWS))
    repeats = int(np.clip(affordable / (len(chosen) * rows), 1, 5))
    few = proof.sample(rows, seed)
    worth: list[Worth] = []
    late: list[str] = []
    for some in (chosen[i : i + GROUP] for i in range(0, len(chosen), GROUP)):
        if worth and pace.left("importance") < 0:
            late += some
            continue
        worth += permutation(subject, metric, few, some, repeats=repeats, seed=seed)
    if late:
        pace.skipped.append(f"permutation importance of {', '.join(late)}")
    return tuple(sorted(worth, key=lambda w: (-w.loss, w.column)))


def _fit(subject: Subject, metric: Metric, dummy: float | None) -> Fit:
    shares = dict(subject.winner)
    members = [(t, shares[t.name]) for t in subject.trials if shares.get(t.name, 0.0) > 0 and t.scores]
    return judge_fit(metric, members, dummy)


def _slices(subject: Subject, metric: Metric, proof: Evidence, pace: _Pace) -> tuple[Slice, ...]:
    found, skipped = look(subject, metric, proof.sample(20_000, 0), go_on=pace.go_on("slices"))
    if skipped:
        pace.skipped.append(f"slices of {len(skipped)} columns")
    return found


def _bias(subject: Subject, proof: Evidence, words: Wording, pace: _Pace, seed: int) -> tuple[BiasFacet, ...]:
    found, skipped = all_facets(subject, proof, words, seed=seed, go_on=pace.go_on("explanation"))
    if skipped:
        pace.skipped.append(f"bias of {', '.join(skipped)}")
    return found


def _explanation(
    subject: Subject, proof: Evidence, worth: tuple[Worth, ...], speed: _Speed, pace: _Pace, seed: int
) -> Explanation | None:
    ranked = [w.column for w in worth]
    columns = [*ranked, *(c.name for c in subject.table.features if c.name not in set(ranked))]
    seconds = 0.7 * pace.left("explanation") - 3 * speed.call
    go_on = pace.go_on("explanation")
    found = None
    if seconds > 0:
        found = explain_rows(subject, proof, columns, affordable=seconds / speed.row, seed=seed, go_on=go_on)
    if found is None:
        pace.skipped.append("SHAP explanation")
    return found


def _joined(
    subject: Subject, proof: Evidence, worth: tuple[Worth, ...], explanation: Explanation | None
) -> tuple[Importance, ...]:
    """Put permutation importance, mean absolute SHAP value and related columns side by side."""
    strength: dict[str, float] = {}
    if explanation is not None:
        mean = np.abs(np.array(explanation.values)).mean(axis=0)
        strength = {c: float(v) for c, v in zip(explanation.columns, mean, strict=True)}
    near: dict[str, list[str]] = {}
    for one, other, _ in relatives(_frame(subject)[proof.sample(ROWS, 0).rows], [w.column for w in worth]):
        near.setdefault(one, []).append(other)
        near.setdefault(other, []).append(one)
    return tuple(
        Importance(w.column, w.loss, w.low, w.high, strength.get(w.column), tuple(near.get(w.column, ())))
        for w in worth
    )


def _holdout(subject: Subject, metric: Metric, words: Wording, seed: int) -> Score | None:
    """Score the rows set aside, if any were."""
    rows = subject.split.holdout
    if len(rows) == 0:
        return None
    weight = subject.table.weight
    p = subject.predictor.respond(_frame(subject)[rows])
    judged = Judged(subject.table.y[rows], p, None if weight is None else weight[rows], subject.threshold)
    return one_score(metric, judged, words, seed)
