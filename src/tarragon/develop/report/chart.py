"""The ground all pictures stand on: tags, scales, ticks, axes.

Pictures are plain SVG. Colours come from the page's style sheet through classes, so one drawing serves the
light theme, the dark theme and paper. Two forms exist. A *strip* is a line of a row chart: positions along
it are percentages, so it stretches with the window while text keeps its size. A *plane* has two axes and a
fixed drawing size that scales as a whole.

Chart code receives values and draws them; it computes no statistics. Values that are not finite are left out.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from tarragon.develop.report.format import fixed, number, same_places, text_width

Point = tuple[float, float]
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "12 3")  # lines stay apart without colour
N_COLOURS = 6  # .c0 … .c5 in style.css


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """Return an element; children and attribute values are escaped unless they are ``Markup``.

    A trailing underscore is dropped from attribute names, other underscores become hyphens.

    Examples
    --------
    >>> tag("text", "<b>", x=1.50, class_="a")
    Markup('<text x="1.5" class="a">&lt;b&gt;</text>')
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(coordinate(v) if isinstance(v, float) else v)}"'
        for key, v in attributes.items()
        if v is not None and v != ""
    )
    inside = Markup("").join(children)
    return Markup(f"<{name}{written}>{inside}</{name}>") if inside else Markup(f"<{name}{written}/>")


def coordinate(v: float) -> str:
    """Write a coordinate in as few characters as the eye can use.

    Examples
    --------
    >>> coordinate(12.0), coordinate(3.14159), coordinate(-0.01)
    ('12', '3.1', '0')
    """
    text = f"{v:.1f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if text == "-0" else text


def along(share: float) -> str:
    """Write a position along a strip, 0…1, as a percentage."""
    return f"{min(max(share, 0.0), 1.0) * 100:.2f}".rstrip("0").rstrip(".") + "%"


