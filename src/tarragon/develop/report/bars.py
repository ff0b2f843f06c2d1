"""Histograms: upright bars over a continuous scale."""

from collections.abc import Sequence

from markupsafe import Markup

from tarragon.develop.report.chart import Plane, coordinate, tag


def histogram(plane: Plane, bins: Sequence[tuple[float, float, int]], *, reference: float | None = None) -> Markup:
    """Return bars from (left, right, count), with a dashed upright line at ``reference``."""
    across, up = plane.across, plane.up
    bars = ""
    for left, right, n in bins:
        if n <= 0:
            continue
        a, b, top = across(left), across(right), up(float(n))
        floor, edge = coordinate(up.start), coordinate(max(b - 1, a + 0.5))
        bars += f"M{coordinate(a)} {floor}V{coordinate(top)}H{edge}V{floor}z"
    marks = [tag("path", d=bars, class_="bar")]
    if reference is not None and across.low <= reference <= across.high:
        x = across(reference)
        marks.append(tag("line", x1=x, x2=x, y1=up.start, y2=up.end, class_="reference"))
    return plane.draw(*marks)
