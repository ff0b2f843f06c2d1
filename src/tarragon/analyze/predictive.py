"""What score a fresh sample of rows would get: a 95 % prediction interval, not a confidence interval.

Two things are uncertain: how good the model truly is (the n judged rows are a sample) and which m rows will come
(they are a sample too). A confidence interval holds the first only: the score that is actually seen spreads √(1 + n/m)
times as wide, so that at m = n/3 a 95 % confidence interval misses it every third time. Three ways, by what the metric
is made of:

means of losses (log loss, RMSE, MAE …)
    The fresh mean is simulated. Ordinary rows obey the central limit theorem. The k largest losses are the ones
    that break it, so they are drawn from a generalised Pareto tail (Pickands 1975) whose shape, scale, share and
    count are themselves drawn from their posteriors: a loss larger than any seen so far gets its due chance.
tables (F1, kappa …; accuracy is the simplest of them)
    Cell shares from their Dirichlet posterior, then m rows from these shares.
areas and ratios (AUC, average precision, R² …)
    Influence values give the standard error of n rows; n and m rows together √(1 + n/m) of it, on a scale
    (logit, log) where the ends cannot leave the metric's range.

Cost: O(n log n) and a few thousand draws, whatever n is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tarragon.metrics import Array, Metric, Vector, influence, judged, standard_error

DRAWS = 4_000  # the ends of a 95 % interval then rest on 100 draws each
TAIL = 1.5  # tail rows per √n: the usual intermediate order, growing with n but a vanishing share of it
ENDS = (0.025, 0.975)
SHAPES = np.linspace(-0.325, 4.975, 54)  # of the tail; steps that miss 0, where the formula is a limit
PRIOR = 0.4  # doubt about the shape where nothing limits a loss
LIMITED = 2.0  # where something does: a sure and wrong classifier has losses of quite another size than its usual ones


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows with a truth and an out-of-sample prediction.

    Parameters
    ----------
    y : ndarray of shape (n,)
    p : ndarray of shape (n, K) or (n,)
    weight : ndarray of shape (n,) or None
    threshold : float or None
        For labels of binary tasks.
    """

    y: Vector
    p: Array
    weight: Vector | None = None
    threshold: float | None = None

    def known(self) -> "Judged":
        """Leave out the rows without a prediction."""
        keep = judged(self.p)
        return Judged(self.y[keep], self.p[keep], None if self.weight is None else self.weight[keep], self.threshold)


def predictive(metric: Metric, rows: Judged, fresh: int, *, seed: int = 0, extra: float = 0.0) -> tuple[float, float]:
    """Interval that the metric's value on ``fresh`` unseen rows falls into, 95 times of 100.

    Parameters
    ----------
    rows : Judged
    fresh : int
        Rows of the sample to come.
    extra : float
        Standard deviation, in units of the metric, of what the rows cannot tell (training on other rows).

    Returns
    -------
    (low, high) : floats in units of the metric; NaN where it is undefined.
    """
    rows = rows.known()
    if len(rows.y) < 2 or not np.isfinite(metric.score(rows.y, rows.p, rows.weight, threshold=rows.threshold)):
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    if metric.needs == "label":
        share = metric.rowwise is not None
        return _share(metric, rows, fresh, rng, extra) if share else _table(metric, rows, fresh, rng, extra)
    if metric.rowwise is not None and not metric.greater_is_better:
        return _losses(metric, rows, fresh, rng, extra)
    return _smooth(metric, rows, fresh, extra)


