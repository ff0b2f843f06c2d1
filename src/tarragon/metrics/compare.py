"""How sure a score is, and whether one model is better than another on the same rows.

A metric that is smooth in the rows has an *influence value* per row: how far the score would move, times n, if that
row counted a little more (Hampel 1974). The mean of the influence values is 0 and their spread gives the standard
error: for means it is the usual one, for the AUC it is DeLong's (DeLong et al. 1988). The difference of two models'
influence values on the same rows gives the paired standard error with all covariances in it.
Metrics of answered labels depend on the confusion table only, so they are resampled cell by cell: a draw costs K²,
not n. Cost: O(n log n) for smooth metrics, O(n + draws · cells) for label metrics.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tarragon.metrics import classification as c
from tarragon.metrics.protocol import Array, Metric, Vector

DRAWS = 400  # resamples of a confusion table: the ends of a 95 % interval rest on ten draws each
LEVEL = 0.95


def paired(
    metric: Metric, y: Vector, p_a: Array, p_b: Array, weight: Vector | None = None, seed: int = 0
) -> tuple[float, float, float]:
    """Compare two models on the same rows: utility of a minus utility of b, with its 95 % interval.

    Parameters
    ----------
    y : ndarray of shape (n,)
    p_a, p_b : ndarray of shape (n, K) or (n,)
        Predictions; rows where either is NaN are left out. For label metrics (n,) codes are taken as they are,
        which is how to compare at a threshold other than 0.5.
    seed : int
        For the resampled (label) metrics; the others are closed form.

    Returns
    -------
    (gap, low, high) : floats
        Greater than 0: a is better. Units of the metric. (nan, -inf, inf) where undefined.
    """
    keep = judged(p_a) & judged(p_b)
    y, p_a, p_b = y[keep], p_a[keep], p_b[keep]
    w = None if weight is None else weight[keep]
    sign = 1.0 if metric.greater_is_better else -1.0
    if len(y) == 0:
        return float("nan"), -float("inf"), float("inf")
    if metric.needs == "label" and metric.rowwise is None:
        cells, counts = _cells(y, w, metric.view(p_a), metric.view(p_b))
        gap = _table_score(metric, cells[:, 0], cells[:, 1], counts) - _table_score(
            metric, cells[:, 0], cells[:, 2], counts
        )
        draws = [
            _table_score(metric, cells[:, 0], cells[:, 1], d) - _table_score(metric, cells[:, 0], cells[:, 2], d)
            for d in _resamples(counts, _weighing(y, w), seed)
        ]
        low, high = _middle(draws)
        return _ordered(sign * gap, sign * low, sign * high)
    (a, part_a), (b, part_b) = influence(metric, y, p_a, w), influence(metric, y, p_b, w)
    half = _t(len(y)) * standard_error(part_a - part_b, w)
    gap = sign * (a - b)
    return (gap, gap - half, gap + half) if np.isfinite(gap) else (float("nan"), -float("inf"), float("inf"))


def interval(
    metric: Metric,
    y: Vector,
    p: Array,
    weight: Vector | None = None,
    *,
    threshold: float | None = None,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Score with a 95 % interval for the sampling of these rows: (value, low, high); NaN three times where undefined.

    Shares are Wilson intervals; positive losses and areas are taken on a logarithmic or logit scale, so that an end
    never leaves the metric's range; other label metrics are resampled.
    """
    keep = judged(p)
    y, p = y[keep], p[keep]
    w = None if weight is None else weight[keep]
    value = metric.score(y, p, w, threshold=threshold) if len(y) else float("nan")
    if not np.isfinite(value):
        return float("nan"), float("nan"), float("nan")
    if metric.needs == "label":
        return _label_interval(metric, y, metric.view(p, threshold), w, (value, seed))
    _, part = influence(metric, y, p, w)
    half = _t(len(y)) * standard_error(part, w)
    if metric.name == "r2":  # 1 − R² is a ratio of sums of squares: multiplicative noise
        grow = np.exp(half / (1.0 - value)) if value < 1.0 else 1.0
        return value, 1.0 - (1.0 - value) * float(grow), 1.0 - (1.0 - value) / float(grow)
    if metric.greater_is_better:
        return _on_logit(value, half, len(y))
    grow = float(np.exp(half / value)) if value > 0 else 1.0
    return value, value / grow, value * grow


