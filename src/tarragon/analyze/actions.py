"""What to do next, each with the gain a measurement promises; where nothing was measured the gain is left open."""

from collections.abc import Sequence

import numpy as np

from tarragon.analyze.predictive import Judged
from tarragon.analyze.protocol import Action, Fit, Importance, Interpretability, Slice
from tarragon.analyze.subject import Evidence, Subject
from tarragon.metrics import Metric, number, paired

ENOUGH = 20  # rows of each half below which a calibration cannot be learned


def next_actions(
    subject: Subject,
    metric: Metric,
    proof: Evidence,
    found: tuple[Fit, Sequence[Importance], Sequence[Slice], Interpretability | None],
) -> tuple[Action, ...]:
    """List what is worth doing, measured gains first."""
    fit, importance, slices, glass = found
    made = [
        more_rows(subject, metric),
        longer_search(subject, metric),
        calibrate(metric, proof),
        simpler(metric, glass, subject),
        drop_columns(importance),
        clean_labels(subject),
        _for_fit(fit),
        _for_slices(slices),
    ]
    listed = [a for a in made if a is not None]
    return tuple(sorted(listed, key=lambda a: -(a.gain if a.gain is not None else -np.inf)))


def more_rows(subject: Subject, metric: Metric) -> Action | None:
    """Twice the rows, if the learning curve promises more than its own noise."""
    curve = subject.curve
    if curve is None or not curve.expected or not curve.score:
        return None
    gain = metric.utility(curve.expected[0]) - metric.utility(curve.score[-1])
    noise = abs(curve.high[-1] - curve.low[-1]) / 2
    if not gain > noise / 2:
        return None
    return Action(
        "Collect more rows",
        f"The probe's learning curve still climbs: {number(curve.score[-1])} with {curve.rows[-1]:,.0f} rows, "
        f"{number(curve.expected[0])} expected with {curve.more_rows[0]:,.0f}.",
        f"Bring {curve.more_rows[0] - curve.rows[-1]:,.0f} more rows like these and run develop again.",
        float(gain),
    )


def longer_search(subject: Subject, metric: Metric) -> Action | None:
    """More time, if the last third of the search still brought something."""
    done = [t for t in subject.trials if t.complete and t.scores]
    if len(done) < 6:
        return None
    best = np.maximum.accumulate([metric.utility(float(np.mean(t.scores))) for t in done])
    spent = np.cumsum([t.fit_s for t in done])
    late = best[-1] - best[int(np.searchsorted(spent, spent[-1] * 2 / 3))]
    if not late > 0:
        return None
    return Action(
        "Search longer",
        f"The last third of the search still improved the best single model by {number(float(late))} {metric.title}.",
        "Give --time two or three times as much.",
        float(late),
    )


def calibrate(metric: Metric, proof: Evidence) -> Action | None:
    """Rescale probabilities, if one temperature learned on half of the rows helps the other half beyond noise."""
    if proof.p.ndim != 2 or metric.name not in {"log_loss", "brier"} or len(proof.y) < 2 * ENOUGH:
        return None
    better = np.empty_like(proof.p)
    half = np.arange(len(proof.y)) % 2 == 0
    for teach in (half, ~half):
        better[~teach] = sharpen(proof.p[~teach], best_power(metric, Judged(proof.y[teach], proof.p[teach])))
    gain, low, _ = paired(metric, proof.y, better, proof.p, proof.weight)
    if not low > 0:
        return None
    return Action(
        "Calibrate the probabilities",
        f"One temperature, learned on half of the rows, improves {metric.title} of the other half by {number(gain)}.",
        "Run develop again with more time, so that calibration is tried on the winner.",
        gain,
    )


def best_power(metric: Metric, rows: Judged) -> float:
    """Find the power of the probabilities with the best score among 25 from ¼ to 4."""
    powers = np.geomspace(0.25, 4.0, 25)
    scores = [metric.utility(metric.score(rows.y, sharpen(rows.p, float(a)))) for a in powers]
    return float(powers[int(np.argmax(scores))])


def sharpen(p: np.ndarray, power: float) -> np.ndarray:
    """(n, K) -> (n, K): p^power, rows summing to 1; above 1 surer, below 1 less sure."""
    raised = np.clip(p, 1e-12, None) ** power
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def simpler(metric: Metric, glass: Interpretability | None, subject: Subject) -> Action | None:
    """Use the glass box, if it is not measurably worse."""
    if glass is None or glass.price_low > 0 or glass.trial in {name for name, w in subject.winner if w > 0}:
        return None
    return Action(
        "Use the model that can be read",
        f"{glass.algorithm} is not measurably worse: {number(glass.price)} {metric.title}, "
        f"95 % interval {number(glass.price_low)} to {number(glass.price_high)}.",
        "Run develop with --glass-box.",
        -glass.price,
    )


def drop_columns(importance: Sequence[Importance]) -> Action | None:
    """Leave out columns whose shuffling changes nothing."""
    idle = [i.column for i in importance if i.high <= 0 or i.permutation == 0.0]
    if not idle or len(idle) == len(importance):
        return None
    shown = ", ".join(idle[:5]) + (f" and {len(idle) - 5} more" if len(idle) > 5 else "")
    return Action(
        f"Leave out {len(idle)} column{'s' if len(idle) > 1 else ''}",
        f"Shuffling {shown} does not make the model worse.",
        "Run develop with " + " ".join(f"--drop {c}" for c in idle[:5]) + (" …" if len(idle) > 5 else "") + ".",
        None,
    )


def clean_labels(subject: Subject) -> Action | None:
    """Look at doubtful labels."""
    if subject.suspects <= 0:
        return None
    return Action(
        f"Check {subject.suspects:,} doubtful labels",
        "Their label contradicts what similar rows say.",
        "Look at these rows and correct or remove those that are wrong.",
        None,
    )


def _for_fit(fit: Fit) -> Action | None:
    if fit.verdict == "overfit":
        return Action(
            "Hold the model back", fit.sentence, "Give more rows, fewer columns or stronger regularisation.", None
        )
    if fit.verdict == "underfit":
        return Action(
            "Give the model more to go on", fit.sentence, "Bring columns that tell more about the target.", None
        )
    return None


def _for_slices(slices: Sequence[Slice]) -> Action | None:
    worst = next((s for s in slices if s.worse), None)
    if worst is None:
        return None
    where = f"{worst.column} {worst.value if worst.value[0] in '≤>' else '= ' + worst.value}"
    return Action(
        f"Look at {where}",
        f"On these {worst.n:,} rows the model is worse by {number(-worst.gap)}, beyond noise.",
        "Bring more such rows, or columns that tell them apart.",
        None,
    )
