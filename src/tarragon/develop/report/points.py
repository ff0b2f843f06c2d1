"""Scatter charts: clouds of rows, and labelled marks such as the trials of a leaderboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from tarragon.develop.report.chart import Plane, Point, coordinate, tag
from tarragon.develop.report.format import text_width


@dataclass(frozen=True, slots=True)
class Mark:
    """One named point.

    Parameters
    ----------
    low, high : float
        Ends of the vertical whisker; equal for none.
    look : {"front", "off", "knee"}
        Filled, hollow, or filled within a ring.
    label : str
        Written beside it where there is room; "" for none.
    tip : str
        Shown when pointed at.
    """

    x: float
    y: float
    low: float
    high: float
    look: Literal["front", "off", "knee"]
    label: str
    tip: str


def cloud(plane: Plane, points: Sequence[Point], *, reference: Literal["zero", "diagonal"]) -> Markup:
    """Return a cloud of rows with the line on which errors would be nil."""
    across, up = plane.across, plane.up
    # A stroke of no length with round ends is a dot: twelve characters a row, where a circle takes forty.
    dots = "".join(f"M{coordinate(x)} {coordinate(y)}h0" for x, y in plane.place(points))
    if reference == "zero":
        line = tag("line", x1=across.start, x2=across.end, y1=up(0.0), y2=up(0.0), class_="reference")
    else:
        low, high = max(across.low, up.low), min(across.high, up.high)
        line = tag("line", x1=across(low), y1=up(low), x2=across(high), y2=up(high), class_="reference")
    return plane.draw(tag("path", d=dots, class_="cloud"), line)


def marks(plane: Plane, items: Sequence[Mark]) -> Markup:
    """Return named points with whiskers; the front is joined by a faint line, best labels are placed first."""
    across, up = plane.across, plane.up
    parts: list[Markup] = []
    taken: list[tuple[float, float, float, float]] = []
    for item in sorted(items, key=lambda m: m.look != "off"):
        x, y = across(item.x), up(item.y)
        look = "off" if item.look == "off" else "c0"
        inside: list[Markup] = [tag("title", item.tip)]
        if item.high > item.low:
            inside.append(tag("line", x1=x, x2=x, y1=up(item.low), y2=up(item.high), class_=f"whisker {look}"))
        if item.look == "knee":
            inside.append(tag("circle", cx=x, cy=y, r=9.0, class_="ring c0"))
        inside.append(tag("circle", cx=x, cy=y, r=4.5, class_="ring off" if item.look == "off" else "dot c0"))
        parts.append(tag("g", *inside))
        taken.append((x - 7, y - 7, x + 7, y + 7))
    for item in items:
        if item.label:
            parts.append(_label(plane, across(item.x), up(item.y), item.label, taken))
    return plane.draw(*parts)


def _label(plane: Plane, x: float, y: float, text: str, taken: list[tuple[float, float, float, float]]) -> Markup:
    """Write a label at the first place around the point where nothing else is, or not at all."""
    wide = text_width(text) * 6.4
    sides = [(gap, 4.0 + rise) for rise in (0.0, -15.0, 15.0) for gap in (12.0, -12.0 - wide)]
    for dx, dy in (
        *sides[:2],
        (-wide / 2, -14.0),
        (-wide / 2, 22.0),
        *sides[2:],
        (-wide / 2, -28.0),
        (-wide / 2, 38.0),
    ):
        box = (x + dx, y + dy - 11, x + dx + wide, y + dy + 3)
        inside = box[0] > plane.left and box[2] < plane.width - 4 and box[1] > 2 and box[3] < plane.height - 46
        if inside and not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            taken.append(box)
            return tag("text", text, x=x + dx, y=y + dy, class_="note")
    return Markup("")
