"""Models anyone could have made, judged out of fold on the same rows: dummy, one rule, linear, previous version.

One rule is Holte's 1R (Holte 1993, Machine Learning 11) with probabilities: one column, cut into at most six
quantile bins or its levels, answers the class shares (or mean) its training rows had in that bin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.analyze.interpretability import best_of
from tarragon.analyze.predictive import Judged
from tarragon.analyze.protocol import Baseline, Score
from tarragon.analyze.scores import Wording, one_score
from tarragon.analyze.screening import strongest
from tarragon.analyze.subject import Array, Evidence, Subject, answers
from tarragon.data import Column, Index, Kind, Table
from tarragon.metrics import Metric, judged, number, paired

BINS = 6
LEVELS = 30  # levels of a category kept apart; rarer ones are one bin
COLUMNS = 40  # columns tried as one rule, strongest associations first
SAMPLE = 20_000  # rows on which the column is chosen
LEAST = 30  # rows that the previous version did not learn from; with fewer there is nothing to compare
PREVIOUS = 5_000  # rows the previous version answers
SMOOTH = 1.0  # rows of prior added to each bin


@dataclass(frozen=True, slots=True)
class Codes:
    """A column cut into bins: (n,) codes 0…B-1 and a name for each bin."""

    column: str
    code: Index
    names: tuple[str, ...]
    ordered: bool


def all_baselines(
    subject: Subject, metric: Metric, proof: Evidence, words: Wording, *, go_on: Callable[[], bool]
) -> tuple[Baseline, ...]:
    """Judge every baseline there is evidence for; the dummy always."""
    made = [_against(subject, metric, proof, words, ("dummy", *dummy(metric, proof, subject.table.n_classes, words)))]
    if go_on():
        rule = one_rule(subject, metric, proof, words)
        if rule is not None:
            made.append(_against(subject, metric, proof, words, ("one-rule", *rule)))
    linear = best_of(metric, [t for t in subject.trials if t.algorithm == "linear"], proof)
    if linear is not None:
        told = f"A weighted sum of the columns ({linear.name})"
        made.append(_against(subject, metric, proof, words, ("linear", told, linear.oof[proof.rows])))
    if subject.previous is not None and go_on():
        few = proof.sample(PREVIOUS, 0)
        answer = subject.previous.respond(subject.table.frame.drop(subject.table.target)[few.rows])
        fresh = judged(answer)
        if fresh.sum() >= LEAST:
            told = f"The version in use so far, on {int(fresh.sum())} rows it did not learn from"
            made.append(_against(subject, metric, few.take(fresh), words, ("previous", told, answer[fresh])))
    return tuple(made)


def _against(
    subject: Subject, metric: Metric, proof: Evidence, words: Wording, other: tuple[str, str, Array]
) -> Baseline:
    name, rule, p = other
    ours = answers(subject, proof.p) if metric.needs == "label" else proof.p
    gain, low, high = paired(metric, proof.y, ours, p, proof.weight)
    score: Score = one_score(metric, Judged(proof.y, p, proof.weight), words)
    return Baseline(name, rule, score, gain, low, high)


def dummy(metric: Metric, proof: Evidence, n_classes: int, words: Wording) -> tuple[str, Array]:
    """Answer what the other folds' rows say without looking at any column: class shares, mean or median."""
    p = np.empty_like(proof.p)
    for k in np.unique(proof.fold):
        inside, teach = proof.fold == k, proof.fold != k
        if not teach.any():
            teach = inside
        w = None if proof.weight is None else proof.weight[teach]
        if n_classes:
            counts = np.bincount(proof.y[teach].astype(np.int64), w, minlength=n_classes) + SMOOTH / n_classes
            p[inside] = counts / counts.sum()
        elif metric.name in {"mae", "median_absolute_error", "mape"}:
            p[inside] = np.median(proof.y[teach])
        else:
            p[inside] = np.average(proof.y[teach], weights=w)
    if n_classes:
        common = words.classes[int(p.mean(axis=0).argmax())]
        return f"Always answers the class shares; {words.target} = {common} is the most frequent", p
    return f"Always answers {number(float(p.mean()))}", p


def one_rule(subject: Subject, metric: Metric, proof: Evidence, words: Wording) -> tuple[str, Array] | None:
    """Find the single column that does best out of fold, and say its rule."""
    few = proof.sample(SAMPLE, 0)
    best: tuple[float, Column] | None = None
    for column in candidates(subject.table, few):
        cut = cut_column(subject.table, column, few.rows)
        value = metric.utility(metric.score(few.y, rule_answers(cut.code, few, subject.table.n_classes), few.weight))
        if np.isfinite(value) and (best is None or value > best[0]):
            best = value, column
    if best is None:
        return None
    cut = cut_column(subject.table, best[1], proof.rows)
    p = rule_answers(cut.code, proof, subject.table.n_classes)
    return say_rule(cut, p, words), p


def candidates(table: Table, proof: Evidence) -> list[Column]:
    """Columns a rule can be made of; of very many the ones most associated with the target."""
    usable = {c.name: c for c in table.features if c.kind not in {Kind.TEXT, Kind.ID, Kind.CONSTANT}}
    if len(usable) <= COLUMNS:
        return list(usable.values())
    target = proof.y if not table.classes else (proof.y[:, None] == np.arange(table.n_classes)).astype(np.float64)
    return [usable[c] for c in strongest(table.frame[proof.rows], list(usable), target)[:COLUMNS]]


