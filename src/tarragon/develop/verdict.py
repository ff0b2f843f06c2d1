"""SHIP, REVIEW or STOP, from what the stages found. Nothing is measured here."""

from collections.abc import Iterator

from tarragon.analyze.protocol import Analysis
from tarragon.choose.protocol import Feasibility
from tarragon.develop.protocol import Reason, Verdict
from tarragon.metrics import metric, number

MAX_REASONS = 8


def judge(feasibility: Feasibility, analysis: Analysis, *, obeys: bool, obeyed: tuple[str, ...]) -> Verdict:
    """Weigh the findings.

    STOP: no signal, no better than a constant answer, or a hard limit broken. REVIEW: anything a careful engineer
    would look at before shipping. SHIP: neither.
    """
    stops = tuple(_stops(feasibility, analysis, obeys=obeys, obeyed=obeyed))
    against = tuple(_doubts(feasibility, analysis))
    praise = tuple(_praise(analysis))
    if stops:
        return Verdict("STOP", (*stops, *against, *praise)[:MAX_REASONS])
    if against:
        return Verdict("REVIEW", (*against[:2], *praise[:1], *against[2:], *praise[1:])[:MAX_REASONS])
    return Verdict("SHIP", praise[:MAX_REASONS])


def _stops(feasibility: Feasibility, analysis: Analysis, *, obeys: bool, obeyed: tuple[str, ...]) -> Iterator[Reason]:
    if feasibility.verdict == "STOP":
        for text in feasibility.reasons[:2]:
            yield Reason(text, "against")
    if not obeys:
        yield Reason(f"No model obeys the limits; the closest: {', '.join(obeyed)}", "against")
    dummy = next((b for b in analysis.baselines if b.name == "dummy"), None)
    if dummy is not None and dummy.gain_low <= 0:
        yield Reason(f"The model is not better than a constant answer beyond noise ({dummy.rule})", "against")


def _doubts(feasibility: Feasibility, analysis: Analysis) -> Iterator[Reason]:
    yield from _findings(feasibility, "critical")
    yield from _rivals(analysis)
    for facet in analysis.bias:
        flagged = [m.name for m in facet.metrics if m.flagged]
        if flagged:
            yield Reason(f"{facet.sentence} ({', '.join(flagged[:4])})", "against")
    yield from _findings(feasibility, "warning")
    if feasibility.verdict == "CAUTION" and not any(f.severity != "info" for f in feasibility.findings):
        yield from (Reason(text, "against") for text in feasibility.reasons[:1])


def _findings(feasibility: Feasibility, severity: str) -> Iterator[Reason]:
    for finding in feasibility.findings:
        settled = finding.fault == "id_column" and finding.action == "dropped"  # nothing is left to decide
        if finding.severity == severity and not settled:
            yield Reason(f"{finding.what}: {finding.why}", "against")


def _rivals(analysis: Analysis) -> Iterator[Reason]:
    previous = next((b for b in analysis.baselines if b.name == "previous"), None)
    if previous is not None and previous.gain_high < 0:
        yield Reason(f"The registered version before is better ({previous.rule})", "against")
    linear = next((b for b in analysis.baselines if b.name == "linear"), None)
    if linear is not None and linear.gain_high < 0:
        yield Reason("A plain linear model is better", "against")


def _praise(analysis: Analysis) -> Iterator[Reason]:
    score = analysis.score
    if score.value is not None and score.low is not None and score.high is not None:
        low, high = number(score.low, 4), number(score.high, 4)
        yield Reason(f"{score.title} {number(score.value, 4)}, expected between {low} and {high} on fresh rows", "for")
    for name, word in (
        ("linear", "a linear model"),
        ("one-rule", "the best single rule"),
        ("dummy", "a constant answer"),
    ):
        base = next((b for b in analysis.baselines if b.name == name), None)
        if base is not None and base.gain_low > 0:
            unit, low, high = metric(score.metric).title, number(base.gain_low), number(base.gain_high)
            yield Reason(f"Better than {word} by {number(base.gain)} {unit} ({low} to {high})", "for")
            break
    worse = next((part for part in analysis.slices if part.worse), None)
    if worse is not None:  # every model has rows it finds harder; whether that matters, the reader knows
        yield Reason(f"Weakest where {worse.column} is {worse.value} ({worse.n:,} rows)", "note")
    yield Reason(analysis.fit.sentence, "for" if analysis.fit.verdict == "balanced" else "note")
    if analysis.interpretability is not None:
        yield Reason(analysis.interpretability.sentence, "note")
