"""What was looked at before any model: the target, whether there is a signal, what is wrong with the table."""

from collections.abc import Sequence
from itertools import pairwise

from tarragon.choose.protocol import ColumnProfile, Curve, Feasibility, Finding
from tarragon.develop.protocol import Report
from tarragon.develop.report import bars, lines, strip, wording
from tarragon.develop.report import format as say
from tarragon.develop.report.chart import Axis, Plane, Scale, spanning, swatch
from tarragon.develop.report.story import (
    Block,
    Callout,
    Cell,
    Chapter,
    Figure,
    Fold,
    Gallery,
    Head,
    Heading,
    Key,
    Points,
    Row,
    Rows,
    Steps,
    Table,
    Tone,
)

N_CLASSES = 15  # classes drawn of the target
N_FINDINGS = 30
N_COLUMNS = 60  # columns listed; a wide table's others are in report.json
SEVERITY: dict[str, tuple[Tone, str]] = {
    "info": ("plain", "info"),
    "warning": ("note", "warning"),
    "critical": ("bad", "critical"),
}
ACTIONS = {
    "none": "",
    "dropped": "The columns were dropped before training.",
    "grouped": "Such rows were kept on one side of every fold.",
    "time_split": "Models were judged on later rows than they learned from.",
    "downweighted": "Such rows were given less weight.",
}


def chapter(report: Report) -> Chapter:
    """Return the chapter on the table."""
    f = report.feasibility
    blocks: list[Block] = [
        Callout(
            wording.TONES[f.verdict],
            f.verdict,
            "Can this question be answered from this table?",
            tuple(("", say.sentence(r)) for r in f.reasons[:5]),
        )
    ]
    target = _target(report)
    if target is not None:
        blocks.append(target)
    blocks.append(_chance(f))
    if f.curve is not None and f.curve.rows:
        blocks.append(Gallery((_learning(f.curve, wording.title_of(f.metric)),)))
    blocks += _findings(f.findings)
    if report.profile.columns:
        blocks.append(_columns(report.profile.columns))
    return Chapter("table", "What we looked at", tuple(blocks))


def _target(report: Report) -> Block | None:
    counts = report.profile.target_counts
    total = sum(counts.values())
    if not counts or total <= 0:
        return None
    target = wording.quoted(report.target)
    if report.task == "regression":
        return _spread(report, target)
    ordered = sorted(counts.items(), key=lambda kv: -kv[1])
    shown, rest = ordered[:N_CLASSES], ordered[N_CLASSES:]
    scale = Scale(0.0, max(n for _, n in ordered) / total * 1.04)
    lines_ = [(say.short(name), n) for name, n in shown]
    if rest:
        lines_.append((f"{say.count(len(rest))} rarer classes", sum(n for _, n in rest)))
        scale = Scale(0.0, max(scale.high, lines_[-1][1] / total * 1.04))
    rows = tuple(
        Row(label, f"{say.count(n)} ({say.percent(n / total)})", strip.bar(scale, n / total)) for label, n in lines_
    )
    rare = ordered[-1]
    caption = (
        f"The rarest value of {target}, {wording.quoted(rare[0])}, has {say.percent(rare[1] / total)} of the rows: "
        f"{say.plural(rare[1], 'row')} to learn from."
    )
    texts = [say.percent(t) for t in scale.ticks()]
    return Rows("The target", rows, caption, ("class", "rows", ""), strip.axis(scale, texts), "share of rows")


def _spread(report: Report, target: str) -> Block:
    """Draw a numeric target's histogram. Bin labels carry no edges to compute with, so bins stand side by side."""
    counts = list(report.profile.target_counts.items())
    total = sum(n for _, n in counts)
    fullest = max(counts, key=lambda kv: kv[1])
    column = next((c for c in report.profile.columns if c.name == report.target), None)
    edges = _edges([label for label, _ in counts])
    share = say.percent(fullest[1] / total)
    caption = f"The most common range of {target} is {say.short(fullest[0])}, with {share} of the rows."
    if column is not None and column.minimum is not None and column.maximum is not None:
        caption += f" It runs from {say.number(column.minimum)} to {say.number(column.maximum)}."
    if edges is None:
        scale = Scale(0.0, fullest[1] * 1.04)
        rows = tuple(Row(say.short(k), say.count(n), strip.bar(scale, n)) for k, n in counts)
        return Rows("The target", rows, caption, ("range", "rows", ""))
    bins = [(edges[i], edges[i + 1], n) for i, (_, n) in enumerate(counts)]
    plane = Plane(
        "target",
        "The target",
        caption,
        Axis(say.short(report.target), Scale(edges[0], edges[-1])),
        Axis("rows", Scale(0.0, fullest[1] * 1.05)),
    )
    return Gallery((Figure("The target", bars.histogram(plane, bins), caption),))


def _edges(labels: Sequence[str]) -> list[float] | None:
    """Read "12.5 – 20" style labels as edges where all of them are; else None."""
    pairs: list[tuple[float, float]] = []
    for label in labels:
        text = label.strip("[]() ").replace(say.MINUS, "-").replace(say.THIN, "")
        for joint in (" – ", " to ", "–", ", ", "…", ".."):
            if joint in text:
                left, _, right = text.partition(joint)
                try:
                    pairs.append((float(left), float(right)))
                except ValueError:
                    return None
                break
    if len(pairs) != len(labels) or any(b[0] < a[0] or a[1] <= a[0] for a, b in pairwise(pairs)):
        return None
    edges = [p[0] for p in pairs] + [pairs[-1][1]]
    return edges if all(a < b for a, b in pairwise(edges)) else None


