"""Strips: one line of a row chart. Dots with whiskers, bars, tiny histograms, and the axis beneath them.

Positions along a strip are percentages, heights are pixels: it stretches with the window, strokes and dots
keep their size. A strip is hidden from screen readers because the row's text says the same.
"""

import math
from collections.abc import Sequence

from markupsafe import Markup

from tarragon.develop.report.chart import Scale, along, tag, tick_texts

HEIGHT = 26  # pixels at least; beside a label of two lines a strip grows, its marks stay in the middle


def whisker(
    scale: Scale,
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    look: str = "",
    reference: float | None = None,
) -> Markup:
    """Return a dot at ``value`` with a line from ``low`` to ``high``, over faint lines at the scale's ticks.

    Parameters
    ----------
    look : str
        Class names for the dot: "strong", "muted", "ring".
    reference : float or None
        A value marked by a dashed line through every row (the model's score, or zero).
    """
    parts = _whisker(scale, low, high, 4, f"whisker {look}".strip())
    if value is not None and math.isfinite(value):
        radius = 6.0 if "strong" in look else 4.5
        parts.append(tag("circle", cx=along(scale(value)), cy=0, r=radius, class_=f"dot {look}".strip()))
    return _strip(_ground(scale, reference, "reference"), parts)


def bar(scale: Scale, value: float, low: float | None = None, high: float | None = None, *, look: str = "") -> Markup:
    """Return a bar from zero to ``value``, with a whisker where an interval is given."""
    parts: list[Markup] = []
    if math.isfinite(value):
        a, b = sorted((min(max(scale(0.0), 0.0), 1.0), min(max(scale(value), 0.0), 1.0)))
        parts.append(tag("rect", x=along(a), y=-8, width=along(b - a), height=16, rx=2, class_=f"bar {look}".strip()))
    parts += _whisker(scale, low, high, 3, "whisker on-bar")
    return _strip(_ground(scale, 0.0, "axis"), parts)


def span(scale: Scale, low: float, high: float) -> Markup:
    """Return a shaded stretch from ``low`` to ``high``: what chance alone would give."""
    a, b = sorted((min(max(scale(low), 0.0), 1.0), min(max(scale(high), 0.0), 1.0)))
    stretch = tag("rect", x=along(a), y=-8, width=along(b - a), height=16, class_="chance")
    return _strip(_ground(scale, None, ""), [stretch])


def axis(scale: Scale, texts: Sequence[str] | None = None) -> Markup:
    """Return the scale's ticks with their numbers, for under the rows."""
    ticks = scale.ticks()
    written = tick_texts(ticks, log=scale.log) if texts is None else texts
    parts = [tag("line", x1="0%", x2="100%", y1=0.5, y2=0.5, class_="axis")]
    for tick, text in zip(ticks, written, strict=True):
        x = along(scale(tick))
        parts.append(tag("line", x1=x, x2=x, y1=0, y2=5, class_="axis"))
        parts.append(tag("text", text, x=x, y=18, class_="tick mid"))
    return tag("svg", *parts, class_="scale", height=22, width="100%", aria_hidden="true")


def spark(counts: Sequence[int]) -> Markup:
    """Return a histogram the size of a word."""
    top = max(counts, default=0)
    if top <= 0:
        return Markup("")
    heights = [max(16.0 * c / top, 0.8 if c else 0.0) for c in counts]
    width = 72.0 / len(counts)
    bars = "".join(
        f"M{i * width:.1f} 18v-{h:.1f}h{max(width - 0.8, 0.6):.1f}v{h:.1f}z" for i, h in enumerate(heights) if h > 0
    )
    return tag("svg", tag("path", d=bars, class_="spark"), width=72, height=18, viewBox="0 0 72 18", aria_hidden="true")


def _ground(scale: Scale, at: float | None, look: str) -> list[Markup]:
    """Draw the lines behind the marks, from the top of the strip to its bottom: rows join into one picture."""
    lines = [_upright(along(scale(t)), "grid") for t in scale.ticks()]
    if at is not None and math.isfinite(at) and scale.low <= at <= scale.high:
        lines.append(_upright(along(scale(at)), look))
    return lines


def _upright(x: str, look: str) -> Markup:
    return tag("line", x1=x, x2=x, y1="0%", y2="100%", class_=look)


def _whisker(scale: Scale, low: float | None, high: float | None, cap: int, look: str) -> list[Markup]:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return []
    ends = (along(scale(low)), along(scale(high)))
    line = tag("line", x1=ends[0], x2=ends[1], y1=0, y2=0, class_=look)
    return [line, *(tag("line", x1=x, x2=x, y1=-cap, y2=cap, class_=look) for x in ends)]


def _strip(ground: Sequence[Markup], marks: Sequence[Markup]) -> Markup:
    middle = tag("svg", *marks, y="50%", class_="middle")
    return tag("svg", *ground, middle, class_="strip", height=HEIGHT, width="100%", aria_hidden="true")
