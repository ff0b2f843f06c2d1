"""The leaderboard: best first, paired against the leader, ties declared."""

from collections.abc import Sequence

import numpy as np

from tarragon.data import Vector
from tarragon.metrics import Metric, interval, paired
from tarragon.tune.protocol import Leaderboard, Standing, Trial


def judged(trials: Sequence[Trial]) -> np.ndarray:
    """Rows that every trial was judged on, ascending."""
    seen = np.ones(trials[0].oof.shape[0], dtype=bool)
    for trial in trials:
        flat = trial.oof if trial.oof.ndim == 1 else trial.oof[:, 0]
        seen &= np.isfinite(flat)
    return np.flatnonzero(seen)


def order(
    trials: Sequence[Trial], metric: Metric, y: Vector, weight: Vector | None = None
) -> list[tuple[Trial, float]]:
    """Trials with their out-of-fold score, best first; equal scores keep the order they were tried in."""
    rows = judged(trials)
    w = None if weight is None else weight[rows]
    scored = [(t, metric.score(y[rows], t.oof[rows], w)) for t in trials]
    return sorted(scored, key=lambda pair: -np.nan_to_num(metric.utility(pair[1]), nan=-np.inf))


def rank(
    trials: Sequence[Trial],
    metric: Metric,
    y: Vector,
    weight: Vector | None = None,
    dropped: Sequence[tuple[str, int, float]] = (),
) -> Leaderboard:
    """Rank complete trials. A trial is tied when the 95 % interval of its paired gap to the leader includes 0."""
    rows = judged(trials)
    truth, w = y[rows], None if weight is None else weight[rows]
    ordered = order(trials, metric, y, weight)
    leader = ordered[0][0]
    front = _front([(metric.utility(s), t.predict_ms * len(t.folds), t.size_bytes) for t, s in ordered])
    standings = []
    for place, (trial, score) in enumerate(ordered, start=1):
        _, low, high = interval(metric, truth, trial.oof[rows], w)
        gap = (0.0, 0.0, 0.0) if trial is leader else paired(metric, truth, trial.oof[rows], leader.oof[rows], w)
        standings.append(
            Standing(
                rank=place,
                trial=trial.name,
                algorithm=trial.algorithm,
                score=score,
                low=low,
                high=high,
                gap=gap[0],
                gap_low=gap[1],
                gap_high=gap[2],
                tied=trial is leader or gap[1] <= 0 <= gap[2],
                on_front=front[place - 1],
                glass_box=trial.glass_box,
                fit_s=trial.fit_s,
                predict_ms=trial.predict_ms * len(trial.folds),
                size_bytes=trial.size_bytes,
                params=trial.params,
            )
        )
    tied = [s for s in standings if s.tied]
    cheapest = min(tied, key=lambda s: (s.size_bytes, s.predict_ms)).trial
    return Leaderboard(metric.name, tuple(standings), tuple(dropped), cheapest)


def _front(points: Sequence[tuple[float, float, float]]) -> list[bool]:
    """Whether no other point is at least as good in all three and better in one: (utility, ms, bytes)."""

    def beats(a: tuple[float, float, float], b: tuple[float, float, float]) -> bool:
        no_worse = a[0] >= b[0] and a[1] <= b[1] and a[2] <= b[2]
        return no_worse and a != b

    return [not any(beats(other, point) for other in points) for point in points]