def finite(points: Iterable[Point]) -> list[Point]:
    """Drop points that cannot be drawn."""
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def nice_ticks(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Return round numbers inside [low, high], steps of 1, 2 or 5 × 10ⁿ (Heckbert 1990, Graphics Gems).

    Examples
    --------
    >>> nice_ticks(0.0, 1.0)
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return (low,) if math.isfinite(low) else ()
    power = 10.0 ** math.floor(math.log10((high - low) / max(about, 1)))
    steps = [m * power for m in (1.0, 2.0, 5.0, 10.0)]
    step = min(steps, key=lambda s: abs(math.floor(high / s + 1e-9) - math.ceil(low / s - 1e-9) + 1 - about))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step))) + 2
    return tuple(round(i * step, digits) + 0.0 for i in range(first, last + 1))


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Return 1, 2, 5 × 10ⁿ inside [low, high], thinned to whole powers where there would be many.

    Examples
    --------
    >>> log_ticks(0.5, 30.0)
    (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
    """
    if high < 10 * low:
        return nice_ticks(low, high, 4)  # too short for powers
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for steps in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        ticks = tuple(float(f"{m}e{p}") for p in powers for m in steps if low * 0.999 <= m * 10.0**p <= high * 1.001)
        if len(ticks) <= 6:
            return ticks
    return ticks[:: math.ceil(len(ticks) / 6)]


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to positions.

    Parameters
    ----------
    low, high : float
        The domain; high > low, both positive where ``log``.
    start, end : float
        Positions of low and high.
    """

    low: float
    high: float
    start: float = 0.0
    end: float = 1.0
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the position of ``value``; outside the domain it runs on past the ends."""
        if self.log:
            share = math.log(max(value, self.low * 1e-3) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 5) -> tuple[float, ...]:
        """Return round values inside the domain."""
        return log_ticks(self.low, self.high) if self.log else nice_ticks(self.low, self.high, about)


def spanning(values: Iterable[float | None], *, pad: float = 0.06, log: bool = False, zero: bool = False) -> Scale:
    """Return a scale over the finite values with some air at both ends; ``zero`` makes it start (or end) at 0."""
    known = [v for v in values if v is not None and math.isfinite(v) and (not log or 1e-30 < v < 1e30)]
    if zero:
        known.append(0.0)
    if not known:
        return Scale(0.0, 1.0) if not log else Scale(0.1, 10.0, log=True)
    low, high = min(known), max(known)
    if log:
        if high <= low * 1.0001:
            return Scale(low / 2, low * 2, log=True)
        air = (high / low) ** pad
        return Scale(low / air, high * air, log=True)
    if high <= low:
        air = abs(low) * 0.1 or 0.5
        return Scale(low - air, high + air)
    air = (high - low) * pad
    return Scale(0.0 if zero and low == 0.0 else low - air, 0.0 if zero and high == 0.0 else high + air)


def tick_texts(ticks: Sequence[float], *, log: bool = False) -> list[str]:
    """Write ticks with equally many decimals; logarithmic ones each on their own."""
    if log:
        return [number(t) for t in ticks]
    places = same_places(ticks)
    return [number(t) if places > 6 else fixed(t, places) for t in ticks]


@dataclass(frozen=True, slots=True)
class Axis:
    """One side of a plane.

    Parameters
    ----------
    write : callable or None
        Ticks to texts; by default plain numbers.
    """

    title: str
    scale: Scale
    write: Callable[[float], str] | None = None
    about: int = 5

    def texts(self) -> list[tuple[float, str]]:
        """Return ticks with their texts."""
        ticks = self.scale.ticks(self.about)
        texts = tick_texts(ticks, log=self.scale.log) if self.write is None else [self.write(t) for t in ticks]
        return list(zip(ticks, texts, strict=True))


@dataclass(frozen=True, slots=True)
class Plane:
    """A drawing surface with two axes.

    Parameters
    ----------
    key : str
        Makes element ids unique on the page.
    title, description : str
        Read aloud in place of the picture.
    """

    key: str
    title: str
    description: str
    x: Axis
    y: Axis
    width: int = 400
    height: int = 300

    @property
    def left(self) -> int:
        """Where the plane starts: after the axis title and the longest number."""
        return 32 + round(6.7 * max((text_width(text) for _, text in self.y.texts()), default=0))

    @property
    def across(self) -> Scale:
        """X values to horizontal positions."""
        s = self.x.scale
        return Scale(s.low, s.high, float(self.left), self.width - 22.0, s.log)

    @property
    def up(self) -> Scale:
        """Y values to vertical positions (which grow downwards)."""
        s = self.y.scale
        return Scale(s.low, s.high, self.height - 46.0, 12.0, s.log)

    def place(self, points: Iterable[Point]) -> list[Point]:
        """Turn values into positions, dropping what cannot be drawn."""
        across, up = self.across, self.up
        return [(across(x), up(y)) for x, y in finite(points)]

    def draw(self, *marks: Markup) -> Markup:
        """Return the finished picture: grid, marks, axes."""
        return tag(
            "svg",
            tag("title", self.title, id=f"{self.key}-t"),
            tag("desc", self.description, id=f"{self.key}-d"),
            self._grid(),
            *marks,
            self._titles(),
            viewBox=f"0 0 {self.width} {self.height}",
            role="img",
            class_="plane",
            style=f"max-width:{self.width * 6 // 5}px",
            aria_labelledby=f"{self.key}-t {self.key}-d",
        )

    def _grid(self) -> Markup:
        across, up = self.across, self.up
        parts: list[Markup] = []
        for value, text in self.y.texts():
            y = up(value)
            parts.append(tag("line", x1=across.start, x2=across.end, y1=y, y2=y, class_="grid"))
            parts.append(tag("text", text, x=across.start - 7, y=y + 4, class_="tick end"))
        edge = -1e9
        for value, text in self.x.texts():
            x = across(value)
            half = len(text) * 3.3  # 12 px digits are about 6.6 px wide
            if x - half < edge + 6:
                continue  # would run into its neighbour
            edge = x + half
            parts.append(tag("line", x1=x, x2=x, y1=up.start, y2=up.start + 5, class_="axis"))
            parts.append(tag("text", text, x=min(x, self.width - half - 1), y=up.start + 18, class_="tick mid"))
        parts.append(tag("line", x1=across.start, x2=across.end, y1=up.start, y2=up.start, class_="axis"))
        return Markup("").join(parts)

    def _titles(self) -> Markup:
        across, up = self.across, self.up
        middle = (up.start + up.end) / 2
        return tag(
            "text", self.x.title, x=(across.start + across.end) / 2, y=self.height - 8.0, class_="label mid"
        ) + tag("text", self.y.title, x=13.0, y=middle, class_="label mid", transform=f"rotate(-90 13 {middle:.0f})")


def path(points: Sequence[Point]) -> str:
    """Return the path through positions.

    Examples
    --------
    >>> path([(0.0, 1.0), (2.5, 3.0)])
    'M0 1L2.5 3'
    """
    return "".join(f"{'L' if i else 'M'}{coordinate(x)} {coordinate(y)}" for i, (x, y) in enumerate(points))


def swatch(kind: str, n: int = 0, extra: str = "") -> Markup:
    """Return a legend's sample: ``kind`` is "line", "dot", "ring", "band" or "dash"."""
    cls = f"c{n % N_COLOURS}{' ' + extra if extra else ''}"
    mark = {
        "line": lambda: tag(
            "line", x1=1, x2=25, y1=7, y2=7, class_=f"line {cls}", stroke_dasharray=DASHES[n % len(DASHES)]
        ),
        "dash": lambda: tag("line", x1=1, x2=25, y1=7, y2=7, class_=f"line {cls}", stroke_dasharray="5 4"),
        "dot": lambda: tag("circle", cx=13, cy=7, r=4.5, class_=f"dot {cls}"),
        "ring": lambda: tag("circle", cx=13, cy=7, r=4.0, class_=f"ring {cls}"),
        "band": lambda: tag("rect", x=1, y=2, width=24, height=10, class_=f"band {cls}"),
    }[kind]()
    return tag("svg", mark, width=26, height=14, viewBox="0 0 26 14", class_="swatch", aria_hidden="true")
