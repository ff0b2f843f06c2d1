"""How a figure is written inside a sentence, by whichever stage says it."""

import math


def number(value: float, digits: int = 3) -> str:
    """Write a number as a person would: few significant digits, thousands whole, no exponent in the usual range.

    Parameters
    ----------
    digits : int
        Significant digits below 100; from there on whole figures keep four.

    Examples
    --------
    >>> number(0.84251), number(0.84251, 4), number(47351.2), number(123.456), number(3.0), number(0.00001234)
    ('0.843', '0.8425', '47,351', '123.5', '3', '1.23e-05')
    """
    size = abs(value)
    if not math.isfinite(value):
        return "n/a" if math.isnan(value) else str(value)
    if size >= 1_000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.4g}"
    return f"{value:.{digits}g}" if value == 0 or size >= 1e-4 else f"{value:.{digits - 1}e}"
