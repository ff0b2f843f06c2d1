"""Over- or underfit: one verdict from what the trials scored on rows they learned from and rows they did not.

A gap between the two is normal (a forest knows its training rows by heart and still generalises), so it is measured
against what was learned at all: the share of the training gain over the dummy that is lost on new rows.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from tarragon.analyze.protocol import Fit, Line
from tarragon.metrics import Metric, number
from tarragon.tune.protocol import Trial

LOST = 1 / 3  # of the training gain: beyond it the model mostly remembers; our reading, not a law
LEARNED = 0.1  # of the way from the dummy to perfection: below it training rows themselves are not explained


def judge_fit(metric: Metric, members: Sequence[tuple[Trial, float]], dummy: float | None) -> Fit:
    """Judge the members of the final model together.

    Parameters
    ----------
    members : sequence of (Trial, weight)
    dummy : float or None
        The objective of the dummy baseline, units of the metric.
    """
    shares = np.array([w for _, w in members], dtype=np.float64)
    shares = shares / shares.sum()
    folds = min(len(t.scores) for t, _ in members)
    train = sum(s * np.array(t.train_scores[:folds]) for s, (t, _) in zip(shares, members, strict=True))
    valid = sum(s * np.array(t.scores[:folds]) for s, (t, _) in zip(shares, members, strict=True))
    gap, low, high = _gap(metric, np.asarray(train), np.asarray(valid))
    kept, found = float(np.mean(train)), float(np.mean(valid))
    verdict, sentence = _verdict(metric, (kept, found), (gap, low), dummy)
    rising = [name for t, _ in members if (name := _late_rise(t))]
    if rising:
        sentence += f" The validation loss of {', '.join(rising)} rises again at the end: fewer rounds would do."
    lines = tuple(
        Line(t.name, tuple(float(a) for a, _ in t.history), tuple(float(b) for _, b in t.history))
        for t, _ in members
        if t.history
    )
    return Fit(verdict, sentence, kept, found, gap, low, high, lines)


def _gap(metric: Metric, train: np.ndarray, valid: np.ndarray) -> tuple[float, float, float]:
    """Mean difference over folds in utility, with its t interval; one fold has no interval."""
    parts = np.array([metric.utility(float(a)) - metric.utility(float(b)) for a, b in zip(train, valid, strict=True)])
    gap = float(parts.mean())
    if len(parts) < 2:
        return gap, -float("inf"), float("inf")
    half = float(stdtrit(len(parts) - 1, 0.975) * parts.std(ddof=1) / np.sqrt(len(parts)))
    return gap, gap - half, gap + half


def _verdict(
    metric: Metric, scores: tuple[float, float], gap: tuple[float, float], dummy: float | None
) -> tuple[Literal["balanced", "overfit", "underfit"], str]:
    """Return the verdict and its sentence."""
    train, valid = scores
    told = f"{metric.title} is {number(train, 4)} on rows it learned from and {number(valid, 4)} on rows it did not"
    if dummy is None or not np.isfinite(dummy):
        return "balanced", f"{told}; there is no dummy to hold that against."
    learned = metric.utility(train) - metric.utility(dummy)
    perfect = metric.utility(1.0 if metric.greater_is_better else 0.0) - metric.utility(dummy)
    if perfect > 0 and learned < LEARNED * perfect:
        return "underfit", f"{told}; a dummy gets {number(dummy, 4)}, so even its own rows are hardly explained."
    lost = gap[0] / learned if learned > 0 else 0.0
    share = f"{100 * max(lost, 0.0):.0f} % of what it learned beyond the dummy ({number(dummy, 4)}) does not carry over"
    if lost > LOST and gap[1] > 0:
        return "overfit", f"{told}: {share}."
    return "balanced", f"{told}: {share}, which is usual."


def _late_rise(trial: Trial) -> str:
    """Name the trial if its validation loss ends above its best by more than a tenth of what it had won."""
    if len(trial.history) < 10:
        return ""
    loss = np.array([b for _, b in trial.history])
    won = loss[0] - loss.min()
    return trial.name if won > 0 and loss[-1] - loss.min() > 0.1 * won else ""
