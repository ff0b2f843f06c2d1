"""Why the model answers as it does: what each column is worth, and which way it pushes."""

import math
from collections.abc import Sequence

from tarragon.analyze.protocol import Explanation, Importance
from tarragon.choose.protocol import ColumnProfile
from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import strip, swarm, wording
from tarragon.develop.report.chart import Scale, spanning
from tarragon.develop.report.story import Block, Chapter, Fold, Key, Row, Rows

N_IMPORTANT = 15
N_SWARMS = 12  # strips of the bee swarm
N_DOTS = 140  # rows drawn per strip: enough for the shape, and the page stays small
LEGEND = (
    Key("low value", swarm.sample(0.0)),
    Key("high value", swarm.sample(1.0)),
    Key("missing or without order", swarm.sample(None)),
)
CLEAR = 0.3  # a correlation weaker than this is no direction worth stating


def chapter(report: Report) -> Chapter:
    """Return importance, SHAP values and the columns' strength alone."""
    analysis = report.analysis
    blocks: list[Block] = []
    if analysis.importance:
        blocks.append(_importance(report))
    if analysis.explanation is not None and analysis.explanation.values:
        blocks.append(_swarms(analysis.explanation, report))
    strength = [c for c in report.profile.columns if c.name != report.target]
    if strength:
        alone = _strength(strength)
        blocks.append(Fold(alone.title, (alone,)) if blocks else alone)  # the only answer there is stays in sight
    return Chapter("why", "Why it answers so", tuple(blocks))


def direction(scaled: Sequence[float | None], values: Sequence[float]) -> float | None:
    """Return the correlation of a column's cells with its SHAP values; None where there is nothing to correlate.

    Examples
    --------
    >>> direction([0.0, 0.5, 1.0], [-1.0, 0.0, 1.0])
    1.0
    """
    pairs = [
        (s, v) for s, v in zip(scaled, values, strict=True) if s is not None and math.isfinite(s) and math.isfinite(v)
    ]
    if len(pairs) < 3:
        return None
    xs, ys = [p[0] for p in pairs], [p[1] for p in pairs]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    sxy = sum((x - mx) * (y - my) for x, y in pairs)
    sxx, syy = sum((x - mx) ** 2 for x in xs), sum((y - my) ** 2 for y in ys)
    return sxy / math.sqrt(sxx * syy) if sxx > 0 and syy > 0 else None


def _importance(report: Report) -> Rows:
    items = sorted(report.analysis.importance, key=lambda i: -i.permutation)
    shown = items[:N_IMPORTANT]
    scale = spanning([v for i in shown for v in (i.permutation, i.low, i.high)], zero=True)
    unclear = [i for i in items if i.low <= 0]
    top = items[0]
    title = report.analysis.score.title
    caption = (
        f"Shuffling {wording.quoted(top.column)} costs {say.with_interval(top.permutation, top.low, top.high)} "
        f"of {title}, more than any other column."
        if top.low > 0
        else "No single column matters beyond noise."
    )
    if unclear and top.low > 0:
        caption += f" {say.count(len(unclear))} of {say.plural(len(items), 'column')} cost nothing measurable."
    if len(items) > N_IMPORTANT:
        caption += f" The {N_IMPORTANT} strongest are drawn; all are in report.json."
    rows = tuple(_important(i, scale) for i in shown)
    explained = any(i.shap is not None for i in shown)
    heads = ("column", f"loss of {title} when shuffled", "mean |SHAP|" if explained else "")
    return Rows(
        "What each column is worth",
        rows,
        caption,
        heads,
        strip.axis(scale),
        f"loss of {title} when the column is shuffled",
    )


def _important(i: Importance, scale: Scale) -> Row:
    look = "muted" if i.low <= 0 else ""
    value = say.with_interval(i.permutation, i.low, i.high) if i.high > i.low else say.number(i.permutation)
    drawn = strip.bar(scale, i.permutation, i.low, i.high, look=look)
    return Row(say.short(i.column), value, drawn, aside=say.number(i.shap), note=_note(i))


def _note(i: Importance) -> str:
    notes = ["within noise"] if i.low <= 0 else []
    if i.related:
        notes.append(f"shares its worth with {say.listing([say.short(c, 24) for c in i.related], 1)}")
    return "; ".join(notes)


def _swarms(e: Explanation, report: Report) -> Rows:
    n = len(e.values)
    step = max(1, math.ceil(n / N_DOTS))
    kept = range(0, n, step)
    k = min(len(e.columns), N_SWARMS)
    scale = spanning([e.values[i][j] for i in kept for j in range(k)], zero=True)
    unit = (
        f"probability of “{say.short(report.classes[-1], 24)}”"
        if report.task == "binary" and report.classes
        else "prediction"
    )
    if report.task == "regression":
        unit = say.short(report.target, 24)
    rows = []
    for j in range(k):
        values = [e.values[i][j] for i in kept]
        shades = [e.scaled[i][j] for i in kept]
        tips = [f"{say.short(e.cells[i][j], 30)}: {say.difference(round(e.values[i][j], 4))}" for i in kept]
        lean = direction([row[j] for row in e.scaled], [row[j] for row in e.values])
        mean = sum(abs(row[j]) for row in e.values) / n
        rows.append(
            Row(
                say.short(e.columns[j]),
                say.number(mean),
                swarm.swarm(scale, values, shades, tips),
                aside=_lean(lean),
                note="",
            )
        )
    caption = (
        f"Each dot is one of {say.plural(len(kept), 'row')}: right of the line, the column raised the {unit} "
        f"above the mean answer of {say.number(e.expected)}; left of it, lowered it. {_strongest(e)}"
        f"SHAP values, {say.short(e.method, 140)}; "
        f"they add up to the answer within {say.number(e.additivity_error, 1)}."
    )
    heads = ("column", "mean |SHAP|", "direction")
    return Rows(
        "Which way each column pushes",
        tuple(rows),
        caption,
        heads,
        strip.axis(scale),
        f"change of the {unit}",
        LEGEND,
    )


def _lean(lean: float | None) -> str:
    if lean is None:
        return "no order"
    if abs(lean) < CLEAR:
        return "↕ mixed"
    return "↑ high raises" if lean > 0 else "↓ high lowers"


def _strongest(e: Explanation) -> str:
    lean = direction([row[0] for row in e.scaled], [row[0] for row in e.values])
    if lean is None or abs(lean) < CLEAR:
        return ""
    return f"High {wording.quoted(e.columns[0])} {'raises' if lean > 0 else 'lowers'} it. "


def _strength(columns: Sequence[ColumnProfile]) -> Rows:
    ordered = sorted(columns, key=lambda c: -c.strength)[:N_IMPORTANT]
    scale = Scale(0.0, max(ordered[0].strength * 1.05, 0.05))
    rows = tuple(Row(say.short(c.name), say.percent(c.strength), strip.bar(scale, c.strength)) for c in ordered)
    caption = (
        f"{wording.quoted(ordered[0].name)} alone explains {say.percent(ordered[0].strength)} of the target. "
        "A column that is strong alone and weak in the model says the same as another one."
    )
    texts = [say.percent(t) for t in scale.ticks()]
    return Rows(
        "How much each column explains alone",
        rows,
        caption,
        ("column", "of the target", ""),
        strip.axis(scale, texts),
        "explained alone, out of sample",
    )
