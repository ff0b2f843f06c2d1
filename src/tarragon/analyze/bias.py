"""Who is treated differently: Clarify's metrics for every group of the sensitive columns, each with its interval.

A group is one level of a category against everyone else, or the upper half of a numeric column (above its median)
against the lower. The positive outcome is the last class; of a regression, a value above the median of the observed
target. Intervals come from resampling the 2 × 2 × 2 table of group, truth and answer.
A metric is flagged when it passes the usual limit *and* its interval excludes equality: 0.1 for differences, outside
0.8 … 1.25 for the disparate impact (the four-fifths rule).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.analyze.fairness import DESCRIPTIONS, POST, PRE, conditional_disparity, count
from tarragon.analyze.protocol import BiasFacet, BiasMetric
from tarragon.analyze.scores import Wording
from tarragon.analyze.subject import Evidence, Subject, answers
from tarragon.data import Kind, Role
from tarragon.metrics import number

DRAWS = 1_000
LIMIT = 0.1  # of a difference in shares
FIFTHS = (0.8, 1.25)
FEWEST = 10  # rows of a group, and of everyone else
GROUPS = 10  # levels of a column, most frequent first
STRATA = 50
SIGNED = ("DPL", "DPPL", "RD", "SD", "DAR", "DRR", "AD", "CDDL", "CDDPL")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a sensitive column: its name in words and (n,) who belongs to it."""

    column: str
    value: str
    member: Mask


def all_facets(
    subject: Subject, proof: Evidence, words: Wording, *, seed: int, go_on: Callable[[], bool]
) -> tuple[tuple[BiasFacet, ...], tuple[str, ...]]:
    """Judge every group of every sensitive column; names of columns there was no time for."""
    truth, answer, positive = outcomes(subject, proof, words)
    stratum = _strata(subject, proof)
    facets: list[BiasFacet] = []
    skipped: list[str] = []
    for column in subject.table.sensitive:
        if facets and not go_on():
            skipped.append(column.name)
            continue
        for group in groups(subject, proof, column.name):
            facets.append(judge(group, (truth, answer, stratum), positive, seed))
    return tuple(facets), tuple(skipped)


def outcomes(subject: Subject, proof: Evidence, words: Wording) -> tuple[Mask, Mask, str]:
    """Binarise truth and answer, and say what the positive outcome is."""
    told = answers(subject, proof.p)
    if subject.table.task == "regression":
        cut = float(np.median(proof.y))
        return proof.y > cut, told > cut, f"{words.target} above {number(cut)}"
    last = subject.table.n_classes - 1
    return proof.y == last, told == last, f"{words.target} = {words.positive}"


def groups(subject: Subject, proof: Evidence, name: str) -> list[Group]:
    """List the groups of a sensitive column that have enough rows on both sides."""
    column = next(c for c in subject.table.columns if c.name == name)
    cells = subject.table.frame[name][proof.rows]
    found = []
    if column.kind in {Kind.NUMERIC, Kind.DATETIME} and cells.n_unique() > GROUPS:
        values = cells.to_physical().cast(pl.Float64).to_numpy()
        middle = float(np.nanmedian(values))
        shown = str(cells.median()) if column.kind is Kind.DATETIME else number(middle)
        found.append(Group(name, f"> {shown}", values > middle))
    else:
        text = cells.cast(pl.String)
        counts = text.drop_nulls().value_counts(sort=True)
        found = [
            Group(name, v, (text == v).fill_null(value=False).to_numpy()) for v in sorted(counts.head(GROUPS)[name])
        ]
        if text.null_count():
            found.append(Group(name, "missing", text.is_null().to_numpy()))
    return [g for g in found if FEWEST <= g.member.sum() <= len(g.member) - FEWEST]


