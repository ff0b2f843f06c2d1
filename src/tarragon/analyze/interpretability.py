"""What a model that can be read as a whole would cost in score: the price of interpretability, paired."""

from tarragon.analyze.predictive import Judged
from tarragon.analyze.protocol import Interpretability
from tarragon.analyze.scores import Wording, one_score
from tarragon.analyze.subject import Evidence, Subject, answers
from tarragon.metrics import Metric, number, paired
from tarragon.tune.protocol import Trial


def price_of_glass(subject: Subject, metric: Metric, proof: Evidence, words: Wording) -> Interpretability | None:
    """Hold the best glass-box trial against the final model; None if none was finished."""
    glass = best_of(metric, [t for t in subject.trials if t.glass_box], proof)
    if glass is None:
        return None
    p = glass.oof[proof.rows]
    label = metric.needs == "label"
    price, low, high = paired(metric, proof.y, answers(subject, proof.p) if label else proof.p, p, proof.weight)
    score = one_score(metric, Judged(proof.y, p, proof.weight), words)
    if glass.name in {name for name, w in subject.winner if w > 0} and len(subject.winner) == 1:
        sentence = f"The model is {glass.algorithm}, which can be read as a whole: interpretability costs nothing."
    elif low <= 0 <= high:
        sentence = (
            f"{glass.algorithm} can be read as a whole and is not measurably {'worse' if price >= 0 else 'better'}: "
            f"{number(abs(price))} {metric.title}, 95 % interval {number(low)} to {number(high)}."
        )
    else:
        sentence = (
            f"{glass.algorithm} can be read as a whole and {'costs' if price > 0 else 'gains'} {number(abs(price))} "
            f"{metric.title} (95 % interval {number(low)} to {number(high)})."
        )
    return Interpretability(glass.name, glass.algorithm, score, price, low, high, sentence)


def best_of(metric: Metric, trials: list[Trial], proof: Evidence) -> Trial | None:
    """Find the complete trial with the best objective on the judged rows."""
    best: tuple[float, Trial] | None = None
    for trial in trials:
        if not trial.complete:
            continue
        value = metric.utility(metric.score(proof.y, trial.oof[proof.rows], proof.weight))
        if value == value and (best is None or value > best[0]):
            best = (value, trial)
    return None if best is None else best[1]