def _chance(f: Feasibility) -> Rows:
    low, high = sorted((f.null_score, f.null_high))
    scale = spanning([f.probe_score, f.null_score, f.null_high])
    title = wording.title_of(f.metric)
    rows = (
        Row(
            "Quick model",
            say.number(f.probe_score),
            strip.whisker(scale, f.probe_score, None, None, look="strong"),
            strong=True,
        ),
        Row(
            "Shuffled labels",
            f"{say.number(f.null_score)}, at best {say.number(f.null_high)}",
            strip.span(scale, low, high),
            note="mean to 99th percentile",
        ),
    )
    found = "well above" if f.p_value < 0.01 else "above" if f.p_value < 0.05 else "not clearly above"
    caption = (
        f"A quick model scores {say.number(f.probe_score)}; with the labels shuffled "
        f"it scores {say.number(f.null_score)}: the signal is {found} chance ({say.p_value(f.p_value)})."
    )
    if f.label_noise > 0:
        caption += f" About {say.percent(f.label_noise)} of {_noise_of(f.metric)} looks like noise."
    return Rows("Is there a signal?", rows, caption, ("", title, ""), strip.axis(scale), title)


def _noise_of(metric_name: str) -> str:
    return (
        "the target's variance"
        if metric_name in {"rmse", "mae", "mse", "r2", "mape", "rmsle", "median_absolute_error"}
        else "the labels"
    )


def _learning(curve: Curve, title: str) -> Figure:
    measured = tuple(zip(curve.rows, curve.score, strict=True))
    more = tuple(zip(curve.more_rows, curve.expected, strict=True))
    low = tuple(zip(curve.rows, curve.low, strict=False))
    high = tuple(zip(curve.rows, curve.high, strict=False))
    rows = [*curve.rows, *curve.more_rows]
    wide = max(rows) / max(min(rows), 1) > 8
    strokes = [lines.Stroke(measured, low, high, 0, dots=True)]
    keys = [Key("measured", swatch("line", 0))]
    places = say.decimals(curve.score[-1], (curve.high[-1] - curve.low[-1]) if curve.high else None)
    caption = f"With {say.count(curve.rows[-1])} rows a quick model scores {say.fixed(curve.score[-1], places)}."
    if more:
        strokes.append(lines.Stroke((measured[-1], *more), n=1, dashed=True))
        keys.append(Key("expected with more rows", swatch("dash", 1)))
        factor = curve.more_rows[-1] / curve.rows[-1]
        caption += (
            f" With {say.number(factor, 2)} times as many it would score about {say.fixed(curve.expected[-1], places)}"
        )
        noise = abs(curve.high[-1] - curve.low[-1]) / 2 if curve.high else 0.0
        change = abs(curve.expected[-1] - curve.score[-1])
        caption += ": more data would buy little." if change <= noise else ": more data is worth having."
    plane = Plane(
        "learning",
        "Learning curve",
        caption,
        Axis("rows", spanning(rows, log=wide), say.count, 4),
        Axis(title, spanning([*curve.score, *curve.low, *curve.high, *curve.expected])),
        width=480,
    )
    return Figure("Would more rows help?", lines.draw(plane, strokes), caption, tuple(keys))


def _findings(findings: Sequence[Finding]) -> list[Block]:
    if not findings:
        return []
    items = tuple(_finding(f) for f in findings[:N_FINDINGS])
    blocks: list[Block] = [Heading("What stands out in the table"), Steps(items)]
    if len(findings) > N_FINDINGS:
        blocks.append(Points((f"{say.count(len(findings) - N_FINDINGS)} weaker findings are in report.json.",)))
    return blocks


def _finding(f: Finding) -> Callout:
    tone, word = SEVERITY[f.severity]
    told = [("", say.sentence(f.why)), ("What to do", say.sentence(f.fix)), ("Done", ACTIONS[f.action])]
    if len(f.columns) > 1:
        told.insert(1, ("Columns", say.listing([say.short(c) for c in f.columns], 8)))
    return Callout(tone, word, say.sentence(f.what), tuple((k, v) for k, v in told if v))


def _columns(columns: Sequence[ColumnProfile]) -> Fold:
    ordered = sorted(columns, key=lambda c: -c.strength)
    scale = Scale(0.0, 1.0)
    rows = tuple(
        (
            Cell(say.short(c.name)),
            Cell(c.kind),
            Cell(say.count(c.n_missing), order=float(c.n_missing)),
            Cell(say.count(c.n_unique), order=float(c.n_unique)),
            Cell("", picture=strip.spark(c.histogram)),
            Cell(say.number(c.mean)),
            Cell(_range(c)),
            Cell(say.percent(c.strength), order=c.strength, picture=strip.bar(scale, c.strength)),
        )
        for c in ordered[:N_COLUMNS]
    )
    heads = (
        Head("column"),
        Head("kind"),
        Head("missing", "right"),
        Head("distinct", "right"),
        Head("spread"),
        Head("mean", "right"),
        Head("range", "right"),
        Head("alone explains", "wide"),
    )
    strongest = ordered[0]
    share = say.percent(strongest.strength)
    caption = f"{wording.quoted(strongest.name)} alone explains {share} of the target, out of sample."
    if len(columns) > N_COLUMNS:
        listed = f"The {say.count(N_COLUMNS)} strongest of {say.count(len(columns))} columns are listed"
        caption += f" {listed}; all are in report.json."
    return Fold(f"All columns ({say.count(len(columns))})", (Table("Columns of the table", heads, rows, caption),))


def _range(c: ColumnProfile) -> str:
    if c.minimum is None or c.maximum is None:
        return say.NONE
    return f"{say.number(c.minimum)} to {say.number(c.maximum)}"
