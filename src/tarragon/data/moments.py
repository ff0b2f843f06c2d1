"""Dates and times in text: which format a column is written in, and reading it.

Day before month or month before day is decided by evidence: a field above 12 can only be a day; where none is, the
order in which the column runs more smoothly through time is taken.
"""

import re
from itertools import product

import polars as pl

LOOKS = re.compile(r"\d{1,4}([-/. ]?)(\d{1,2}|[A-Za-z]{3,9}\.?)\1?,?\s?\d{0,4}.*|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}.*")
DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d",
    "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m.%d.%Y",
    "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y", "%d.%m.%y",
    "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y", "%B %d %Y",
)  # fmt: skip
TIMES = ("", " %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p", ", %H:%M:%S%.f", ", %H:%M")
MONTHS = ("%Y-%m", "%Y/%m", "%b %Y", "%B %Y", "%b-%Y")
ZONE = r"\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2})$"
SAMPLE = 400
FIRST_YEAR = 1000  # "%Y" also reads years of two digits, as the first century


def find_formats(cells: pl.Series, share: float) -> tuple[str, ...]:
    """Find the formats that read nearly all of a column's distinct cells; empty when it is not made of dates.

    Parameters
    ----------
    cells : polars.Series of text
        Distinct cells in the order of the file.
    share : float
        How many of them must be dates.
    """
    cells = cells.drop_nulls().head(SAMPLE)
    texts = cells.to_list()
    if not texts or sum(_may_be_date(t) for t in texts) < share * len(texts):
        return ()
    unread, found = normal(cells), []
    for _ in range(3):  # a column may mix dates and times of one style, seldom more than three
        best = _best(unread)
        if best is None:
            break
        found.append(best)
        unread = unread.filter(unread.str.strptime(pl.Datetime("us"), best, strict=False).is_null())
        if len(unread) == 0:
            break
    return tuple(found) if found and len(unread) <= (1 - share) * len(texts) else ()


def _may_be_date(text: str) -> bool:
    """Cheap look: digits with date marks between them, not too long."""
    return 6 <= len(text) <= 40 and any(c.isdigit() for c in text) and (
        sum(c in "-/.:, " for c in text) >= 1
    ) and LOOKS.match(text) is not None  # fmt: skip


def normal(cells: pl.Series) -> pl.Series:
    """Write ISO stamps with a space and without zone: wall-clock time is what habits follow."""
    return (
        cells.str.strip_chars()
        .str.replace(r"^(\d{4}-\d{2}-\d{2})T(\d)", "$1 $2")
        .str.replace(r"(:\d{2}(?:\.\d+)?)" + ZONE, "$1")
    )


def _best(cells: pl.Series) -> str | None:
    """Return the format that reads most cells; ties between day-first and month-first go to the smoother one."""
    head = cells.head(20)
    scored: list[tuple[int, str]] = []
    for fmt in [*(d + t for d, t in product(DATES, TIMES)), *MONTHS]:
        tried = head.str.strptime(pl.Datetime("us"), fmt, strict=False)
        if tried.null_count() == len(head) or bool((tried.dt.year() < FIRST_YEAR).any()):
            continue
        read = len(cells) - cells.str.strptime(pl.Datetime("us"), fmt, strict=False).null_count()
        scored.append((read, fmt))
    if not scored:
        return None
    top = max(read for read, _ in scored)
    tied = [fmt for read, fmt in scored if read == top]
    years4 = [fmt for fmt in tied if "%Y" in fmt] or tied
    return min(years4, key=lambda fmt: (_roughness(cells, fmt), years4.index(fmt)))


def _roughness(cells: pl.Series, fmt: str) -> float:
    """Mean absolute step between neighbouring rows, in days: small when the column runs through time."""
    days = (
        cells.str.strptime(pl.Datetime("us"), fmt, strict=False).drop_nulls().dt.timestamp("ms").cast(pl.Float64)
        / 86_400_000
    )
    return round(float(days.diff().abs().mean() or 0.0), 3)  # type: ignore[arg-type]  # the mean of floats is a float


def parse(series: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    """Read cells as datetimes in microseconds without zone; what does not fit is null."""
    dtype = series.dtype
    if dtype == pl.Datetime:
        if getattr(dtype, "time_zone", None) is not None:
            series = series.dt.replace_time_zone(None)
        return series.cast(pl.Datetime("us"))
    if dtype == pl.Date:
        return series.cast(pl.Datetime("us"))
    if dtype != pl.String:
        return pl.Series(series.name, [None] * len(series), dtype=pl.Datetime("us"))
    cells = normal(series)
    made: pl.Series | None = None
    for fmt in formats or ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d", "%Y-%m-%d %H:%M"):
        read = cells.str.strptime(pl.Datetime("us"), fmt, strict=False)
        made = read if made is None else made.zip_with(made.is_not_null(), read)
        if made.null_count() == series.null_count():
            break
    assert made is not None
    return made.alias(series.name)


def describe(formats: tuple[str, ...]) -> str:
    """Say in words how dates were read.

    Examples
    --------
    >>> describe(("%d/%m/%Y",))
    'read as dates (day/month/year)'
    """
    words = {"%Y": "year", "%y": "year", "%m": "month", "%b": "month", "%B": "month", "%d": "day"}
    parts = [
        word for token, word in sorted(words.items(), key=lambda item: formats[0].find(item[0])) if token in formats[0]
    ]
    return f"read as dates ({'/'.join(parts)})"
