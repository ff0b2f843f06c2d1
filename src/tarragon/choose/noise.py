"""How many labels are wrong? Told from hard problems by what confidence buys.

Classes: on a hard problem the surest answers are still right; wrong labels spoil the surest answers too (the idea of
confident learning, Northcutt et al. 2021). Two looks at it. The chance of being right is fitted as d·σ(a + b·s) of the
probe's confidence s; 1 − d is the share of labels that contradict even certainty. And for two classes, "confidence
tells nothing" is weighed against a hard but honest problem of the same area under the ROC curve, whose scores are
normal in each class; this sees plateaus, where b cannot be told.

Values: a swapped value is a draw from the whole target, not a large error. Residuals are fitted as a mixture of
Student-t errors whose width follows the prediction, and draws from the target's own density; the weight of the second
part is the share of wrong values (expectation–maximisation, Dempster et al. 1977).

Notation: n rows, K classes, e = y − ŷ residuals, η the share of wrong labels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats
from scipy.ndimage import gaussian_filter1d

from tarragon.choose.probe import design, one_hot, out_of_fold, probabilities, random_folds, ridge_out_of_fold, robust
from tarragon.choose.sheet import Floats, Sheet
from tarragon.data import Index, Vector
from tarragon.metrics import auc

NOISY = {
    True: 0.12,
    False: 0.1,
}  # share of wrong labels worth a warning, by "is it classification"; real tables reach 0.09
SURE_SHARE = 0.25  # the surest quarter of the answers
SURE_ERROR = 0.13
CHANCE = {
    True: 2.7,
    False: 15.0,
}  # likelihood ratio, 2 Δ log L, by "is it classification": χ²₁ at 5 % one-sided; strict
FLAT = 6.0  # 2 Δ log L of a flat confidence against a hard problem's; simulated hard problems stay below 4
CLEAR = 6.0
PLATEAU = 0.75  # errors of the surest tenth against the surest half, many classes: no fall means a plateau
REPEATS = 2
CORE = 0.3  # share explained without the swapped values: on harder problems honest errors are as wide as the target
T_DEGREES = (4.0, 30.0)  # heavy and nearly normal errors; the better of the two stands for each model
WIDTHS = 8
STEPS = 60


@dataclass(frozen=True, slots=True)
class Noise:
    """How much of the target is noise.

    Parameters
    ----------
    share : float
        Estimated share of wrong labels, or of swapped values.
    ratio : float
        2 Δ log-likelihood against no noise of this kind.
    sure_error : float
        Share of contradictions among the surest quarter of the answers (classes); 0 for values.
    found : bool
        Whether the evidence is enough for a warning.
    """

    share: float
    ratio: float
    sure_error: float
    found: bool


def label_noise(sheet: Sheet, known: Floats, seed: int, time_left: Callable[[], float]) -> Noise:
    """Estimate the share of wrong labels.

    ``known`` is an out-of-fold answer that exists already, (n, K) or (n,), NaN where a row was never judged; for
    classes it is averaged with those of one or two more divisions of the rows, which steadies the confidence.
    """
    if sheet.n_rows < 60 or sheet.X.shape[1] == 0 or (not sheet.n_classes and len(np.unique(sheet.y)) < 20):
        return Noise(0.0, 0.0, 0.0, False)
    if not sheet.n_classes:
        share, ratio, core = swapped_values(sheet.y, robust(sheet, random_folds(sheet.n_rows, 5, seed), seed))
        return Noise(share, ratio, 0.0, core >= CORE and NOISY[False] < share <= 0.6 and ratio >= CHANCE[False])
    Z, truth = design(sheet), one_hot(sheet.y, sheet.n_classes)
    judged = np.isfinite(known[:, 0])
    total = np.where(judged[:, None], known, 0.0)
    count = judged.astype(np.float64)
    cost = 0.0
    for r in range(REPEATS):
        if time_left() < cost:
            break
        before = time_left()
        folds = random_folds(sheet.n_rows, 5, seed + r + 1)
        total += (out_of_fold(sheet, folds, seed + r + 1) + probabilities(ridge_out_of_fold(Z, truth, folds))) / 2.0
        count += 1.0
        cost = before - time_left()
    some = count > 0
    return contradictions(sheet.y[some], total[some] / count[some, None])


def contradictions(y: Vector, p: Floats) -> Noise:
    """(n,) codes, (n, K) out-of-fold probabilities -> noise."""
    sure = np.clip(p.max(axis=1), 0.01, 0.995)
    right = (p.argmax(axis=1) == y).astype(np.float64)
    order = np.argsort(-sure, kind="stable")

    def error_of(part: float) -> float:
        return float(1.0 - right[order[: max(20, int(part * len(y)))]].mean())

    error = error_of(SURE_SHARE)
    share, ratio = ceiling(special.logit(sure), right)
    if p.shape[1] == 2:
        hard = hard_curve(auc(y, p), float((y == 1).mean()), len(y))
        found = _unlike_hard(right[order], hard, share, ratio)
    else:
        commonest = float(np.bincount(y.astype(np.int64)).max()) / len(y)
        level = error_of(0.1) >= PLATEAU * error_of(0.5) and 1.0 - right.mean() <= 0.75 * (1.0 - commonest)
        found = level or (share > NOISY[True] and ratio >= CHANCE[True])
    found = bool(found and error >= SURE_ERROR)
    return Noise(max(share, error) if found else share, ratio, error, found)


def _unlike_hard(right: Vector, hard: Vector, share: float, ratio: float) -> bool:
    """(n,) right or not, surest first, and the chances a hard problem would give -> whether labels look wrong."""
    level = float(np.clip(right.mean(), 1e-6, 1.0 - 1e-6))
    hard = np.clip(hard, 0.5, 0.999)
    flat = 2.0 * float((stats.bernoulli.logpmf(right, level) - stats.bernoulli.logpmf(right, hard)).sum())
    if flat >= FLAT:
        return True
    surest = max(20, int(SURE_SHARE * len(right)))
    error, expected = 1.0 - float(right[:surest].mean()), 1.0 - float(hard[:surest].mean())
    z = (error - expected) / np.sqrt(expected * (1.0 - expected) / surest)
    if share <= NOISY[True]:
        return False
    beyond = ratio >= CHANCE[True] and error >= 1.2 * expected and z >= 2.0
    return bool(beyond or (ratio >= CLEAR and error >= 1.12 * expected))


def hard_curve(area: float, positives: float, n: int) -> Vector:
    """(n,) chances to be right, surest first, when scores are normal with equal spread in both classes.

    The distance of the two means is d' = √2 Φ⁻¹(area) (Hanley & McNeil 1982).
    """
    distance = float(np.sqrt(2.0) * stats.norm.ppf(np.clip(area, 0.5, 0.9999)))
    grid = stats.norm.ppf((np.arange(2_000) + 0.5) / 2_000)
    x = np.concatenate([grid, grid + distance])
    weight = np.repeat([1.0 - positives, positives], 2_000) / 2_000
    p = special.expit(special.logit(np.clip(positives, 1e-6, 1 - 1e-6)) + distance * (x - distance / 2.0))
    sure = np.maximum(p, 1.0 - p)
    order = np.argsort(-sure, kind="stable")
    rank = np.cumsum(weight[order]) - weight[order] / 2.0
    return np.asarray(np.interp((np.arange(n) + 0.5) / n, rank, sure[order]))


def ceiling(s: Vector, right: Vector) -> tuple[float, float]:
    """(n,) confidence, (n,) right or not -> (1 − d, likelihood ratio against d = 1)."""
    s = (s - s.mean()) / max(float(s.std()), 1e-9)

    def loss(a: float, log_b: float, d: float) -> float:
        q = np.clip(d * special.expit(a + np.exp(log_b) * s), 1e-9, 1.0 - 1e-9)
        return -float((right * np.log(q) + (1.0 - right) * np.log1p(-q)).sum())

    def without(v: Vector, *_: object) -> float:
        return loss(float(v[0]), float(v[1]), 1.0 - 1e-4)

    def with_ceiling(v: Vector, *_: object) -> float:
        return loss(float(v[0]), min(float(v[1]), 3.0), float(special.expit(v[2])))

    plain = optimize.minimize(without, [1.0, 0.0], method="Nelder-Mead")
    best_share, best = 0.0, float(plain.fun)
    for start in (1.0, 3.0):
        first = [float(plain.x[0]), float(plain.x[1]), start]
        fitted = optimize.minimize(with_ceiling, first, method="Nelder-Mead", options={"maxiter": 500})
        if fitted.fun < best - 1e-6:
            best_share, best = 1.0 - float(special.expit(fitted.x[2])), float(fitted.fun)
    return best_share, 2.0 * (float(plain.fun) - best)


def swapped_values(y: Vector, answer: Vector) -> tuple[float, float, float]:
    """(n,) values and out-of-fold answers -> (η, likelihood ratio against η = 0, share explained where not swapped)."""
    e = y - answer
    group = np.searchsorted(np.quantile(answer, np.linspace(0.0, 1.0, WIDTHS + 1)[1:-1]), answer)
    wide = density(y)
    without = max(_mixture(e, group, wide, 0.0, d)[0] for d in T_DEGREES)
    with_noise, own = max((_mixture(e, group, wide, 0.1, d) for d in T_DEGREES), key=lambda fit: fit[0])
    centre = float(np.average(y, weights=own))
    core = 1.0 - float((own * e**2).sum() / max((own * (y - centre) ** 2).sum(), 1e-300))
    return float(1.0 - own.mean()), 2.0 * (with_noise - without), core


def density(y: Vector) -> Vector:
    """(n,) -> (n,) smoothed density of the values at themselves."""
    low, high = (float(v) for v in np.quantile(y, [0.001, 0.999]))
    if high <= low:
        low, high = float(y.min()), float(y.max()) + 1e-12
    width = (high - low) / 256
    smooth = max(
        2.0, 0.15 * float(np.clip(y, low, high).std()) / width
    )  # bandwidth 0.15 deviations: whole numbers stay whole
    place = np.clip(((y - low) / width).astype(np.int64), 0, 255)
    counts = gaussian_filter1d(np.bincount(place, minlength=256).astype(np.float64), smooth, mode="constant")
    return np.asarray(np.maximum(counts[place], 1e-3) / (len(y) * width))


def _mixture(e: Vector, group: Index, wide: Vector, share: float, degrees: float) -> tuple[float, Vector]:
    """Fit by expectation–maximisation: log likelihood, (n,) chance of being honest; η stays 0 if it starts there."""
    floor = 1e-6 * max(float(e.std()), 1e-300)
    width = np.array(
        [np.median(np.abs(e[group == g])) / 0.74 + floor if np.any(group == g) else 1.0 for g in range(WIDTHS)]
    )
    own = np.ones_like(e)
    mixed = wide
    for _ in range(STEPS):
        scaled = e / width[group]
        core = (1.0 - share) * stats.t.pdf(scaled, degrees) / width[group]
        mixed = core + share * wide
        own = core / mixed
        weight = own * (degrees + 1.0) / (degrees + scaled**2)
        top = np.bincount(group, weights=weight * e**2, minlength=WIDTHS)
        width = np.sqrt(top / np.maximum(np.bincount(group, weights=own, minlength=WIDTHS), 1e-9)) + floor
        if share:
            share = float(1.0 - own.mean())
    return float(np.log(mixed).sum()), own if share else np.ones_like(e)