def judge(
    group: Group, evidence: tuple[Mask, Mask, NDArray[np.int64] | None], positive: str, seed: int = 0
) -> BiasFacet:
    """Compute every metric of one group against everyone else."""
    truth, answer, stratum = evidence
    table = count(group.member, truth, answer)
    drawn = np.random.default_rng(seed).multinomial(len(truth), (table / table.sum()).ravel(), size=DRAWS)
    draws = drawn.astype(np.float64).reshape(DRAWS, 2, 2, 2)
    metrics = [_metric(name, float(f(table)), f(draws)) for name, f in (*PRE.items(), *POST.items())]
    if stratum is not None:
        rng = np.random.default_rng(seed)
        picks = [rng.integers(0, len(truth), len(truth)) for _ in range(100)]
        for name, outcome in (("CDDL", truth), ("CDDPL", answer)):
            spread = [conditional_disparity(group.member[i], outcome[i], stratum[i]) for i in picks]
            value = conditional_disparity(group.member, outcome, stratum)
            metrics.append(_metric(name, value, np.array(spread)))
    metrics.sort(key=lambda m: m.name)
    told = _say(group, table, {m.name: m for m in metrics}, positive)
    return BiasFacet(group.column, group.value, int(group.member.sum()), tuple(metrics), told)


def _metric(name: str, value: float, draws: NDArray[np.float64]) -> BiasMetric:
    """Put a value with the middle 95 % of its resamples; what cannot be computed says why."""
    if np.isnan(value):
        return BiasMetric(name, DESCRIPTIONS[name], None, None, None, False, "no row has a benefit to share")
    known = draws[~np.isnan(draws)]
    with np.errstate(invalid="ignore"):
        low, high = np.quantile(known, [0.025, 0.975], method="nearest")
    equal = 1.0 if name == "DI" else 0.0
    sure = not low <= equal <= high
    past = not FIFTHS[0] <= value <= FIFTHS[1] if name == "DI" else name in SIGNED and abs(value) >= LIMIT
    return BiasMetric(name, DESCRIPTIONS[name], value, float(low), float(high), bool(sure and past))


def _strata(subject: Subject, proof: Evidence) -> NDArray[np.int64] | None:
    """Codes of the group column, if there is one with few enough levels to condition on."""
    column = subject.table.column(Role.GROUP)
    if column is None or column.n_unique > STRATA:
        return None
    return (
        subject.table.frame[column.name][proof.rows]
        .cast(pl.String)
        .rank("dense")
        .fill_null(0)
        .cast(pl.Int64)
        .to_numpy()
    )


def _say(group: Group, table: NDArray[np.float64], metrics: dict[str, BiasMetric], positive: str) -> str:
    """Name who is hurt, by how much, in rows of 100; or that nothing is beyond noise."""
    who = f"rows with {group.column} {group.value if group.value.startswith('>') else '= ' + group.value}"

    def hundred(top: float, bottom: float) -> str:
        return f"{100 * top / bottom:.0f}" if bottom else "none"

    said = []
    if metrics["DPPL"].flagged or metrics["DI"].flagged:
        less = "less" if (metrics["DPPL"].value or 0.0) > 0 else "more"
        d, a = table[1], table[0]
        said.append(
            f"{who} are answered {positive} {less} often: {hundred(d[:, 1].sum(), d.sum())} of 100 against "
            f"{hundred(a[:, 1].sum(), a.sum())} of everyone else"
        )
    if metrics["RD"].flagged:
        d, a = table[1, 1], table[0, 1]
        side = "missed more" if (metrics["RD"].value or 0.0) > 0 else "found more"
        said.append(
            f"{who} that truly are {positive} are {side} often: {hundred(d[1], d.sum())} of 100 found against "
            f"{hundred(a[1], a.sum())}"
        )
    if metrics["SD"].flagged:
        d, a = table[1, 0], table[0, 0]
        side = "less" if (metrics["SD"].value or 0.0) > 0 else "more"
        said.append(
            f"{who} that are not are wrongly called {positive} {side} often: {hundred(d[1], d.sum())} of 100 "
            f"against {hundred(a[1], a.sum())}"
        )
    others = [n for n in ("AD", "DAR", "DRR", "DPL") if metrics[n].flagged]
    if others and not said:
        said.append(f"{who} differ from everyone else in {', '.join(DESCRIPTIONS[n].lower() for n in others)}")
    if not said:
        return f"No difference between {who} and everyone else passes the usual limits beyond noise."
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."
