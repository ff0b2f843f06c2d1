"""What is drawn of the out-of-fold predictions: curves thinned to what a reader can see.

Notation: n rows, K classes; at most 200 points a line, 1,000 dots a cloud, the 10 largest classes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tarragon.analyze.predictive import Judged
from tarragon.analyze.protocol import Confusion, Line, Pictures
from tarragon.metrics import Vector, confusion, labels, wilson

POINTS = 200
DOTS = 1_000
CLASSES = 10


def draw(rows: Judged, classes: Sequence[object], seed: int = 0) -> Pictures:
    """Compute every picture of a task; those that do not apply stay empty."""
    rows = rows.known()
    if rows.p.ndim == 1:
        return _of_values(rows, seed)
    names = tuple(map(str, classes))
    shown = [1] if rows.p.shape[1] == 2 else largest_classes(rows.y, rows.p.shape[1])
    told = [(names[k], rows.y == k, rows.p[:, k]) for k in shown]
    roc, pr = [], []
    for name, positive, score in told:
        if positive.any() and not positive.all():
            roc.append(roc_line(name, positive, score, rows.weight))
            pr.append(pr_line(name, positive, score, rows.weight))
    binary = rows.p.shape[1] == 2
    return Pictures(
        roc=tuple(roc),
        pr=tuple(pr),
        calibration=tuple(calibration_line(*one) for one in told),
        confusion=confusion_of(rows, names),
        threshold=threshold_lines(rows.y == 1, rows.p[:, 1]) if binary else (),
        gain=gain_line(rows.y == 1, rows.p[:, 1]) if binary and (rows.y == 1).any() else None,
    )


def largest_classes(y: Vector, n_classes: int) -> list[int]:
    """Pick the at most ten classes with the most rows, in their own order."""
    counts = np.bincount(y.astype(np.int64), minlength=n_classes)
    return sorted(int(k) for k in np.argsort(-counts, kind="stable")[:CLASSES] if counts[k])


def thin(size: int, points: int = POINTS) -> NDArray[np.int64]:
    """Choose at most ``points`` positions of ``size``, both ends among them."""
    return np.unique(np.linspace(0, size - 1, min(size, points)).round().astype(np.int64))


def _sweep(positive: NDArray[np.bool_], score: Vector, weight: Vector | None) -> tuple[Vector, Vector, Vector]:
    """Cut below each distinct score, highest first: (g,) scores, true and false positives so far."""
    order = np.argsort(-score, kind="stable")
    w = np.ones(len(score)) if weight is None else weight[order]
    hit = positive[order]
    last = np.append(np.diff(score[order]) != 0, True)
    return score[order][last], np.cumsum(w * hit)[last], np.cumsum(w * ~hit)[last]


def roc_line(name: str, positive: NDArray[np.bool_], score: Vector, weight: Vector | None = None) -> Line:
    """False-positive rate against true-positive rate, from (0, 0) to (1, 1)."""
    _, true, false = _sweep(positive, score, weight)
    x = np.concatenate(([0.0], false / false[-1]))
    y = np.concatenate(([0.0], true / true[-1]))
    # Even steps along the curve, not along the rows: steep parts keep their points.
    along = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))))
    keep = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], POINTS)).clip(0, len(x) - 1))
    return _line(name, x[keep], y[keep])


def pr_line(name: str, positive: NDArray[np.bool_], score: Vector, weight: Vector | None = None) -> Line:
    """Recall against precision, in order of recall."""
    _, true, false = _sweep(positive, score, weight)
    recall, precision = true / true[-1], true / (true + false)
    keep = np.unique(np.searchsorted(recall, np.linspace(0.0, 1.0, POINTS)).clip(0, len(recall) - 1))
    return _line(name, recall[keep], precision[keep])


def calibration_line(name: str, positive: NDArray[np.bool_], score: Vector) -> Line:
    """Mean claim against observed share in ten bins of equal size, with Wilson bands."""
    bins = [b for b in np.array_split(np.argsort(score, kind="stable"), min(10, max(1, len(score) // 10))) if len(b)]
    bands = [wilson(float(positive[b].sum()), len(b)) for b in bins]
    return Line(
        name,
        tuple(float(score[b].mean()) for b in bins),
        tuple(float(positive[b].mean()) for b in bins),
        tuple(low for low, _ in bands),
        tuple(high for _, high in bands),
    )


def confusion_of(rows: Judged, names: tuple[str, ...]) -> Confusion:
    """Count rows by true and answered class; beyond ten classes the smallest are one "other"."""
    table = confusion(rows.y, labels(rows.p, rows.threshold), None, len(names))
    sentence = _worst_mix(table, names)
    if len(names) > CLASSES + 1:
        keep = largest_classes(rows.y, len(names))
        rest = [k for k in range(len(names)) if k not in keep]
        groups = [[k] for k in keep] + [rest]
        table = np.array([[table[np.ix_(a, b)].sum() for b in groups] for a in groups])
        names = (*(names[k] for k in keep), f"{len(rest)} others")
    return Confusion(names, tuple(tuple(int(c) for c in row) for row in table), sentence)


def _worst_mix(table: Vector, names: tuple[str, ...]) -> str:
    wrong = table.copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return f"All {int(table.sum()):,} judged rows are answered right."
    i, j = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return (
        f"The most frequent mistake: {int(wrong[i, j]):,} of {int(table[i].sum()):,} rows that are "
        f"{names[i]} are called {names[j]}."
    )


def threshold_lines(positive: NDArray[np.bool_], score: Vector) -> tuple[Line, ...]:
    """Precision, recall and F1 of class 1 against the probability from which it is answered."""
    cuts, true, false = _sweep(positive, score, None)
    keep = thin(len(cuts))
    cuts, true, false = cuts[keep][::-1], true[keep][::-1], false[keep][::-1]
    total = max(int(positive.sum()), 1)
    precision, recall = true / (true + false), true / total
    f1 = 2 * true / (true + false + total)
    return _line("Precision", cuts, precision), _line("Recall", cuts, recall), _line("F1", cuts, f1)


def gain_line(positive: NDArray[np.bool_], score: Vector) -> Line:
    """Share of positives found against share of rows looked at, most likely first."""
    found = np.concatenate(([0.0], np.cumsum(positive[np.argsort(-score, kind="stable")]))) / positive.sum()
    keep = thin(len(found))
    return _line("Model", keep / (len(found) - 1), found[keep])


def _of_values(rows: Judged, seed: int) -> Pictures:
    residual = rows.y - rows.p
    pick = np.arange(len(residual))
    if len(pick) > DOTS:
        pick = np.sort(np.random.default_rng(seed).choice(len(pick), DOTS, replace=False))
    low, high = np.quantile(residual, [0.005, 0.995])  # a few wild rows would squeeze all others into one bar
    inside = np.clip(residual, low, high) if high > low else residual
    counts, edges = np.histogram(inside, bins=30)
    return Pictures(
        residuals=tuple((float(rows.p[i]), float(residual[i])) for i in pick),
        predicted_actual=tuple((float(rows.y[i]), float(rows.p[i])) for i in pick),
        residual_histogram=tuple(
            (float(a), float(b), int(c)) for a, b, c in zip(edges[:-1], edges[1:], counts, strict=True)
        ),
    )


def _line(name: str, x: Vector, y: Vector) -> Line:
    return Line(name, tuple(map(float, x)), tuple(map(float, y)))