def fresh_means(losses: Vector, fresh: int, rng: np.random.Generator, *, cap: float = float("inf")) -> Vector:
    """(n,) losses ≥ 0 -> (DRAWS,) means of ``fresh`` losses to come; ``cap`` is the largest loss there can be."""
    n = len(losses)
    ranked = np.sort(losses)
    k = int(np.clip(round(TAIL * np.sqrt(n)), min(5, n - 1), max(n // 4, 1)))
    bulk, start = ranked[: n - k], float(ranked[n - k - 1])
    over = ranked[n - k :] - start
    share = rng.beta(k + 0.5, n - k + 0.5, DRAWS)
    count = rng.binomial(fresh, share)
    centre = bulk.mean() + bulk.std() / np.sqrt(len(bulk)) * rng.standard_t(max(len(bulk) - 1, 1), DRAWS)
    rest = fresh - count
    ordinary = rest * np.maximum(centre, 0.0) + np.sqrt(rest) * bulk.std() * rng.standard_normal(DRAWS)
    shape, scale = tail_posterior(over, rng, doubt=LIMITED if np.isfinite(cap) else PRIOR)
    owner = np.repeat(np.arange(DRAWS), count)
    wait = rng.standard_exponential(len(owner))  # −ln of the tail probability
    drawn = start + scale[owner] * np.expm1(shape[owner] * wait) / shape[owner]
    extreme = np.bincount(owner, np.minimum(drawn, cap), minlength=DRAWS)
    return np.asarray(np.maximum(ordinary + extreme, 0.0) / fresh, dtype=np.float64)


def tail_posterior(over: Vector, rng: np.random.Generator, *, doubt: float = PRIOR) -> tuple[Vector, Vector]:
    """(k,) excesses over a threshold -> (DRAWS,) shapes ≠ 0 and (DRAWS,) scales of a generalised Pareto tail.

    Drawn from the posterior on a grid (Pickands 1975 for the law): the prior on the shape is normal around 0.2,
    a little heavier than exponential, and ``doubt`` wide, so that some dozen excesses overrule it.
    """
    unit = float(over.mean())
    if not unit > 0:
        return np.full(DRAWS, 0.1), np.zeros(DRAWS)
    shape, scale = np.meshgrid(SHAPES, np.geomspace(0.02, 5.0, 60) * unit, indexing="ij")
    inside = 1.0 + shape[..., None] * over / scale[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = -len(over) * np.log(scale) - (1.0 + 1.0 / shape) * np.log(np.maximum(inside, 0.0)).sum(axis=-1)
    fit[(inside <= 0).any(axis=-1)] = -np.inf
    fit -= 0.5 * ((shape - 0.2) / doubt) ** 2
    chance = np.exp(fit - fit.max()).ravel()
    pick = rng.choice(chance.size, DRAWS, p=chance / chance.sum())
    return shape.ravel()[pick], scale.ravel()[pick]


def _losses(metric: Metric, rows: Judged, fresh: int, rng: np.random.Generator, extra: float) -> tuple[float, float]:
    losses = np.asarray(metric.losses(rows.y, rows.p), dtype=np.float64)
    if rows.weight is not None:  # as many equal rows as the weights are worth, drawn by weight
        worth = rows.weight.sum() ** 2 / (rows.weight**2).sum() / len(losses)
        size = max(2, round(worth * len(losses)))
        losses = rng.choice(losses, size, p=rows.weight / rows.weight.sum())
        fresh = max(1, round(worth * fresh))
    means = fresh_means(losses, fresh, rng, cap=largest_loss(metric, rows.p))
    values = means if metric.finish is None else np.array([metric.finish(m) for m in means])
    values = values + extra * rng.standard_normal(len(values))
    low, high = np.quantile(values, ENDS)
    return max(0.0, float(low)), float(high)


def largest_loss(metric: Metric, p: Array) -> float:
    """Return the worst one row can do: for probabilities the wrong class where the model is surest, else no limit."""
    if p.ndim == 1:
        return float("inf")
    if metric.name == "brier":
        return 1.0
    assert metric.rowwise is not None
    return float(metric.rowwise(p.argmin(axis=1).astype(np.float64), p).max())


def _share(metric: Metric, rows: Judged, fresh: int, rng: np.random.Generator, extra: float) -> tuple[float, float]:
    """Interval of a plain share of rows: its Jeffreys posterior, then ``fresh`` rows from it."""
    right = np.asarray(metric.losses(rows.y, rows.p, threshold=rows.threshold), dtype=np.float64)
    w = np.ones(len(right)) if rows.weight is None else rows.weight
    worth = float(w.sum() ** 2 / (w**2).sum())
    hits = float(np.average(right, weights=w)) * worth
    coming = max(1, round(fresh * worth / len(right)))
    drawn = rng.binomial(coming, rng.beta(hits + 0.5, worth - hits + 0.5, DRAWS)) / coming
    low, high = np.quantile(drawn + extra * rng.standard_normal(DRAWS), ENDS)
    return max(0.0, float(low)), min(1.0, float(high))


def _table(metric: Metric, rows: Judged, fresh: int, rng: np.random.Generator, extra: float) -> tuple[float, float]:
    label = metric.view(rows.p, rows.threshold).astype(np.int64)
    y = rows.y.astype(np.int64)
    known = np.unique(np.concatenate([y, label]))
    size = len(known)
    w = np.ones(len(y)) if rows.weight is None else rows.weight
    worth = w.sum() ** 2 / (w**2).sum()
    place = np.searchsorted(known, y) * size + np.searchsorted(known, label)
    mass = np.bincount(place, w, minlength=size * size) * (worth / w.sum())
    off = ~np.eye(size, dtype=bool).ravel()
    true, answer = np.repeat(known, size).astype(np.float64), np.tile(known, size)
    ends = []
    # The lower end with half a wrong row per class: a clean table does not prove that there are no errors.
    for doubt, end in ((0.5 / max(size - 1, 1), ENDS[0]), (0.0, ENDS[1])):
        believed = mass + doubt * off
        some = believed > 0
        shares = rng.dirichlet(believed[some], DRAWS // 8)
        tables = rng.multinomial(max(1, round(fresh * worth / len(y))), shares).astype(np.float64)
        values = np.array([_score_table(metric, true[some], answer[some], t) for t in tables])
        values = values[np.isfinite(values)] + extra * rng.standard_normal(int(np.isfinite(values).sum()))
        ends.append(float(np.quantile(values, end)) if len(values) else float("nan"))
    return max(-1.0, ends[0]), min(1.0, ends[1])


def _score_table(metric: Metric, true: Vector, answer: NDArray[np.int64], counts: Vector) -> float:
    some = counts > 0
    return metric.function(true[some], answer[some], counts[some])


def _smooth(metric: Metric, rows: Judged, fresh: int, extra: float) -> tuple[float, float]:
    n = len(rows.y)
    value, part = influence(metric, rows.y, rows.p, rows.weight)
    own = standard_error(part, rows.weight)
    reach = float(stdtrit(_degrees(rows.y, rows.p), ENDS[1])) * np.sqrt(own**2 * (1 + n / fresh) + extra**2)
    if metric.name == "r2" or metric.name in {"mape", "median_absolute_error", "calibration_error"}:
        loss = 1.0 - value if metric.name == "r2" else value
        grow = np.exp(reach / loss) if loss > 0 else 1.0
        low, high = loss / grow, loss * grow
        return (1.0 - float(high), 1.0 - float(low)) if metric.name == "r2" else (float(low), float(high))
    if not 0.0 < value < 1.0:  # a perfect area has no spread: the rule of three says what the rows cannot exclude
        doubt = 3.0 / min(n, fresh)
        return (max(0.0, 1.0 - doubt), 1.0) if value >= 1.0 else (0.0, min(1.0, doubt))
    middle, wide = np.log(value / (1 - value)), reach / (value * (1 - value))
    return float(1 / (1 + np.exp(wide - middle))), float(1 / (1 + np.exp(-wide - middle)))


def _degrees(y: Vector, p: Array) -> float:
    """Degrees of freedom: the rarest class limits what an area knows."""
    if p.ndim == 1:
        return float(len(y) - 1)
    counts = np.bincount(y.astype(np.int64), minlength=p.shape[1])
    return float(max(counts[counts > 0].min() - 1, 2))
