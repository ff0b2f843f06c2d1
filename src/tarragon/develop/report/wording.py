"""Sentences that several pages share: what a verdict means, how a score reads, who is better by how much."""

from tarragon.analyze.protocol import Baseline, Score
from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report.story import Tone
from tarragon.errors import ParameterError
from tarragon.metrics import Metric, metric

MEANING = {
    "SHIP": "Good enough to use",
    "REVIEW": "Look before you use it",
    "STOP": "Do not use it",
}
TONES: dict[str, Tone] = {"SHIP": "good", "REVIEW": "note", "STOP": "bad", "GO": "good", "CAUTION": "note"}
WEIGHTS: dict[str, tuple[Tone, str]] = {"for": ("good", "for"), "note": ("note", "note"), "against": ("bad", "against")}
BASELINES = {
    "dummy": "No model",
    "one-rule": "One rule",
    "linear": "Linear model",
    "previous": "Previous version",
}
APPROVALS = {
    "PendingManualApproval": "waiting for approval",
    "Approved": "approved",
    "Rejected": "rejected",
}


def headline(report: Report) -> str:
    """Say what was asked of what: the report's title."""
    return f"Predicting {say.short(report.target)} from {say.short(report.source)}"


def objective(report: Report) -> Metric | None:
    """Return the metric the run was judged by, if this version knows it."""
    try:
        return metric(report.analysis.score.metric)
    except ParameterError:
        return None


def title_of(name: str) -> str:
    """Return a metric's title, or its name where it is a stranger."""
    try:
        return metric(name).title
    except ParameterError:
        return say.short(name)


def score_line(score: Score) -> str:
    """Write "ROC AUC 0.847 (95 % interval 0.839–0.856)"."""
    span = say.interval(score.low, score.high)
    text = f"{score.title} {say.score(score.value, score.low, score.high)}"
    return f"{text} (95{say.THIN}% interval {span})" if span else text


def compared(gain: float, low: float, high: float) -> str:
    """Say a paired difference in words; a difference inside its noise is not called one.

    Examples
    --------
    >>> compared(0.0213, 0.012, 0.031), compared(0.001, -0.004, 0.006)
    ('better by 0.021 (0.012–0.031)', 'no clear difference (−0.004 to 0.006)')
    """
    if low > 0:
        return f"better by {say.with_interval(gain, low, high)}"
    if high < 0:
        return f"worse by {say.with_interval(-gain, -high, -low)}"
    if gain == low == high == 0:
        return "the same"
    return f"no clear difference ({say.interval(low, high)})"


def baseline_line(baseline: Baseline) -> str:
    """Write one line on a baseline: its name, its score, and how the model compares."""
    name = BASELINES.get(baseline.name, say.short(baseline.name))
    value = say.with_interval(baseline.score.value, baseline.score.low, baseline.score.high)
    return f"{name} {value}: the model is {compared(baseline.gain, baseline.gain_low, baseline.gain_high)}"


def better_side(greater_is_better: bool) -> str:
    """Name the direction of an axis on which models are compared."""
    return "better →" if greater_is_better else "← better"


def quoted(value: str) -> str:
    """Return a name or value from the table, cut and in quotation marks."""
    return f"“{say.short(value)}”"
