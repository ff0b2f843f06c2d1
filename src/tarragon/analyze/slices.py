"""Where the model does worse: rows that share a value of a column, against all other rows.

Levels of columns with few of them and quarters of numeric ones. With fifty slices two or three look bad by chance, so
a slice is called worse only if it stays so after Holm's correction (Holm 1979) for all slices looked at.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from tarragon.analyze.baselines import cut_column
from tarragon.analyze.protocol import Slice
from tarragon.analyze.subject import Evidence, Subject
from tarragon.data import Kind
from tarragon.metrics import Metric, influence, interval, standard_error

SMALLEST = 30  # rows: below, a normal approximation of the gap is not to be trusted
PARTS = 4  # of a numeric column
LEVELS = 12
KEPT = 40
LEVEL = 0.05


def look(
    subject: Subject, metric: Metric, proof: Evidence, *, go_on: Callable[[], bool]
) -> tuple[tuple[Slice, ...], tuple[str, ...]]:
    """Judge every slice, worst first, and name the columns there was no time for."""
    found: list[tuple[str, str, NDArray[np.bool_], tuple[float, float, float]]] = []
    skipped = []
    for column in (c for c in subject.table.columns if c.kind not in {Kind.TEXT, Kind.ID, Kind.CONSTANT}):
        if column.name == subject.table.target:
            continue
        if found and not go_on():
            skipped.append(column.name)
            continue
        cut = cut_column(subject.table, column, proof.rows, bins=PARTS)
        counts = np.bincount(cut.code, minlength=len(cut.names))
        if len(cut.names) > LEVELS and not cut.ordered and (counts > 0).sum() > LEVELS:
            big = np.argsort(-counts, kind="stable")[:LEVELS]
        else:
            big = np.arange(len(cut.names))
        for b in sorted(int(x) for x in big):
            inside = cut.code == b
            if SMALLEST <= inside.sum() <= len(inside) - SMALLEST:
                found.append((column.name, cut.names[b], inside, _gap(subject, metric, proof, inside)))
    judged = [f for f in found if np.isfinite(f[3][1])]
    return _flag(judged), tuple(skipped)


def _gap(subject: Subject, metric: Metric, proof: Evidence, inside: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Score of the slice, its gap to the rest in utility, and the gap's standard error."""
    own, own_error = _sure(subject, metric, proof.take(inside))
    rest, rest_error = _sure(subject, metric, proof.take(~inside))
    return own, metric.utility(own) - metric.utility(rest), float(np.hypot(own_error, rest_error))


def _sure(subject: Subject, metric: Metric, part: Evidence) -> tuple[float, float]:
    """Score and standard error of some rows."""
    if metric.needs == "label":
        value, low, high = interval(metric, part.y, part.p, part.weight, threshold=subject.threshold)
        return value, (high - low) / 3.92
    value, rows = influence(metric, part.y, part.p, part.weight)
    return value, standard_error(rows, part.weight)


def _flag(found: list[tuple[str, str, NDArray[np.bool_], tuple[float, float, float]]]) -> tuple[Slice, ...]:
    z = np.array([gap / error if error > 0 else 0.0 for _, _, _, (_, gap, error) in found])
    worse = holm(ndtr(z)) if len(z) else np.zeros(0, dtype=np.bool_)
    slices = [
        Slice(column, value, int(inside.sum()), score, gap, gap - 1.96 * error, gap + 1.96 * error, bool(bad))
        for (column, value, inside, (score, gap, error)), bad in zip(found, worse, strict=True)
    ]
    order = np.argsort(z, kind="stable")[:KEPT]
    return tuple(slices[i] for i in order)


def holm(p: NDArray[np.float64], level: float = LEVEL) -> NDArray[np.bool_]:
    """(s,) p values -> (s,): which stay significant when all are looked at (step-down, family-wise)."""
    order = np.argsort(p, kind="stable")
    passed = p[order] <= level / (len(p) - np.arange(len(p)))
    stop = int(np.argmin(passed)) if not passed.all() else len(p)
    kept = np.zeros(len(p), dtype=np.bool_)
    kept[order[:stop]] = True
    return kept
