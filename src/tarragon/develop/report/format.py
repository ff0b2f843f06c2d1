"""How numbers and names are written: one place, so that the page, the Markdown and the terminal agree.

A narrow no-break space groups thousands and stands before units; a true minus sign marks losses. Values
that are missing or not finite read as an en dash.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

THIN = "\u202f"  # narrow no-break space
MINUS = "\u2212"
NONE = "–"
NAME_WIDTH = 40  # characters of a column name or value before it is cut; a longer one pushes the figures off a phone
LONG_WORD = 80  # a word longer than this is not a word but a value
# Characters that reorder or hide their neighbours: a column name may hold them, a report must not obey them.
_INVISIBLE = frozenset(
    "\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_SPACE = re.compile(rf"[^\S{THIN}]+")  # our own separators stay what they are
_BYTES = ("B", "kB", "MB", "GB", "TB")


def count(n: float) -> str:
    """Write a whole number with thin separators.

    Examples
    --------
    >>> count(1234567) == "1\u202f234\u202f567"
    True
    """
    return NONE if not math.isfinite(n) else _signed(f"{round(n):,}".replace(",", THIN))


def plural(n: int, one: str, many: str = "") -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1, "row"), plural(2, "row"), plural(2, "class", "classes")
    ('1 row', '2 rows', '2 classes')
    """
    return f"{count(n)} {one if n == 1 else (many or one + 's')}"


def decimals(value: float, width: float | None = None) -> int:
    """Return digits after the point: two significant ones of the interval's width, else four of the value.

    Negative means that digits before the point are noise too. Never more than four significant digits
    of the value itself, unless the interval is narrower than that.

    Examples
    --------
    >>> decimals(0.84731, 0.0164), decimals(48213.2, 2000.0), decimals(0.5)
    (3, -2, 4)
    """
    if width is not None and math.isfinite(width) and width > 0:
        return min(1 - math.floor(math.log10(width)), 8)
    if value == 0 or not math.isfinite(value):
        return 0
    return min(3 - math.floor(math.log10(abs(value))), 8)


def fixed(value: float | None, places: int) -> str:
    """Write ``value`` rounded to ``places`` (negative: tens, hundreds) with thin separators."""
    if value is None or not math.isfinite(value):
        return NONE
    rounded = round(value, places) + 0.0  # + 0.0 turns −0.0 into 0.0
    return _signed(f"{rounded:,.{max(places, 0)}f}".replace(",", THIN))


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with so many significant digits, no trailing zeros.

    Examples
    --------
    >>> number(0.12345), number(1.5), number(0.0), number(None)
    ('0.123', '1.5', '0', '–')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)))
    if power < -4 or power > 14:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return _signed(f"{mantissa}e{int(exponent)}")
    text = fixed(value, digits - 1 - power) if power < digits else fixed(value, 0)
    return text.rstrip("0").rstrip(".") if "." in text else text


