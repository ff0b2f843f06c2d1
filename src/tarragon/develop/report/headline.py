"""The verdict, the score beside its baselines, and the run at a glance."""

import shlex

from tarragon.analyze.protocol import Baseline, Score
from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import strip, wording
from tarragon.develop.report.chart import Scale, spanning
from tarragon.develop.report.story import Banner, Block, Callout, Chapter, Commands, Fact, Facts, Row, Rows

N_REASONS = 3  # more reasons are less convincing; the rest is in the chapters and in report.json


def banner(report: Report) -> Banner:
    """Return what is read when nothing else is."""
    score, verdict = report.analysis.score, report.verdict
    reasons = tuple(
        Callout(wording.WEIGHTS[r.weight][0], wording.WEIGHTS[r.weight][1], say.sentence(r.text))
        for r in verdict.reasons[:N_REASONS]
    )
    return Banner(
        decision=verdict.decision,
        tone=wording.TONES[verdict.decision],
        meaning=wording.MEANING[verdict.decision],
        title=wording.headline(report),
        subtitle=_subtitle(report),
        reasons=reasons,
        metric=score.title,
        score=say.score(score.value, score.low, score.high),
        interval=say.interval(score.low, score.high),
        sentence=say.sentence(score.sentence or score.why),
        picture=_picture(report),
    )


def glance(report: Report) -> Chapter:
    """Return the tiles and the commands that come next."""
    blocks: list[Block] = [Facts(_tiles(report))]
    commands = next_commands(report)
    if commands:
        blocks.append(Commands(commands))
    return Chapter("glance", "At a glance", tuple(blocks))


def next_commands(report: Report) -> tuple[tuple[str, str], ...]:
    """Return what a reader would type next, each with what it does."""
    commands: list[tuple[str, str]] = []
    package = report.package
    if package is not None:
        group = shlex.quote(package.group)
        if package.approval.value == "PendingManualApproval":
            commands.append(
                (f"tarragon registry approve {shlex.quote(package.name)} --reason WHY", "approve this version")
            )
        commands.append((f"tarragon predict {group} new.csv -o scored.csv", "answer new rows"))
    commands.append((f"tarragon replay {shlex.quote(report.run)}", "repeat the run and compare, byte for byte"))
    return tuple(commands)


def _subtitle(report: Report) -> str:
    asked = {
        "binary": " or ".join(say.short(c, 30) for c in report.classes[::-1]) or "two classes",
        "multiclass": f"one of {say.count(len(report.classes))} classes",
        "regression": "a number",
    }[report.task]
    return f"{asked} · {report.created[:10]} · run {say.short(report.run, 60)}"


def _picture(report: Report) -> Rows:
    """Draw the score with its interval above everything it should beat."""
    analysis = report.analysis
    ours = analysis.score
    glass = analysis.interpretability
    others: list[tuple[str, str, Score, str]] = []
    if glass is not None and not report.model.glass_box:
        price = wording.compared(glass.price, glass.price_low, glass.price_high)
        others.append(("Best glass box", say.short(glass.trial), glass.score, price))
    others += [_entry(b) for b in analysis.baselines]
    sign = 1 if ours.greater_is_better else -1
    others.sort(key=lambda o: -sign * o[2].value if o[2].value is not None else float("inf"))
    shown = [ours, *([analysis.holdout] if analysis.holdout else []), *(s for _, _, s, _ in others)]
    scale = spanning([v for s in shown for v in (s.value, s.low, s.high)])
    places = say.decimals(ours.value or 0.0, None if ours.low is None or ours.high is None else ours.high - ours.low)
    rows = [_row("This model", say.short(report.model.title, 60), ours, "", (scale, ours.value, places), strong=True)]
    if analysis.holdout is not None:
        note = f"this model on {say.plural(analysis.holdout.n, 'row')} set aside, opened once"
        rows.append(_row("Holdout", note, analysis.holdout, "", (scale, ours.value, places), strong=True))
    rows += [_row(label, note, s, gain, (scale, ours.value, places)) for label, note, s, gain in others]
    return Rows(
        title=f"{ours.title}: this model beside its baselines",
        rows=tuple(rows),
        caption=_finding(report),
        heads=("", f"{ours.title} (95{say.THIN}% interval)", "this model is"),
        axis=strip.axis(scale),
        axis_title=f"{ours.title}, {wording.better_side(ours.greater_is_better)}",
    )


def _entry(b: Baseline) -> tuple[str, str, Score, str]:
    label = wording.BASELINES.get(b.name, say.short(b.name))
    return label, say.short(b.rule, 90) if b.rule else "", b.score, wording.compared(b.gain, b.gain_low, b.gain_high)


def _row(
    label: str, note: str, s: Score, gain: str, ground: tuple[Scale, float | None, int], *, strong: bool = False
) -> Row:
    scale, reference, places = ground
    drawn = strip.whisker(scale, s.value, s.low, s.high, look="strong" if strong else "muted", reference=reference)
    return Row(label, say.with_interval(s.value, s.low, s.high, places), drawn, note=note, aside=gain, strong=strong)


def _finding(report: Report) -> str:
    baselines = report.analysis.baselines
    if not baselines:
        return "No baseline could be fitted, so there is nothing to compare the score with."
    beaten = [b for b in baselines if b.gain_low > 0]
    closest = min(baselines, key=lambda b: b.gain)
    name = wording.BASELINES.get(closest.name, say.short(closest.name)).lower()
    gain = say.with_interval(closest.gain, closest.gain_low, closest.gain_high)
    if len(beaten) == len(baselines):
        return f"The model beats every baseline beyond noise; the closest, the {_noun(name)}, by {gain}."
    rest = [_noun(wording.BASELINES.get(b.name, say.short(b.name)).lower()) for b in baselines if b.gain_low <= 0]
    return f"The model is not better beyond noise than the {say.listing(rest)} it should beat."


def _noun(name: str) -> str:
    return "answer without a model" if name == "no model" else name


def _tiles(report: Report) -> tuple[Fact, ...]:
    cost, model, package = report.analysis.cost, report.model, report.package
    members = f"{say.plural(len(model.members), 'member')}, " if len(model.members) > 1 else ""
    kind = "a glass box: it can be read as a whole" if model.glass_box else "a black box, explained below"
    early = f"; {say.short(report.stopped_early, 90)}" if report.stopped_early else ""
    tiles = [
        Fact(
            "Table",
            f"{say.count(report.n_rows)} × {say.count(report.n_columns)}",
            f"rows × columns, target {say.short(report.target)}",
        ),
        Fact("Model", say.short(model.title), members + kind),
        Fact(
            "Answers a row in",
            say.milliseconds(cost.latency_ms),
            f"95 in 100 within {say.milliseconds(cost.latency_p95_ms)}",
        ),
        Fact("Size", say.size(cost.size_bytes), "all model files together"),
        Fact("Took", say.seconds(report.elapsed_s), f"of {say.seconds(report.spec.budget_s)} allowed{early}"),
    ]
    if package is not None:
        state = package.approval.value
        tone = {"Approved": "good", "Rejected": "bad"}.get(state, "note")
        note = wording.APPROVALS.get(state, state) + (f": {say.short(package.reason, 90)}" if package.reason else "")
        tiles.append(Fact("Registered as", say.short(package.name), note, tone=tone))  # type: ignore[arg-type]
    else:
        tiles.append(Fact("Registered as", "not registered", "no model version was kept", tone="note"))
    return tuple(tiles)
