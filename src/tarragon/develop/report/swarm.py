"""Bee swarms: one dot per explained row, placed by its SHAP value, shaded by the cell it explains."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from tarragon.develop.report.chart import Scale, along, tag

HEIGHT = 34
NOMINAL = 520.0  # pixels a strip is wide on a desk: decides which dots would touch
SPACING = 4.6  # pixels between dots that would touch
LEVELS = 5  # .s0 (low) … .s4 (high) in style.css


def swarm(scale: Scale, values: Sequence[float], scaled: Sequence[float | None], tips: Sequence[str]) -> Markup:
    """Return one line of the swarm: (n,) values, (n,) cells 0…1 or None, (n,) texts for pointing at."""
    dots = [(scale(v), s, t) for v, s, t in zip(values, scaled, tips, strict=True) if math.isfinite(v)]
    heights = offsets([x for x, _, _ in dots])
    parts = [
        tag("line", x1=along(scale(t)), x2=along(scale(t)), y1="0%", y2="100%", class_="grid") for t in scale.ticks()
    ]
    zero = along(scale(0.0))
    parts.append(tag("line", x1=zero, x2=zero, y1="0%", y2="100%", class_="axis"))
    groups: dict[str, list[Markup]] = {}
    for (x, shade, tip), up in zip(dots, heights, strict=True):
        circle = tag("circle", tag("title", tip), cx=along(x), cy=up, r=2.4)
        groups.setdefault(_look(shade), []).append(circle)
    dotted = [tag("g", *circles, class_=look) for look, circles in sorted(groups.items())]
    parts.append(tag("svg", *dotted, y="50%", class_="middle"))
    return tag("svg", *parts, class_="strip tall", height=HEIGHT, width="100%", aria_hidden="true")


def sample(shade: float | None) -> Markup:
    """Return a legend's dot for a shade 0…1, or None for cells without an order."""
    dot = tag("g", tag("circle", cx=7, cy=7, r=4.5), class_=_look(shade))
    return tag("svg", dot, width=14, height=14, viewBox="0 0 14 14", class_="swatch", aria_hidden="true")


def offsets(shares: Sequence[float]) -> list[float]:
    """Return heights that keep dots of the same place apart: 0, +1, −1, +2 … spacings, squeezed to fit.

    Examples
    --------
    >>> offsets([0.5, 0.5, 0.5, 0.9])
    [0.0, 4.6, -4.6, 0.0]
    """
    seen: dict[int, int] = {}
    ranks: list[int] = []
    for share in shares:
        column = round(share * NOMINAL / SPACING)
        n = seen.get(column, 0)
        seen[column] = n + 1
        ranks.append((n + 1) // 2 * (1 if n % 2 else -1))
    furthest = max((abs(r) for r in ranks), default=0)
    spacing = min(SPACING, (HEIGHT / 2 - 3) / furthest) if furthest else SPACING
    return [round(r * spacing, 1) + 0.0 for r in ranks]


def _look(shade: float | None) -> str:
    if shade is None or not math.isfinite(shade):
        return "sx"
    return f"s{min(int(min(max(shade, 0.0), 1.0) * LEVELS), LEVELS - 1)}"