def score(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Write a score with the digits its interval justifies.

    Examples
    --------
    >>> score(0.84731, 0.8391, 0.8555)
    '0.847'
    """
    if value is None or not math.isfinite(value):
        return NONE
    return fixed(value, decimals(value, _width(low, high)))


def interval(low: float | None, high: float | None, places: int | None = None) -> str:
    """Write a 95 % interval, or nothing where there is none.

    Examples
    --------
    >>> interval(0.8391, 0.8555)
    '0.839–0.856'
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    places = decimals(low, _width(low, high)) if places is None else places
    joint = "–" if low >= 0 else " to "
    return f"{fixed(low, places)}{joint}{fixed(high, places)}"


def with_interval(value: float | None, low: float | None, high: float | None, places: int | None = None) -> str:
    """Write "0.847 (0.839–0.856)", or the value alone; ``places`` lines a column of scores up.

    Examples
    --------
    >>> with_interval(0.5, 0.5, 0.5, 3), with_interval(0.84731, 0.8391, 0.8555)
    ('0.500', '0.847 (0.839–0.856)')
    """
    text = score(value, low, high) if places is None else fixed(value, places)
    span = interval(low, high, places) if low != high else ""
    return f"{text} ({span})" if span else text


def difference(value: float, low: float | None = None, high: float | None = None) -> str:
    """Write a signed difference with its interval.

    Examples
    --------
    >>> difference(0.0213, 0.012, 0.031)
    '+0.021 (+0.012 to +0.031)'
    """
    places = decimals(value, _width(low, high)) if _width(low, high) else min(decimals(value), 4)
    text = _plus(value, places)
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return text
    return f"{text} ({_plus(low, places)} to {_plus(high, places)})"


def percent(share: float | None, places: int = 0) -> str:
    """Write a share of one as per cent.

    Examples
    --------
    >>> percent(0.265) == "26\u202f%", percent(0.0004) == "<1\u202f%"
    (True, True)
    """
    if share is None or not math.isfinite(share):
        return NONE
    if places == 0 and 0 < share < 0.005:
        return f"<1{THIN}%"
    if places == 0 and 0.995 < share < 1:
        return f">99{THIN}%"
    return f"{fixed(100 * share, places)}{THIN}%"


def size(n: float) -> str:
    """Write bytes in decimal units.

    Examples
    --------
    >>> size(512) == "512\u202fB", size(1_234_567) == "1.23\u202fMB"
    (True, True)
    """
    return f"{number(n)}{THIN}B" if n < 1000 else _scaled(n, 1000.0, _BYTES)


def milliseconds(ms: float | None) -> str:
    """Write a latency: µs below 1 ms, seconds above 1 s."""
    if ms is None or not math.isfinite(ms):
        return NONE
    if ms < 1:
        return f"{number(ms * 1000, 2 if ms < 0.1 else 3)}{THIN}µs"
    return f"{number(ms)}{THIN}ms" if ms < 1000 else seconds(ms / 1000)


def seconds(s: float | None) -> str:
    """Write a duration.

    Examples
    --------
    >>> seconds(42.3) == "42.3\u202fs", seconds(300) == "5\u202fmin", seconds(0.012) == "12\u202fms"
    (True, True, True)
    """
    if s is None or not math.isfinite(s):
        return NONE
    if 0 < s < 1:
        return milliseconds(s * 1000)
    if s < 120:
        return f"{number(s)}{THIN}s"
    minutes, rest = divmod(round(s), 60)
    if minutes < 120:
        return f"{minutes}{THIN}min" + (f" {rest}{THIN}s" if rest else "")
    return f"{minutes // 60}{THIN}h {minutes % 60}{THIN}min"


def p_value(p: float) -> str:
    """Write a p-value without pretending to know more than a simulation can."""
    return "p < 0.001" if p < 0.001 else f"p = {number(p, 2)}"


def plain(text: object) -> str:
    """Drop control and direction characters and fold white space: what is left cannot rearrange a page."""
    kept = "".join(
        " " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c
        for c in str(text)
        if c not in _INVISIBLE and unicodedata.category(c) != "Cs"
    )
    return _SPACE.sub(" ", kept).strip()


def short(text: object, limit: int = NAME_WIDTH) -> str:
    """Return the text cleaned and cut to ``limit`` columns of screen, never inside a combined character.

    Examples
    --------
    >>> short("a" * 50, 10)
    'aaaaaaaaa…'
    >>> short("")
    '(blank)'
    """
    clean = plain(str(text)[: 8 * limit + 64])
    if not clean:
        return "(blank)"
    if text_width(clean) <= limit:
        return clean
    used, cut = 0, 0
    for i, c in enumerate(clean):
        used += _columns(c)
        if used > limit - 1:
            break
        cut = i + 1
    while cut > 1 and cut < len(clean) and (_columns(clean[cut]) == 0 or clean[cut - 1] == "\u200d"):
        cut -= 1
    return clean[:cut].rstrip() + "…"


def text_width(text: str) -> int:
    """Count screen columns: wide characters and emoji take two, combining marks none."""
    return sum(_columns(c) for c in text)


def sentence(text: str, limit: int = 600) -> str:
    """Clean a sentence that others wrote, cut words no line could hold, and close it with a full stop.

    Examples
    --------
    >>> sentence("It holds up")
    'It holds up.'
    """
    clean = " ".join(short(word) if len(word) > LONG_WORD else word for word in plain(text).split(" "))
    if not clean:
        return ""
    if len(clean) > limit:
        clean = clean[: limit - 1].rstrip() + "…"
    return clean if clean[-1] in ".!?…" else clean + "."


def listing(names: Iterable[str], limit: int = 4) -> str:
    """Join names as one would say them.

    Examples
    --------
    >>> listing(["a", "b", "c"]), listing(["a", "b", "c", "d", "e", "f"])
    ('a, b and c', 'a, b, c, d and 2 more')
    """
    items = list(names)
    if len(items) > limit + 1:
        return ", ".join(items[:limit]) + f" and {count(len(items) - limit)} more"
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def settings(values: Iterable[tuple[str, object]], limit: int = 12) -> str:
    """Write "k = v, k = v": what differs from the defaults."""
    pairs = [f"{short(k)} = {number(v, 4) if isinstance(v, float) else short(v)}" for k, v in values]
    more = f" and {len(pairs) - limit} more" if len(pairs) > limit else ""
    return (", ".join(pairs[:limit]) + more) or "defaults"


def same_places(values: Sequence[float]) -> int:
    """Return the fewest decimals that write the ticks of an axis exactly.

    Examples
    --------
    >>> same_places([0.0, 0.25, 0.5]), same_places([10.0, 20.0])
    (2, 0)
    """
    steps = [abs(b - a) for a, b in pairwise(values) if b != a]
    slack = 1e-6 * min(steps, default=1.0)
    return next((p for p in range(13) if all(abs(round(v, p) - v) <= slack for v in values)), 13)


def _columns(c: str) -> int:
    if unicodedata.combining(c) or c == "\u200d" or "\ufe00" <= c <= "\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def _width(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else high - low


def _plus(value: float, places: int) -> str:
    text = fixed(value, places)
    return f"+{text}" if round(value, places) > 0 else text


def _signed(text: str) -> str:
    return MINUS + text[1:] if text.startswith("-") else text


def _scaled(value: float, base: float, units: Sequence[str]) -> str:
    if not math.isfinite(value):
        return NONE
    step = 0
    while value >= 999.5 and step < len(units) - 1:
        value /= base
        step += 1
    return f"{number(value)}{THIN}{units[step]}"
