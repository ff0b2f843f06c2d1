"""GO, CAUTION or STOP, from the signal in the features, the noise in the labels and what more rows would bring."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tarragon.choose.curve import learning_curve
from tarragon.choose.noise import Noise, label_noise
from tarragon.choose.null import Signal, signal
from tarragon.choose.probe import MANY_CLASSES, Folds
from tarragon.choose.profile import strongest_first
from tarragon.choose.protocol import Curve, Feasibility, Finding, Profile
from tarragon.choose.sheet import Sheet, sample_rows, sheet
from tarragon.data import Index, Split, Table
from tarragon.metrics import Metric
from tarragon.metrics import metric as find_metric

PROBE_ROWS = 4_000
MANY_CLASS_ROWS = 2_500
CELLS = 6_000_000  # of the number sheet
SIGNAL = 0.01  # p-value up to which there is said to be signal
UNSURE = 0.05  # between the two it cannot be told; above, there is said to be none
MOST_FOLDS = 5
Verdict = Literal["GO", "CAUTION", "STOP"]
_CAUTIONS = ("leak", "proxy", "time_leak", "noisy_labels", "duplicate_rows", "imbalance", "few_rows", "wide", "drift")


def feasibility(  # noqa: PLR0913 - three values and four settings, each asked for by name
    table: Table,
    split: Split,
    profile: Profile,
    *,
    metric: str,
    seed: int = 0,
    budget_s: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
) -> Feasibility:
    """Say whether modelling this table is worth the time.

    Parameters
    ----------
    table : Table
    split : Split
        Its first repeat is what the probes are judged on; rows held out are never touched.
    profile : Profile
        Columns its findings drop are not shown to the probes.
    metric : str
        Units of the scores.
    seed : int
    budget_s : float
        Wall seconds. The probe and a short null always run; the noise estimate and the curve shrink to what is left.
    clock : callable
        Seconds, rising.

    Returns
    -------
    Feasibility
    """
    start = clock()

    def time_left() -> float:
        return budget_s - (clock() - start)

    judge = find_metric(metric, table.task)
    numbers, folds = _sample(table, split, profile, seed)
    found = signal(numbers, folds, judge, seed, lambda: time_left() - 0.6 * budget_s)
    noise = Noise(0.0, 0.0, 0.0, False)
    if found.p_value <= SIGNAL and time_left() > 0.2 * budget_s:
        known = (found.answer + found.other) / 2.0
        noise = label_noise(numbers, known, seed, lambda: time_left() - 0.3 * budget_s)
    curve = None
    if time_left() > 0:
        if time_left() > 0.4 * budget_s and len(numbers.rows) < table.n_rows:
            numbers_more, folds_more = _sample(table, split, profile, seed, times=2)
        else:
            numbers_more, folds_more = numbers, folds
        how = (found.probe, seed, len(split.folds[0].train))
        curve = learning_curve(numbers_more, folds_more, judge, how, time_left)
    findings = strongest_first([*profile.findings, *_new_findings(numbers, found, noise, judge)])
    verdict, reasons = _verdict(_Evidence(found, noise, curve, judge, table.n_rows), findings)
    unexplained = 0.0 if table.n_classes else _unexplained(numbers, found)
    return Feasibility(
        verdict=verdict,
        reasons=reasons,
        metric=judge.name,
        probe_score=found.score,
        null_score=found.null_score,
        null_high=found.null_high,
        p_value=found.p_value,
        label_noise=noise.share if table.n_classes or noise.found else unexplained,
        curve=curve,
        findings=findings,
        seconds=clock() - start,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Evidence:
    """What the verdict is made from."""

    signal: Signal
    noise: Noise
    curve: Curve | None
    metric: Metric
    n_rows: int


def _sample(table: Table, split: Split, profile: Profile, seed: int, *, times: int = 1) -> tuple[Sheet, Folds]:
    """Make the number sheet of sampled development rows, and the split's first repeat in its positions."""
    dropped = {n for f in profile.findings if f.action == "dropped" for n in f.columns}
    folds = split.folds[: min(split.n_folds, MOST_FOLDS)]
    known = np.unique(np.concatenate([part for f in folds for part in (f.train, f.valid)]))
    most = PROBE_ROWS if table.n_classes < MANY_CLASSES else MANY_CLASS_ROWS
    most = max(200, min(times * most, CELLS // max(1, len(table.features))))
    rows = known[sample_rows(len(known), most, seed)]
    place = np.full(table.n_rows, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))

    def here(index: Index) -> Index:
        mine = place[index]
        return mine[mine >= 0]

    only = len(dropped.intersection(c.name for c in table.features)) == len(table.features)
    return sheet(table, rows, without=() if only else dropped), [(here(f.train), here(f.valid)) for f in folds]


def _unexplained(numbers: Sheet, found: Signal) -> float:
    """Share of the target's variance no probe explains: an upper bound of its noise."""
    y, answer = numbers.y[found.judged], found.answer[found.judged]
    return float(np.clip(((y - answer) ** 2).sum() / max(((y - y.mean()) ** 2).sum(), 1e-300), 0.0, 1.0))


def _new_findings(numbers: Sheet, found: Signal, noise: Noise, metric: Metric) -> list[Finding]:
    if found.p_value > SIGNAL:
        return [
            Finding(
                fault="random_labels",
                severity="critical" if found.p_value > UNSURE else "warning",
                columns=(),
                what="The features tell nothing about the target",
                why=f"A probe scores {found.score:.3g} {metric.title}; shuffled labels on average "
                f"{found.null_score:.3g}, {found.null_high:.3g} one time in a hundred (p = {found.p_value:.2g})",
                fix="Check that the target belongs to these rows (a shuffled join?), or bring columns that explain it.",
                evidence={"score": found.score, "null": found.null_score, "p_value": found.p_value},
            )
        ]
    if not noise.found:
        return []
    if numbers.n_classes:
        why = (
            f"Even where a probe is surest, {noise.sure_error:.0%} of the labels contradict it, and being surer does "
            f"not help: about {noise.share:.0%} of the labels look wrong"
        )
    else:
        why = f"About {noise.share:.0%} of the values look like draws from other rows, not like errors of prediction"
    return [
        Finding(
            fault="noisy_labels",
            severity="warning",
            columns=(),
            what=f"About {noise.share:.0%} of the labels look wrong",
            why=why,
            fix="Have a sample of the contradicted rows labelled again; until then scores stay below clean ones.",
            evidence={"share": noise.share, "likelihood_ratio": noise.ratio, "sure_error": noise.sure_error},
        )
    ]


def _verdict(given: _Evidence, findings: tuple[Finding, ...]) -> tuple[Verdict, tuple[str, ...]]:
    s, title = given.signal, given.metric.title
    if s.p_value > SIGNAL:
        told = (
            f"A probe scores {s.score:.3g} {title}; shuffled labels reach {s.null_high:.3g} one time in a hundred: "
            + ("no signal was found" if s.p_value > UNSURE else f"that may be chance (p = {s.p_value:.2g})")
        )
        return ("STOP" if s.p_value > UNSURE else "CAUTION"), (told, *_cautions(findings))
    cautions = _cautions(findings)
    good = (f"A probe scores {s.score:.3g} {title}; shuffled labels reach {s.null_high:.3g} one time in a hundred",)
    outlook = _outlook(given)
    if cautions:
        return "CAUTION", (*cautions, *good, *outlook)
    return "GO", (*good, *outlook)


def _cautions(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    return tuple(
        f"{f.what}: {f.why[:1].lower()}{f.why[1:]}" for f in findings if f.fault in _CAUTIONS and f.severity != "info"
    )


def _outlook(given: _Evidence) -> tuple[str, ...]:
    curve = given.curve
    if curve is None:
        return ("There was no learning curve: too few rows, or no time left",)
    gain = abs(curve.expected[-1] - curve.score[-1])
    noise = (curve.high[-1] - curve.low[-1]) / 2.0
    if gain <= max(noise, 1e-9):
        return (f"The learning curve is flat: four times the rows would bring less than its noise ({gain:.2g})",)
    return (
        f"More rows help: {given.metric.title} goes from {curve.score[-1]:.3g} to about {curve.expected[-1]:.3g} "
        "with four times the rows",
    )
