"""Calendar parts of datetimes, and minutes between them, as numbers.

Notation: n rows, t datetime columns held as float64 seconds since 1970 (NaN is missing).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tarragon.data.arrays import Vector

MAX_PAIRS_OF = 3  # datetime columns; with more, differences would outnumber everything else
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Part:
    """A number made from datetimes: ``kind`` of column ``column``, or minutes from ``column`` to ``other``."""

    kind: str
    column: int
    other: int = -1

    @property
    def cyclic(self) -> bool:
        """Whether it comes round again, so that single values may matter."""
        return self.kind in ("month", "weekday", "hour")


KINDS = ("days", "year", "month", "day", "weekday", "hour")


def parts(seconds: Vector) -> tuple[Part, ...]:
    """(n, t) -> the parts that vary over these rows."""
    t = seconds.shape[1]
    wanted = [Part(kind, j) for j in range(t) for kind in KINDS]
    if t <= MAX_PAIRS_OF:
        wanted += [Part("minutes", i, j) for i, j in combinations(range(t), 2)]
    values = measure(seconds, wanted)
    kept = []
    for part, column in zip(wanted, values.T, strict=True):
        known = column[~np.isnan(column)]
        if len(known) and known.min() < known.max():
            kept.append(part)
    return tuple(kept)


def measure(seconds: Vector, wanted: Sequence[Part]) -> Vector:
    """(n, t) -> (n, parts) numbers; days have fractions, the hour of day too; Monday is weekday 0."""
    out = np.full((len(seconds), len(wanted)), np.nan)
    done: dict[int, dict[str, Vector]] = {}
    for k, part in enumerate(wanted):
        if part.kind == "minutes":
            out[:, k] = (seconds[:, part.other] - seconds[:, part.column]) / 60.0
            continue
        if part.column not in done:
            done[part.column] = _calendar(seconds[:, part.column])
        out[:, k] = done[part.column][part.kind]
    return out


def _calendar(seconds: Vector) -> dict[str, Vector]:
    gone = np.isnan(seconds)
    known = np.where(gone, 0.0, seconds)
    day = np.floor(known / DAY)
    dates = day.astype(np.int64).astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    month_number = months.astype(np.int64)
    made = {
        "days": known / DAY,
        "year": 1970.0 + np.floor_divide(month_number, 12),
        "month": 1.0 + np.mod(month_number, 12),
        "day": 1.0 + (dates - months.astype("datetime64[D]")).astype(np.float64),
        "weekday": np.mod(day + 3.0, 7.0),  # 1 January 1970 was a Thursday
        "hour": (known - day * DAY) / 3600.0,
    }
    return {kind: np.where(gone, np.nan, values) for kind, values in made.items()}


def name(part: Part, columns: Sequence[str]) -> str:
    """Name a part as a reader would.

    Examples
    --------
    >>> name(Part("hour", 0), ["pickup"]), name(Part("minutes", 0, 1), ["pickup", "dropoff"])
    ('pickup (hour)', 'minutes from pickup to dropoff')
    """
    if part.kind == "minutes":
        return f"minutes from {columns[part.column]} to {columns[part.other]}"
    return f"{columns[part.column]} ({part.kind})"
