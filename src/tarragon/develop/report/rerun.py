"""What a replay needs, where the time went, and what was left out."""

import shlex

from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import strip
from tarragon.develop.report.chart import Scale
from tarragon.develop.report.story import Block, Cell, Chapter, Commands, Fold, Head, Points, Row, Rows, Table

N_NOTES = 60


def reproduce(report: Report) -> Chapter:
    """Return the replay command, the question, the environment and the seconds of each stage."""
    command = Commands(((f"tarragon replay {shlex.quote(report.run)}", "repeat the run and compare, byte for byte"),))
    blocks: list[Block] = [command]
    stages = _stages(report)
    if stages is not None:
        blocks.append(stages)
    blocks.append(Fold("The question as it was asked", (_pairs("Question", _question(report)),)))
    if report.environment:
        blocks.append(Fold("Environment", (_pairs("Environment", sorted(report.environment.items())),)))
    package = report.package
    if package is not None:
        facts = [
            ("name", package.name),
            ("created", package.created),
            ("files", package.uri),
            ("sha256", package.sha256),
        ]
        blocks.append(
            Fold("Registered version", (_pairs("Registered version", [*facts, *sorted(package.lineage.items())]),))
        )
    return Chapter("reproduce", "Reproduce it", tuple(blocks))


def notes(report: Report) -> Chapter | None:
    """Return everything that was left out, by name; None where nothing was."""
    told = [
        *report.notes,
        *(f"Skipped: {s}" for s in report.analysis.skipped),
        *(f"Not tried: {s}" for s in report.plan.left_out),
    ]
    if report.analysis.explanation is None and not any("shap" in t.lower() or "explan" in t.lower() for t in told):
        told.append("No SHAP values were computed")
    if report.feasibility.curve is None and not any("learning curve" in t.lower() for t in told):
        told.append("No learning curve was measured")
    if report.stopped_early:
        told.insert(0, f"The run ended before its budget: {report.stopped_early}")
    if not told:
        return None
    shown = tuple(say.sentence(t) for t in told[:N_NOTES])
    if len(told) > N_NOTES:
        shown = (*shown, f"{say.count(len(told) - N_NOTES)} more notes are in report.json.")
    return Chapter("notes", "Notes, and what was left out", (Points(shown),))


def _stages(report: Report) -> Rows | None:
    if not report.stages:
        return None
    total = sum(s for _, s in report.stages)
    scale = Scale(0.0, max(max(s for _, s in report.stages), 1e-9) * 1.04)
    rows = tuple(Row(say.short(name), say.seconds(s), strip.bar(scale, s)) for name, s in report.stages)
    longest = max(report.stages, key=lambda kv: kv[1])
    share = f", {say.percent(longest[1] / total)} of it in {say.short(longest[0])}" if total > 0 else ""
    caption = f"The run took {say.seconds(report.elapsed_s)} of {say.seconds(report.spec.budget_s)} allowed{share}."
    texts = [say.seconds(t) for t in scale.ticks()]
    return Rows("Where the time went", rows, caption, ("stage", "seconds", ""), strip.axis(scale, texts))


def _question(report: Report) -> list[tuple[str, str]]:
    spec = report.spec
    asked = [
        ("target", spec.target),
        ("task", report.task),
        ("metric", spec.metric or f"{report.plan.metric} (chosen)"),
        ("budget", say.seconds(spec.budget_s)),
        ("seed", str(spec.seed)),
        ("folds", f"{report.plan.n_folds} × {report.plan.n_repeats}"),
        ("workers × threads", f"{report.plan.workers} × {report.plan.threads}"),
        ("holdout", say.percent(spec.holdout) if spec.holdout else spec.holdout_file),
        ("positive class", spec.positive),
        ("sensitive columns", say.listing([say.short(c) for c in spec.sensitive], 12)),
        ("dropped columns", say.listing([say.short(c) for c in spec.drop], 12)),
        ("weight", spec.weight),
        ("group", spec.group),
        ("time", spec.time),
        ("algorithms", say.listing(spec.algorithms, 12)),
        ("Tarragon", report.tarragon),
    ]
    return [(k, v) for k, v in asked if v]


def _pairs(title: str, pairs: list[tuple[str, str]]) -> Table:
    rows = tuple((Cell(say.short(k)), Cell(say.short(v, 160))) for k, v in pairs[:80])
    return Table(title, (Head("what"), Head("value")), rows)
