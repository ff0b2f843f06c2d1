"""Line charts: curves with bands, steps, dashed extrapolations, a diagonal for chance, marked thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from tarragon.develop.report.chart import DASHES, N_COLOURS, Plane, Point, finite, path, tag

TOLERANCE = 0.3  # pixels a thinned curve may stray: under what a screen shows


@dataclass(frozen=True, slots=True)
class Stroke:
    """One curve.

    Parameters
    ----------
    points, low, high : tuple of (x, y)
        The curve and the edges of its band, in values.
    n : int
        Colour and dash pattern; −1 draws a thin grey line without a legend entry of its own.
    dashed : bool
        An expectation, not a measurement.
    dots : bool
        Show the measured points.
    step : bool
        Hold each value until the next.
    """

    points: tuple[Point, ...]
    low: tuple[Point, ...] = ()
    high: tuple[Point, ...] = ()
    n: int = 0
    dashed: bool = False
    dots: bool = False
    step: bool = False


def draw(
    plane: Plane,
    strokes: Sequence[Stroke],
    *,
    diagonal: bool = False,
    level: float | None = None,
    mark: tuple[float, str] | None = None,
) -> Markup:
    """Return the picture.

    Parameters
    ----------
    diagonal : bool
        Draw y = x, dashed.
    level : float or None
        Draw a dashed horizontal line.
    mark : (x, text) or None
        Draw a vertical line with words.
    """
    across, up = plane.across, plane.up
    marks: list[Markup] = [_band(plane, s) for s in strokes if s.low and s.high]
    if diagonal:
        (x1, y1), (x2, y2) = plane.place([(max(across.low, up.low),) * 2, (min(across.high, up.high),) * 2])
        marks.append(tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="reference"))
    if level is not None:
        marks.append(tag("line", x1=across.start, x2=across.end, y1=up(level), y2=up(level), class_="reference"))
    for stroke in sorted(strokes, key=lambda s: s.n >= 0):
        marks.append(_curve(plane, stroke))
    if mark is not None:
        x = across(mark[0])
        left = x > (across.start + across.end) / 2
        marks.append(tag("line", x1=x, x2=x, y1=up.start, y2=up.end, class_="mark"))
        marks.append(
            tag("text", mark[1], x=x + (-6 if left else 6), y=up.end + 12, class_="note end" if left else "note")
        )
    return plane.draw(*marks)


def thin(points: Sequence[Point], tolerance: float = TOLERANCE) -> list[Point]:
    """Drop points that no eye would miss (Douglas & Peucker 1973), positions in pixels.

    Examples
    --------
    >>> thin([(0.0, 0.0), (1.0, 0.01), (2.0, 0.0), (3.0, 5.0)])
    [(0.0, 0.0), (2.0, 0.0), (3.0, 5.0)]
    """
    points = _apart(points, tolerance)
    if len(points) < 3:
        return points
    keep = {0, len(points) - 1}
    todo = [(0, len(points) - 1)]
    while todo:
        a, b = todo.pop()
        far, worst = 0, tolerance
        for i in range(a + 1, b):
            gap = _distance(points[i], points[a], points[b])
            if gap > worst:
                far, worst = i, gap
        if far:
            keep.add(far)
            todo += [(a, far), (far, b)]
    return [points[i] for i in sorted(keep)]


def _apart(points: Sequence[Point], tolerance: float) -> list[Point]:
    """Drop points that sit on the one kept before: a curve of a million rows has few pixels to go through."""
    kept: list[Point] = []
    for p in points:
        if not kept or abs(p[0] - kept[-1][0]) + abs(p[1] - kept[-1][1]) > tolerance / 2:
            kept.append(p)
    if points and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def _distance(p: Point, a: Point, b: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = float((dx * dx + dy * dy) ** 0.5)
    if length == 0:
        return float(((p[0] - a[0]) ** 2 + (p[1] - a[1]) ** 2) ** 0.5)
    return abs(dy * (p[0] - a[0]) - dx * (p[1] - a[1])) / length


def _curve(plane: Plane, stroke: Stroke) -> Markup:
    values = finite(stroke.points)
    if stroke.step:
        values = [p for a, b in pairwise(values) for p in (a, (b[0], a[1]))] + values[-1:]
    positions = plane.place(values)
    if not positions:
        return Markup("")
    if stroke.n < 0:
        return tag("path", d=path(thin(positions)), class_="line faint")
    dash = "5 4" if stroke.dashed else DASHES[stroke.n % len(DASHES)]
    parts = tag("path", d=path(thin(positions)), class_=f"line c{stroke.n % N_COLOURS}", stroke_dasharray=dash)
    if stroke.dots or len(positions) == 1:
        look = "ring" if stroke.dashed else "dot"
        for x, y in positions:
            parts += tag("circle", cx=x, cy=y, r=3.2, class_=f"{look} c{stroke.n % N_COLOURS}")
    return parts


def _band(plane: Plane, stroke: Stroke) -> Markup:
    outline = thin(plane.place(stroke.low)) + thin(plane.place(stroke.high))[::-1]
    return tag("path", d=path(outline) + "z", class_=f"band c{max(stroke.n, 0) % N_COLOURS}") if outline else Markup("")
