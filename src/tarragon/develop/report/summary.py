"""A run in a dozen lines of plain words, for the terminal and wherever a page would be too much."""

from dataclasses import dataclass
from pathlib import Path

from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import headline, wording


@dataclass(frozen=True, slots=True)
class Summary:
    """The lines, each a plain text.

    Parameters
    ----------
    decision : str
        SHIP, REVIEW or STOP.
    headline : str
        "SHIP: Predicting churned from churn.csv".
    meaning : str
        The decision in words.
    reasons : tuple of (str, str)
        At most three: "for", "note" or "against", and the sentence.
    score : str
        "ROC AUC 0.847 (95 % interval 0.839–0.856)".
    baselines : tuple of str
        One line each.
    model, cost : str
        What it is made of; how fast and how large it is.
    took : str
        Seconds of the budget.
    package : str
        Registered name and approval, or "".
    report : str
        Path of the HTML page, or "".
    next : tuple of (str, str)
        Commands to type next, each with what it does.
    """

    decision: str
    headline: str
    meaning: str
    reasons: tuple[tuple[str, str], ...]
    score: str
    baselines: tuple[str, ...]
    model: str
    cost: str
    took: str
    package: str
    report: str
    next: tuple[tuple[str, str], ...]


def summary(report: Report, page: Path | None = None) -> Summary:
    """Return the run in a dozen lines; ``page`` is where the HTML was written, if it was."""
    verdict, analysis, package = report.verdict, report.analysis, report.package
    cost = analysis.cost
    return Summary(
        decision=verdict.decision,
        headline=f"{verdict.decision}: {wording.headline(report)}",
        meaning=wording.MEANING[verdict.decision],
        reasons=tuple((r.weight, say.sentence(r.text)) for r in verdict.reasons[: headline.N_REASONS]),
        score=wording.score_line(analysis.score),
        baselines=tuple(wording.baseline_line(b) for b in analysis.baselines),
        model=_model(report),
        cost=(
            f"{say.milliseconds(cost.latency_ms)} a row, {say.count(cost.rows_per_s)} rows/s in batch, "
            f"{say.size(cost.size_bytes)}"
        ),
        took=f"{say.seconds(report.elapsed_s)} of {say.seconds(report.spec.budget_s)}",
        package="" if package is None else f"{say.short(package.name)}, {wording.APPROVALS[package.approval.value]}",
        report="" if page is None else str(page),
        next=headline.next_commands(report),
    )


def _model(report: Report) -> str:
    model = report.model
    members = say.listing([f"{say.short(name)} {say.percent(weight)}" for name, weight in model.members])
    kind = "glass box" if model.glass_box else "black box"
    inside = f" ({members})" if len(model.members) > 1 else ""
    return f"{say.short(model.title)}{inside}, {kind}"
