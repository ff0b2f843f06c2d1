"""How figures and tables are written on a terminal: short, and the same in every command."""

import math
from collections.abc import Iterator, Sequence


def number(value: float) -> str:
    """Write a figure as a reader would.

    Examples
    --------
    >>> number(0.84567), number(47123.4), number(2.0), number(float("nan"))
    ('0.8457', '47,123', '2', 'n/a')
    """
    if math.isnan(value):
        return "n/a"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def score(metric: str, value: float, low: float | None, high: float | None) -> str:
    """Write a score with its 95 % interval, where it has one.

    Examples
    --------
    >>> score("auc", 0.84567, 0.82, 0.861), score("r2", 0.5, None, None)
    ('auc 0.8457 (0.82 to 0.861)', 'r2 0.5')
    """
    span = f" ({number(low)} to {number(high)})" if low is not None and high is not None else ""
    return f"{metric} {number(value)}{span}"


def size(n_bytes: int) -> str:
    """Write a size as a reader would.

    Examples
    --------
    >>> size(512), size(20_400), size(3_210_000)
    ('512 B', '20 kB', '3.2 MB')
    """
    if n_bytes < 1000:
        return f"{n_bytes} B"
    if n_bytes < 1_000_000:
        return f"{n_bytes / 1e3:.0f} kB"
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes < 1_000_000_000 else f"{n_bytes / 1e9:.1f} GB"


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay rows of cells out in columns, one line each.

    Examples
    --------
    >>> list(columns([("a", "long", "x"), ("bcd", "y", "")]))
    ['a    long  x', 'bcd  y']
    """
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