def influence(metric: Metric, y: Vector, p: Array, weight: Vector | None = None) -> tuple[float, Vector]:
    """Score and (n,) influence values of a smooth metric; Σ w·values = 0.

    Raises ``ValueError`` for a metric that is neither a mean over rows nor one of the closed forms below.
    """
    w = np.ones(len(y)) if weight is None else weight
    if metric.rowwise is not None:
        rows = np.asarray(metric.losses(y, p), dtype=np.float64)
        centre = float(np.average(rows, weights=w))
        if metric.finish is None:
            return centre, rows - centre
        step = 1e-4 * abs(centre)
        slope = (metric.finish(centre + step) - metric.finish(centre - step)) / (2 * step) if step else 0.0
        return metric.finish(centre), slope * (rows - centre)
    if metric.name not in _CLOSED:
        raise ValueError(f"{metric.name} has no influence values; its table is resampled instead")
    return _CLOSED[metric.name](y, p, w)


def standard_error(part: Vector, weight: Vector | None = None) -> float:
    """(n,) influence values -> the standard error of the score."""
    n = len(part)
    if n < 2:
        return float("inf")
    w = np.ones(n) if weight is None else weight
    return float(np.sqrt(((w * part) ** 2).sum() * n / (n - 1)) / w.sum())


def wilson(hits: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a share (Wilson 1927): honest near 0 and 1, and for few rows."""
    if n <= 0:
        return 0.0, 1.0
    z = float(stdtrit(1e9, 0.5 + level / 2))
    share, spread = hits / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = float(np.sqrt(max(share * (1 - share), 0.0) * spread + spread * spread / 4) / (1 + spread))
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def judged(p: Array) -> NDArray[np.bool_]:
    """(n, K) or (n,) -> (n,): rows that have a prediction."""
    return np.asarray(~np.isnan(p if p.ndim == 1 else p.sum(axis=1)), dtype=np.bool_)


def _t(n: int) -> float:
    return float(stdtrit(max(n - 1, 1), 0.5 + LEVEL / 2))


def _on_logit(value: float, half: float, n: int) -> tuple[float, float, float]:
    """Interval of a value in 0…1 on the logit scale; at either end, what n rows cannot exclude (rule of three)."""
    if not 0.0 < value < 1.0:
        return value, max(0.0, min(value, 1.0 - 3.0 / n)), min(1.0, max(value, 3.0 / n))
    middle, reach = np.log(value / (1 - value)), half / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(middle - reach))), 1 / (1 + np.exp(-(middle + reach)))
    return value, float(low), float(high)


def _label_interval(
    metric: Metric, y: Vector, label: Array, w: Vector | None, value_seed: tuple[float, int]
) -> tuple[float, float, float]:
    value, seed = value_seed
    base = {"accuracy": np.ones(len(y)), "precision": label == 1, "recall": y == 1, "specificity": y == 0}.get(
        metric.name
    )
    if base is not None:
        mass = base.astype(np.float64) * (1.0 if w is None else w)
        n = mass.sum() ** 2 / (mass**2).sum()
        return value, *wilson(value * n, n)
    cells, counts = _cells(y, w, label)
    known = np.unique(cells)
    grid = np.array([(i, j) for i in known for j in known])
    full = np.zeros(len(grid))
    place = np.searchsorted(known, cells[:, 0]) * len(known) + np.searchsorted(known, cells[:, 1])
    full[place] = counts
    # Half a row per true class, spread over the wrong answers: no table is so clean that it proves there are no errors.
    wrong = grid[:, 0] != grid[:, 1]
    full[wrong] += 0.5 * (counts.sum() / len(y)) / max(len(known) - 1, 1)
    low, high = _middle(
        [_table_score(metric, grid[:, 0], grid[:, 1], d) for d in _resamples(full, _weighing(y, w), seed)]
    )
    return value, min(low, value), max(high, value)


def _weighing(y: Vector, w: Vector | None) -> int:
    """How many rows of equal weight would tell as much (Kish 1965)."""
    return len(y) if w is None else max(1, round(float(w.sum() ** 2 / (w**2).sum())))


def _cells(y: Vector, w: Vector | None, *label: Array) -> tuple[NDArray[np.int64], Vector]:
    """Rows -> distinct (true, answered…) combinations with their weight: (c, 1 + len(label)), (c,)."""
    codes = np.stack([y.astype(np.int64), *(one.astype(np.int64) for one in label)], axis=1)
    size = int(codes.max(initial=0)) + 1
    flat = codes @ (size ** np.arange(codes.shape[1])[::-1])
    seen, place = np.unique(flat, return_inverse=True)
    cells = np.stack([seen // size**k % size for k in range(codes.shape[1])[::-1]], axis=1)
    return cells, np.bincount(place, w).astype(np.float64)


def _table_score(metric: Metric, y: Array, label: Array, mass: Vector) -> float:
    some = mass > 0
    return metric.function(y[some].astype(np.float64), label[some], mass[some])


def _resamples(mass: Vector, n: int, seed: int) -> list[Vector]:
    """Draw tables of n rows with the given cell masses."""
    drawn = np.random.default_rng(seed).multinomial(n, mass / mass.sum(), size=DRAWS)
    return list(drawn.astype(np.float64))


def _middle(draws: list[float]) -> tuple[float, float]:
    """Return the ends of the middle 95 % of the draws that are defined."""
    known = np.array(draws)[np.isfinite(draws)]
    if len(known) == 0:
        return -float("inf"), float("inf")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _ordered(gap: float, one: float, other: float) -> tuple[float, float, float]:
    return gap, min(one, other, gap), max(one, other, gap)


def _mean_of_classes(
    y: Vector, p: Array, w: Vector, one: Callable[[NDArray[np.bool_], Array, Vector], tuple[float, Vector]]
) -> tuple[float, Vector]:
    parts = [one(y == k, p[:, k], w) for k in c.judged_classes(y, p)]
    if not parts:
        return float("nan"), np.zeros(len(y))
    return float(np.mean([v for v, _ in parts])), np.mean([rows for _, rows in parts], axis=0)


def _auc_part(positive: NDArray[np.bool_], score: Array, w: Vector) -> tuple[float, Vector]:
    mass, total = w[positive].sum(), w.sum()
    part = np.zeros(len(score))
    if not mass > 0 or not mass < total:
        return float("nan"), part
    above, below = c.placements(positive, score, w)
    value = float(np.average(above, weights=w[positive]))
    part[positive] = (above - value) * total / mass
    part[~positive] = (below - value) * total / (total - mass)
    return value, part


def _ap_part(positive: NDArray[np.bool_], score: Array, w: Vector) -> tuple[float, Vector]:
    """AP = Σ_g P_g·TP_g/PP_g / P; a row of mass ε in group h moves TP and PP of every later group g ≥ h."""
    group, found, looked = c.precision_steps(positive, score, w)
    total = found[-1]
    if not total > 0:
        return float("nan"), np.zeros(len(score))
    step = np.diff(found, prepend=0.0)
    at = np.divide(found, looked, out=np.zeros_like(found), where=looked > 0)
    inverse = np.divide(step, looked, out=np.zeros_like(step), where=looked > 0)
    gained = np.cumsum(inverse[::-1])[::-1]  # Σ_{g≥h} P_g / PP_g
    lost = np.cumsum((inverse * np.divide(found, looked, out=np.zeros_like(found), where=looked > 0))[::-1])[::-1]
    value = float((step * at).sum() / total)
    rows = positive * (at[group] + gained[group] - value) - lost[group]
    return value, rows * (w.sum() / total)


def _r2_part(y: Vector, p: Array, w: Vector) -> tuple[float, Vector]:
    centre = np.average(y, weights=w)
    spread = np.average((y - centre) ** 2, weights=w)
    if not spread > 0:
        return float("nan"), np.zeros(len(y))
    rest = float(np.average((y - p) ** 2, weights=w) / spread)
    return 1.0 - rest, -((y - p) ** 2 - rest * (y - centre) ** 2) / spread


def _mape_part(y: Vector, p: Array, w: Vector) -> tuple[float, Vector]:
    keep = y != 0
    part = np.zeros(len(y))
    if not w[keep].sum() > 0:
        return float("nan"), part
    rows = np.abs((y[keep] - p[keep]) / y[keep])
    value = float(np.average(rows, weights=w[keep]))
    part[keep] = (rows - value) * w.sum() / w[keep].sum()
    return value, part


def _ece_part(y: Vector, p: Array, w: Vector) -> tuple[float, Vector]:
    bins, gap = c.calibration_gaps(y, p)
    direction = np.sign(np.bincount(bins, w * gap, minlength=c.BINS))
    rows = direction[bins] * gap
    value = float(np.average(rows, weights=w))
    return value, rows - value


def _median_part(y: Vector, p: Array, w: Vector) -> tuple[float, Vector]:
    """Influence of a median: ±½ over the density there, which is read off the neighbouring quantiles (Bahadur)."""
    error = np.abs(y - p)
    middle = float(np.median(error))
    reach = min(0.25, len(y) ** -0.2 / 4)
    low, high = np.quantile(error, [0.5 - reach, 0.5 + reach])
    return middle, (np.sign(error - middle) / 2.0) * ((high - low) / (2 * reach))


_CLOSED: dict[str, Callable[[Vector, Array, Vector], tuple[float, Vector]]] = {
    "auc": lambda y, p, w: _mean_of_classes(y, p, w, _auc_part),
    "average_precision": lambda y, p, w: _mean_of_classes(y, p, w, _ap_part),
    "calibration_error": _ece_part,
    "r2": _r2_part,
    "mape": _mape_part,
    "median_absolute_error": _median_part,
}
