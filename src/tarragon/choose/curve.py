"""What more rows would bring: scores at growing sizes, and a power law through them.

The loss at m rows is fitted as a + b·m^−c with a, b ≥ 0 (Hestness et al. 2017 found such laws across fields).
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

from tarragon.choose.probe import Folds, design, forest, one_hot, probabilities, ridge
from tarragon.choose.protocol import Curve
from tarragon.choose.sheet import Floats, Sheet
from tarragon.data import Index, Vector
from tarragon.metrics import Metric

POINTS = 5
MOST_FOLDS = 3
LEAST_ROWS = 24
EXPONENTS = np.linspace(0.1, 1.5, 29)


def learning_curve(
    sheet: Sheet, folds: Folds, metric: Metric, how: tuple[str, int, int], time_left: Callable[[], float]
) -> Curve | None:
    """Score a probe at about five sizes and look ahead to two and four times the table's rows.

    ``how`` is the probe ("forest" or "ridge"), the seed, and the rows a model of the whole table would learn from.
    None where there are too few rows or no time.
    """
    probe, seed, whole = how
    folds = [f for f in folds if len(f[0]) and len(f[1])][:MOST_FOLDS]
    if len(folds) < 2:
        return None
    most = min(len(train) for train, _ in folds)
    least = max(LEAST_ROWS, 4 * sheet.n_classes, most // 16)
    if most < 2 * least:
        return None
    sizes = np.unique(np.geomspace(least, most, POINTS).astype(np.int64))
    Z = design(sheet) if probe == "ridge" else None
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(train) for train, _ in folds]
    measured: list[tuple[int, float, float]] = []
    cost = 0.0
    for size in sizes[::-1]:  # the full size first: it must be there
        if len(measured) >= 2 and time_left() < cost:
            continue
        before = time_left()
        scores = []
        for (_, valid), order in zip(folds, orders, strict=True):
            rows = np.sort(order[:size])
            scores.append(metric.score(sheet.y[valid], _answer(sheet, Z, rows, valid, seed)))
        cost = max(cost, before - time_left())
        kept = np.array([s for s in scores if np.isfinite(s)])
        if len(kept) >= 2:
            half = float(stats.t.ppf(0.975, len(kept) - 1) * kept.std(ddof=1) / np.sqrt(len(kept)))
            measured.append((int(size), float(kept.mean()), half))
    if len(measured) < 3:
        return None
    measured.sort()
    size_of, mean_of, half_of = np.array(measured, dtype=np.float64).T
    more = np.array([2.0, 4.0]) * max(whole, int(size_of[-1]))
    return Curve(
        rows=tuple(map(float, size_of)),
        score=tuple(map(float, mean_of)),
        low=tuple(map(float, mean_of - half_of)),
        high=tuple(map(float, mean_of + half_of)),
        more_rows=tuple(map(float, more)),
        expected=tuple(map(float, extrapolate(size_of, mean_of, more, metric))),
    )


def _answer(
    sheet: Sheet,
    Z: Floats | None,
    rows: Index,
    valid: Index,
    seed: int,
) -> Floats:
    if Z is None:
        return forest(sheet, rows, valid, seed)
    told = ridge(Z, one_hot(sheet.y, sheet.n_classes), rows, valid)
    return probabilities(told) if sheet.n_classes else told[:, 0]


def extrapolate(rows: Vector, score: Vector, more: Vector, metric: Metric) -> Vector:
    """Continue measured scores to more rows; never worse than the last measured point.

    Scores that rise to one are fitted as their distance to one.
    """
    loss = 1.0 - score if metric.greater_is_better else score
    a, b, c = power_law(rows, loss)
    expected = np.minimum(a + b * more**-c, loss[-1])
    return np.asarray(1.0 - expected if metric.greater_is_better else expected)


def power_law(rows: Vector, loss: Vector) -> tuple[float, float, float]:
    """Least squares of a + b·m^−c over a grid of c, a and b not negative; larger sizes weigh more.

    Examples
    --------
    >>> m = np.array([100.0, 200.0, 400.0, 800.0])
    >>> a, b, c = power_law(m, 0.1 + 2.0 * m**-0.5)
    >>> round(a, 3), round(b, 2), round(c, 2)
    (0.1, 2.0, 0.5)
    """
    from scipy.optimize import nnls

    weight = np.sqrt(rows / rows.max())
    best = (np.inf, float(loss.min()), 0.0, 1.0)
    for c in EXPONENTS:
        basis = np.column_stack([np.ones_like(rows), (rows / rows[0]) ** -c]) * weight[:, None]
        (a, b), left = nnls(basis, loss * weight)
        if left < best[0] - 1e-12:
            best = (left, float(a), float(b) * float(rows[0]) ** float(c), float(c))
    return best[1], best[2], best[3]
