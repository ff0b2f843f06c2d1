"""Heat maps: a confusion matrix with counts in its cells, shaded by the share of the true class."""

from collections.abc import Sequence

from markupsafe import Markup

from tarragon.develop.report.chart import tag
from tarragon.develop.report.format import count, percent, short, text_width

LEVELS = 10  # .h0 … .h10 in style.css, each with a text colour that can be read on it


def matrix(
    key: str, title: str, names: Sequence[str], counts: Sequence[Sequence[int]], shares: Sequence[Sequence[float]]
) -> Markup:
    """Return true classes (rows) against predicted classes (columns).

    Parameters
    ----------
    counts, shares : (K, K)
        Rows of true class i predicted as j, and their share of the row: 0…1.
    """
    k = len(names)
    labels = [short(n, 16) for n in names]
    cell = 84 if k <= 3 else 62 if k <= 5 else 44 if k <= 9 else 36
    tall = 56 if k <= 3 else 46 if k <= 5 else 36 if k <= 9 else 30
    left = 30 + round(max(text_width(n) for n in labels) * 6.8) + 8
    slanted = max(text_width(n) for n in labels) * 6.8 > cell - 6
    top = 28 + (round(max(text_width(n) for n in labels) * 4.6) + 12 if slanted else 22)
    longest = max(text_width(n) for n in labels) * 6.8
    width = left + k * cell + (max(6, round(0.75 * longest - cell / 2) + 10) if slanted else 6)
    height = top + k * tall + 6
    parts: list[Markup] = [
        tag("title", title, id=f"{key}-t"),
        tag("text", "predicted", x=left + k * cell / 2, y=14, class_="label mid"),
        tag(
            "text",
            "true",
            x=13,
            y=top + k * tall / 2,
            class_="label mid",
            transform=f"rotate(-90 13 {top + k * tall / 2:.0f})",
        ),
    ]
    for i in range(k):
        middle = left + (i + 0.5) * cell
        turn = f"rotate(-42 {middle:.0f} {top - 8})" if slanted else ""
        parts.append(
            tag("text", labels[i], x=middle, y=top - 8, class_="tick" if slanted else "tick mid", transform=turn)
        )
        parts.append(tag("text", labels[i], x=left - 8, y=top + (i + 0.5) * tall + 4, class_="tick end"))
    for i in range(k):
        for j in range(k):
            parts.append(_cell((left + j * cell, top + i * tall, cell, tall), counts[i][j], shares[i][j], both=k <= 5))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        class_="heat",
        style=f"--natural:{width}px",
        aria_labelledby=f"{key}-t",
    )


def _cell(box: tuple[float, float, float, float], n: int, share: float, *, both: bool) -> Markup:
    x, y, width, height = box
    level = f"h{round(min(max(share, 0.0), 1.0) * LEVELS)}"
    drawn = tag("rect", x=x + 1, y=y + 1, width=width - 2, height=height - 2, rx=3, class_=f"cell {level}")
    if both:
        drawn += tag("text", count(n), x=x + width / 2, y=y + height / 2 - 1, class_=f"on {level} mid strong")
        return drawn + tag(
            "text", percent(share), x=x + width / 2, y=y + height / 2 + 15, class_=f"on {level} mid small"
        )
    return drawn + (
        tag("text", count(n), x=x + width / 2, y=y + height / 2 + 4, class_=f"on {level} mid small")
        if n
        else Markup("")
    )
