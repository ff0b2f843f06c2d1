"""Whether the model learned too much of the noise or too little of the pattern."""

from tarragon.develop.protocol import Report
from tarragon.develop.report import format as say
from tarragon.develop.report import lines, strip, wording
from tarragon.develop.report.chart import Axis, Plane, finite, spanning, swatch
from tarragon.develop.report.story import Block, Callout, Chapter, Figure, Gallery, Key, Row, Rows, Tone

VERDICTS: dict[str, tuple[Tone, str]] = {
    "balanced": ("good", "balanced"),
    "overfit": ("note", "overfit"),
    "underfit": ("note", "underfit"),
}


def chapter(report: Report) -> Chapter:
    """Return the verdict on the fit with its evidence."""
    fit = report.analysis.fit
    tone, word = VERDICTS[fit.verdict]
    title = report.analysis.score.title
    # On the scale of the baselines, so that a gap looks as large as it is.
    score, baselines = report.analysis.score, report.analysis.baselines
    scale = spanning([fit.train, fit.valid, score.low, score.high, *(b.score.value for b in baselines)])
    rows = (
        Row("Rows it learned from", say.number(fit.train, 4), strip.whisker(scale, fit.train, None, None, look="ring")),
        Row(
            "Rows it had not seen",
            say.number(fit.valid, 4),
            strip.whisker(scale, fit.valid, None, None, look="strong"),
            strong=True,
        ),
    )
    low, high = sorted((abs(fit.gap_low), abs(fit.gap_high)))
    gap = say.with_interval(abs(fit.gap), low, high) if fit.gap_low * fit.gap_high > 0 else ""
    caption = (
        f"The model is {'better' if fit.gap > 0 else 'worse'} on rows it learned from, by {gap}."
        if gap
        else f"The difference between the two may be nothing ({say.interval(fit.gap_low, fit.gap_high)})."
    )
    blocks: list[Block] = [
        Callout(tone, word, say.sentence(fit.sentence)),
        Rows(
            "Learned against unseen",
            rows,
            caption,
            ("", title, ""),
            strip.axis(scale),
            f"{title}, {wording.better_side(score.greater_is_better)}",
        ),
    ]
    figure = _history(report)
    if figure is not None:
        blocks.append(Gallery((figure,)))
    return Chapter("fit", "Did it learn too much or too little", tuple(blocks))


def _history(report: Report) -> Figure | None:
    curves = [h for h in report.analysis.fit.history if len(h.x) > 1][:6]
    if not curves:
        return None
    judged = next((c for c in curves if "train" not in c.name.lower()), curves[0])
    rows = "rows it learned from" if "train" in judged.name.lower() else "unseen rows"
    known = finite(zip(judged.x, judged.y, strict=False))
    if not known:
        return None
    best = min(known, key=lambda p: p[1])
    last = known[-1][0]
    caption = f"The loss on {rows} is lowest after {say.count(best[0])} of {say.count(last)} rounds"
    caption += (
        "; it was still falling, so more rounds may help."
        if best[0] >= last * 0.98
        else "; later rounds bring nothing."
    )
    strokes = [lines.Stroke(tuple(zip(c.x, c.y, strict=False)), n=i) for i, c in enumerate(curves)]
    plane = Plane(
        "history",
        "Loss per round",
        caption,
        Axis("round", spanning([x for c in curves for x in c.x], pad=0.0), say.count),
        Axis("loss", spanning([y for c in curves for y in c.y])),
        width=480,
    )
    keys = tuple(Key(say.short(c.name, 40), swatch("line", i)) for i, c in enumerate(curves))
    return Figure("Loss per round", lines.draw(plane, strokes, mark=(best[0], "lowest")), caption, keys)
