"""Strips: one line of a row chart. Dots with whiskers, bars, tiny histograms, and the axis beneath them.

Positions along a strip are percentages, heights are pixels: it stretches with the window, strokes and dots
keep their size. A strip is hidden from screen readers because the row's text says the same.
"""

import math
from collections.abc import Sequence

from markupsafe import Markup

from tarragon.develop.report.chart import Scale, along, tag, tick_texts

HEIGHT = 26


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
    middle = HEIGHT / 2
    parts = _ground(scale, reference)
    span = _span(low, high)
    if span is not None:
        a, b = along(scale(span[0])), along(scale(span[1]))
        parts.append(tag("line", x1=a, x2=b, y1=middle, y2=middle, class_=f"whisker {look}"))
        parts.extend(tag("line", x1=x, x2=x, y1=middle - 4, y2=middle + 4, class_=f"whisker {look}") for x in (a, b))
    if value is not None and math.isfinite(value):
        radius = 6.0 if "strong" in look else 4.5
        parts.append(tag("circle", cx=along(scale(value)), cy=middle, r=radius, class_=f"dot {look}".strip()))
    return _strip(parts)


def bar(
    scale: Scale,
    value: float,
    low: float | None = None,
    high: float | None = None,
    *,
    look: str = "",
    start: float = 0.0,
) -> Markup:
    """Return a bar from ``start`` to ``value``, with a whisker where an interval is given."""
    middle = HEIGHT / 2
    parts = _ground(scale, start)
    if math.isfinite(value):
        a, b = sorted((scale(start), scale(value)))
        width = along(min(b, 1.0) - max(a, 0.0)) if b > a else "0%"
        parts.append(tag("rect", x=along(a), y=5, width=width, height=HEIGHT - 10, rx=2, class_=f"bar {look}".strip()))
    span = _span(low, high)
    if span is not None:
        a_text, b_text = along(scale(span[0])), along(scale(span[1]))
        parts.append(tag("line", x1=a_text, x2=b_text, y1=middle, y2=middle, class_="whisker on-bar"))
        parts.extend(
            tag("line", x1=x, x2=x, y1=middle - 3, y2=middle + 3, class_="whisker on-bar") for x in (a_text, b_text)
        )
    return _strip(parts)


def span(scale: Scale, low: float, high: float, *, reference: float | None = None) -> Markup:
    """Return a shaded stretch from ``low`` to ``high``: what chance alone would give."""
    parts = _ground(scale, reference)
    a, b = sorted((min(max(scale(low), 0.0), 1.0), min(max(scale(high), 0.0), 1.0)))
    parts.append(tag("rect", x=along(a), y=5, width=along(b - a), height=HEIGHT - 10, class_="chance"))
    return _strip(parts)


def axis(scale: Scale, texts: Sequence[str] | None = None) -> Markup:
    """Return the scale's ticks with their numbers, for under the rows."""
    ticks = scale.ticks()
    written = tick_texts(ticks, log=scale.log) if texts is None else texts
    parts = [tag("line", x1="0%", x2="100%", y1=0.5, y2=0.5, class_="axis")]
    for tick, text in zip(ticks, written, strict=True):
        x = along(scale(tick))
        parts.append(tag("line", x1=x, x2=x, y1=0, y2=5, class_="axis"))
        parts.append(tag("text", text, x=x, y=18, class_="tick mid"))
    return tag("svg", *parts, class_="strip", height=22, width="100%", aria_hidden="true")


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


def _ground(scale: Scale, reference: float | None) -> list[Markup]:
    lines = [tag("line", x1=along(scale(t)), x2=along(scale(t)), y1=0, y2=HEIGHT, class_="grid") for t in scale.ticks()]
    if reference is not None and math.isfinite(reference) and scale.low <= reference <= scale.high:
        x = along(scale(reference))
        lines.append(tag("line", x1=x, x2=x, y1=0, y2=HEIGHT, class_="reference"))
    return lines


def _span(low: float | None, high: float | None) -> tuple[float, float] | None:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    return low, high


def _strip(parts: Sequence[Markup]) -> Markup:
    return tag("svg", *parts, class_="strip", height=HEIGHT, width="100%", aria_hidden="true")