def cut_column(table: Table, column: Column, rows: Index, bins: int = BINS) -> Codes:
    """Cut a column's cells into bins: quantiles of numbers and dates, levels of the rest; missing is its own bin."""
    cells = table.frame[column.name][rows]
    if column.kind in {Kind.NUMERIC, Kind.DATETIME} and cells.dtype not in (pl.String, pl.Categorical, pl.Boolean):
        return _cut_numbers(column, cells, bins)
    text = cells.cast(pl.String)
    counts = text.drop_nulls().value_counts(sort=True)
    levels = sorted(counts.head(LEVELS)[column.name].to_list())
    rest = len(levels)
    found = text.replace_strict(levels, list(range(rest)), default=rest, return_dtype=pl.Int64)
    code = found.to_numpy().astype(np.int64)
    names = [*levels, "any other"]
    if text.null_count():
        code = np.where(text.is_null().to_numpy(), rest + 1, code)
        names.append("missing")
    return Codes(column.name, code, tuple(names), ordered=False)


def _cut_numbers(column: Column, cells: pl.Series, bins: int) -> Codes:
    dates = column.kind is Kind.DATETIME
    values = (cells.dt.epoch("s") if dates else cells).cast(pl.Float64).to_numpy().astype(np.float64)
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return Codes(column.name, np.zeros(len(values), dtype=np.int64), ("missing",), ordered=False)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    edges = edges[edges < known.max()]
    code = np.searchsorted(edges, values, side="left").astype(np.int64)
    shown = [str(np.datetime64(int(e), "s").astype("datetime64[D]")) if dates else number(float(e)) for e in edges]
    names = [f"≤ {shown[0]}", *(f"{a} to {b}" for a, b in pairwise(shown)), f"> {shown[-1]}"] if shown else ["any"]
    missing = np.isnan(values)
    if missing.any():
        code = np.where(missing, len(names), code)
        names.append("missing")
    return Codes(column.name, code, tuple(names), ordered=True)


def rule_answers(code: Index, proof: Evidence, n_classes: int) -> Array:
    """(m,) bins -> (m, K) or (m,): what the other folds' rows of the same bin say, smoothed towards all of theirs."""
    size = int(code.max(initial=0)) + 1
    p = np.empty(proof.p.shape if n_classes else (len(code),), dtype=np.float64)
    for k in np.unique(proof.fold):
        inside, teach = proof.fold == k, proof.fold != k
        if not teach.any():
            teach = inside
        w = np.ones(int(teach.sum())) if proof.weight is None else proof.weight[teach]
        if n_classes:
            cell = code[teach] * n_classes + proof.y[teach].astype(np.int64)
            counts = np.bincount(cell, w, minlength=size * n_classes).reshape(size, n_classes)
            prior = (counts.sum(axis=0) + SMOOTH / n_classes) / (counts.sum() + SMOOTH)
            p[inside] = ((counts + SMOOTH * prior) / (counts.sum(axis=1, keepdims=True) + SMOOTH))[code[inside]]
        else:
            mass = np.bincount(code[teach], w, minlength=size)
            total = np.bincount(code[teach], w * proof.y[teach], minlength=size)
            p[inside] = ((total + SMOOTH * np.average(proof.y[teach], weights=w)) / (mass + SMOOTH))[code[inside]]
    return p


def say_rule(cut: Codes, p: Array, words: Wording) -> str:
    """Put the rule into words: the bins with the most extreme answers."""
    seen = np.unique(cut.code)
    told = p if p.ndim == 1 else p[:, -1]
    mean = np.array([told[cut.code == b].mean() for b in seen])
    if p.ndim == 2 and p.shape[1] > 2:
        best = np.array([p[cut.code == b].mean(axis=0).argmax() for b in seen])
        parts = [f"{words.classes[c]} when {cut.column} is {_or(cut, seen[best == c])}" for c in np.unique(best)]
        return f"Say {'; '.join(parts[:5])}" + ("; …" if len(parts) > 5 else "")
    low, high = int(mean.argmin()), int(mean.argmax())
    if p.ndim == 1:
        return (
            f"Say the mean {words.target} of like {cut.column}: from {number(mean[low])} ({cut.names[seen[low]]}) "
            f"to {number(mean[high])} ({cut.names[seen[high]]})"
        )
    yes = seen[mean >= 0.5]
    if len(yes) and len(yes) < len(seen):
        return f"Say {words.positive} when {cut.column} is {_or(cut, yes)}, otherwise {words.classes[0]}"
    return (
        f"Rank by {cut.column}: {words.positive} is most likely at {cut.names[seen[high]]} "
        f"({100 * mean[high]:.0f} of 100), least at {cut.names[seen[low]]} ({100 * mean[low]:.0f} of 100)"
    )


def _or(cut: Codes, bins: NDArray[np.int64]) -> str:
    names = [cut.names[b] for b in bins]
    return " or ".join(names[:4]) + (f" or {len(names) - 4} more" if len(names) > 4 else "")
