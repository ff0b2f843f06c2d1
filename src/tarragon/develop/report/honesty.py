"""How the score was kept honest, and which limits were obeyed."""

from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import wording
from tarragon.develop.report.story import Block, Chapter, Heading, Points


def chapter(report: Report) -> Chapter:
    """Return a short plain explanation with this run's numbers."""
    blocks: list[Block] = [Points(tuple(_told(report)))]
    limits = _limits(report)
    if limits:
        blocks += [Heading("Limits that were set"), Points(limits)]
    return Chapter("honest", "How the score was kept honest", tuple(blocks))


def _told(report: Report) -> list[str]:
    a, plan, board = report.analysis, report.plan, report.board
    trials = len(board.standings) + len(board.dropped)
    times = f", repeated {say.plural(plan.n_repeats, 'time')}" if plan.n_repeats > 1 else ""
    told = [
        f"Every row was judged by models that had not seen it: {say.plural(plan.n_folds, 'fold')}{times}.",
        _optimism(report, trials),
        f"The interval is where the score on a fresh sample from the same source should fall, 95 times in 100: "
        f"{say.interval(a.score.low, a.score.high)}."
        if a.score.low is not None and a.score.high is not None
        else "No interval could be given for the score.",
    ]
    if a.holdout is not None:
        told.append(
            f"{say.plural(a.holdout.n, 'row')} were set aside before anything else and opened once, at the end: "
            f"{wording.score_line(a.holdout)}."
        )
    if plan.why_metric:
        told.append(f"Judged by {wording.title_of(plan.metric)}: {say.sentence(plan.why_metric)}")
    return [t for t in told if t]


def _optimism(report: Report, trials: int) -> str:
    a = report.analysis
    if a.score.value is None or trials < 2:
        return ""
    width = None if a.score.low is None or a.score.high is None else a.score.high - a.score.low
    places = say.decimals(a.score.value, width) + 1
    text = (
        f"The best of {say.plural(trials, 'trial')} looks better than it is, because luck helped it to be chosen. "
        f"Out of fold it scored {say.fixed(a.apparent, places)}; "
        f"corrected for having been chosen it scores {say.fixed(a.score.value, places)}."
    )
    if a.optimism > 0:
        text += f" Choosing had flattered it by {say.number(a.optimism, 2)}."
    return text


def _limits(report: Report) -> tuple[str, ...]:
    limits = report.spec.limits
    if report.model.obeyed:
        return tuple(say.sentence(o) for o in report.model.obeyed)
    asked = []
    if limits.latency_ms is not None:
        measured = say.milliseconds(report.analysis.cost.latency_ms)
        asked.append(f"One row within {say.milliseconds(limits.latency_ms)}: measured {measured}.")
    if limits.size_bytes is not None:
        asked.append(f"At most {say.size(limits.size_bytes)}: measured {say.size(report.analysis.cost.size_bytes)}.")
    if limits.glass_box:
        asked.append(
            "Only a model that can be read as a whole: " + ("it is one." if report.model.glass_box else "it is not.")
        )
    return tuple(asked)
