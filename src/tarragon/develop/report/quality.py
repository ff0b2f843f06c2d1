"""How good the model is: every metric with its interval, and the pictures behind them."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from tarragon.analyze.protocol import Confusion, Line, Score
from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import heat, lines, spread, wording
from tarragon.develop.report.chart import N_COLOURS, Axis, Plane, Point, Scale, finite, swatch
from tarragon.develop.report.story import Block, Cell, Chapter, Figure, Gallery, Head, Key, Table

N_CONFUSED = 20  # classes drawn of a confusion matrix; rarer ones are taken together
N_BESIDE = 4  # a confusion matrix this small stands beside the other pictures
SHARE = Scale(0.0, 1.0)
GOOD = 0.05  # calibrated: off by at most five points beyond what the bin sizes explain


def chapter(report: Report) -> Chapter:
    """Return metrics and pictures of the task."""
    p = report.analysis.pictures
    positive = say.short(report.classes[-1]) if report.classes else ""
    figures = [
        _roc(p.roc, positive),
        _pr(p.pr, positive, _base_rate(report)),
        _calibration(p.calibration, positive),
        _confusion(p.confusion),
        _threshold(p.threshold, report.model.threshold, positive),
        _gain(p.gain, positive),
        spread.actual(p, report.target),
        spread.residuals(p, report.target),
        spread.histogram(p, report.target),
    ]
    blocks: list[Block] = [_table(report)]
    drawn = [f for f in figures if f is not None]
    blocks += [Gallery((f,)) for f in drawn if f.wide]
    beside = tuple(f for f in drawn if not f.wide)
    if beside:
        blocks.append(Gallery(beside))
    return Chapter("quality", "How good it is", tuple(blocks))


def _table(report: Report) -> Table:
    analysis = report.analysis
    scores = [analysis.score, *analysis.others]
    rows = [_score_cells(s, ("objective",) if i == 0 else ()) for i, s in enumerate(scores)]
    if analysis.holdout is not None:
        rows.insert(1, _score_cells(analysis.holdout, ("holdout",)))
    heads = (
        Head("metric"),
        Head("value", "right"),
        Head(f"95{say.THIN}% interval", "right"),
        Head("better"),
        Head("in words"),
    )
    return Table("Every metric, with its interval", heads, tuple(rows))


def _score_cells(s: Score, marks: tuple[str, ...]) -> tuple[Cell, ...]:
    words = s.sentence if s.value is not None else f"not defined here: {s.why}"
    return (
        Cell(s.title, marks=marks),
        Cell(say.score(s.value, s.low, s.high), order=s.value),
        Cell(say.interval(s.low, s.high) or say.NONE),
        Cell("higher" if s.greater_is_better else "lower"),
        Cell(say.sentence(words)),
    )


def _base_rate(report: Report) -> float | None:
    """Share of the positive class: what precision would be by chance."""
    if report.task != "binary" or not report.classes:
        return None
    counts = report.profile.target_counts
    total = sum(counts.values())
    return counts.get(report.classes[-1], 0) / total if total else None


def at(curve: Sequence[Point], x: float) -> float | None:
    """Return the height of a curve at ``x`` by linear interpolation; None outside it.

    Examples
    --------
    >>> at([(0.0, 0.0), (1.0, 2.0)], 0.25)
    0.5
    """
    known = sorted(finite(curve), key=lambda p: p[0])
    for (x0, y0), (x1, y1) in pairwise(known):
        if x0 <= x <= x1 and x1 > x0:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return None


def area(curve: Sequence[Point]) -> float:
    """Return the area under a curve, by trapezia.

    Examples
    --------
    >>> area([(0.0, 0.0), (1.0, 1.0)])
    0.5
    """
    known = sorted(finite(curve))
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(known))


def _points(line: Line) -> tuple[Point, ...]:
    return tuple(zip(line.x, line.y, strict=False))


def _strokes(
    curves: Sequence[Line], rank: Callable[[Line], float], *, dots: bool = False, step: bool = False
) -> tuple[list[lines.Stroke], tuple[Key, ...]]:
    """Colour every curve where they can be told apart; of many, the three worst and the best, the rest grey."""
    ordered = sorted(curves, key=rank)
    coloured = ordered if len(ordered) <= N_COLOURS - 1 else [*ordered[:3], ordered[-1]]
    number = {id(c): i for i, c in enumerate(coloured)}
    strokes = []
    for c in ordered:
        band = len(curves) == 1 and c.low and c.high
        strokes.append(
            lines.Stroke(
                _points(c),
                tuple(zip(c.x, c.low, strict=False)) if band else (),
                tuple(zip(c.x, c.high, strict=False)) if band else (),
                number.get(id(c), -1),
                dots=dots and len(curves) <= 3,
                step=step,
            )
        )
    if len(curves) < 2:
        return strokes, ()
    keys = [Key(say.short(c.name, 24), swatch("line", number[id(c)])) for c in coloured]
    if len(coloured) < len(ordered):
        keys.append(Key(f"{say.count(len(ordered) - len(coloured))} other classes", swatch("line", 0, "faint")))
    return strokes, tuple(keys)


def _hardest(curves: Sequence[Line], what: str) -> str:
    worst, best = min(curves, key=lambda c: area(_points(c))), max(curves, key=lambda c: area(_points(c)))
    return (
        f"{wording.quoted(worst.name)} is the hardest to {what} (area {say.number(area(_points(worst)))}), "
        f"{wording.quoted(best.name)} the easiest ({say.number(area(_points(best)))})."
    )


def _plane(key: str, title: str, caption: str, x: Axis, y: Axis) -> Plane:
    return Plane(key, title, caption, x, y, width=400, height=310)


def _roc(curves: Sequence[Line], positive: str) -> Figure | None:
    if not curves:
        return None
    found = at(_points(curves[0]), 0.1)
    if len(curves) > 1:
        caption = _hardest(curves, "tell from the rest")
    elif found is not None:
        share = say.percent(found)
        caption = f"Allowing false alarms on 10{say.THIN}% of the others, the model finds {share} of “{positive}”."
    else:
        caption = "How many are found for how many false alarms."
    strokes, keys = _strokes(curves, lambda c: area(_points(c)))
    plane = _plane(
        "roc", "ROC curve", caption, Axis("false alarms", SHARE, say.percent), Axis("found", SHARE, say.percent)
    )
    return Figure("ROC: found against false alarms", lines.draw(plane, strokes, diagonal=True), caption, keys)


def _pr(curves: Sequence[Line], positive: str, base: float | None) -> Figure | None:
    if not curves:
        return None
    right = at(_points(curves[0]), 0.8)
    if len(curves) > 1:
        caption = _hardest(curves, "find without false alarms")
    elif right is not None:
        chance = f"; by chance {say.percent(base)} would be" if base is not None else ""
        caption = f"To find 80{say.THIN}% of “{positive}”, {say.percent(right)} of the rows flagged are right{chance}."
    else:
        caption = "How many of those flagged are right, for how many are found."
    strokes, keys = _strokes(curves, lambda c: area(_points(c)))
    plane = _plane(
        "pr",
        "Precision and recall",
        caption,
        Axis("found (recall)", SHARE, say.percent),
        Axis("right (precision)", SHARE, say.percent),
    )
    return Figure("Precision against recall", lines.draw(plane, strokes, level=base), caption, keys)


def _calibration(curves: Sequence[Line], positive: str) -> Figure | None:
    shown = [c for c in curves if finite(_points(c))]
    if not shown:
        return None
    worst = max(shown, key=_off)
    gap = _off(worst)
    name = positive if len(shown) == 1 else say.short(worst.name)
    # Where it is good, an ordinary bin shows it; where it is not, the bin that shows the fault.
    told, seen = min(
        finite(_points(worst)), key=lambda p: abs(p[0] - 0.7) if gap <= GOOD else abs(abs(p[0] - p[1]) - gap)
    )
    points_off = say.number(100 * gap, 2)
    start = f"Calibrated within {points_off} points" if gap <= GOOD else f"Off by up to {points_off} points"
    caption = f"{start}: of 100 rows given {say.percent(told)}, {say.number(100 * seen, 2)} were “{name}”."
    strokes, keys = _strokes(shown, lambda c: -_off(c), dots=True)
    plane = _plane(
        "calibration",
        "Calibration",
        caption,
        Axis("probability given", SHARE, say.percent),
        Axis("share observed", SHARE, say.percent),
    )
    return Figure("Do probabilities mean what they say?", lines.draw(plane, strokes, diagonal=True), caption, keys)


def _off(curve: Line) -> float:
    """Return the largest distance from the diagonal that its band does not explain away; all of it without a band."""
    gaps = []
    for i, (x, y) in enumerate(_points(curve)):
        inside = bool(curve.low and curve.high) and curve.low[i] <= x <= curve.high[i]
        gaps.append((abs(x - y), inside))
    clear = [g for g, inside in gaps if not inside]
    return max(clear, default=sorted(g for g, _ in gaps)[len(gaps) // 2] if gaps else 0.0)


def _threshold(curves: Sequence[Line], threshold: float | None, positive: str) -> Figure | None:
    if not curves:
        return None
    chosen = 0.5 if threshold is None else threshold
    parts = [f"{c.name} {say.percent(v)}" for c in curves if (v := at(_points(c), chosen)) is not None]
    caption = f"Answering “{positive}” from a probability of {say.number(chosen)} gives {say.listing(parts)}."
    strokes = [lines.Stroke(_points(c), n=i) for i, c in enumerate(curves)]
    keys = tuple(Key(say.short(c.name, 24), swatch("line", i)) for i, c in enumerate(curves))
    plane = _plane(
        "threshold",
        "Threshold",
        caption,
        Axis("answer from probability", SHARE, say.percent),
        Axis("share", SHARE, say.percent),
    )
    return Figure(
        "What the threshold trades", lines.draw(plane, strokes, mark=(chosen, say.number(chosen))), caption, keys
    )


def _gain(curve: Line | None, positive: str) -> Figure | None:
    if curve is None or not curve.x:
        return None
    found = at(_points(curve), 0.2)
    caption = "How many are found when rows are looked at from the most likely on."
    if found is not None:
        caption = (
            f"Looking at the 20{say.THIN}% of rows ranked highest finds {say.percent(found)} of “{positive}”: "
            f"{say.number(found / 0.2, 2)} times as many as at random."
        )
    plane = _plane(
        "gain", "Gain", caption, Axis("rows looked at", SHARE, say.percent), Axis("found", SHARE, say.percent)
    )
    return Figure("Where to look first", lines.draw(plane, [lines.Stroke(_points(curve))], diagonal=True), caption)


def _confusion(c: Confusion | None) -> Figure | None:
    if c is None or not c.classes:
        return None
    names, counts = _largest(c)
    shares = [[n / total if (total := sum(row)) else 0.0 for n in row] for row in counts]
    caption = say.sentence(c.sentence) or "Rows are true classes, columns are answers."
    if len(names) < len(c.classes):
        largest = f"The {say.count(N_CONFUSED)} largest of {say.count(len(c.classes))} classes are drawn"
        caption += f" {largest}; the rest are taken together."
    drawn = heat.matrix("confusion", "Confusion matrix", names, counts, shares)
    return Figure(
        "Which classes are taken for which",
        drawn,
        caption + " Shading: share of the true class.",
        wide=len(names) > N_BESIDE,
    )


def _largest(c: Confusion) -> tuple[list[str], list[list[int]]]:
    """Keep the largest classes in their order and sum the others into one row and column."""
    k = len(c.classes)
    if k <= N_CONFUSED + 1:
        return list(c.classes), [list(row) for row in c.counts]
    by_size = sorted(range(k), key=lambda i: (-sum(c.counts[i]), i))
    kept = sorted(by_size[:N_CONFUSED])
    rest = sorted(by_size[N_CONFUSED:])
    groups = [[i] for i in kept] + [rest]
    counts = [[sum(c.counts[i][j] for i in a for j in b) for b in groups] for a in groups]
    return [c.classes[i] for i in kept] + [f"{len(rest)} others"], counts
