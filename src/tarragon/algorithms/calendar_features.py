"""What a model of time series is told about when: the calendar as circles, and which earlier values to look at.

Every cycle becomes a point on a circle (cosine, sine), so that December lies beside January. Which cycles: those
shorter than a year and longer than a step, as Salinas et al. (2020) and SageMaker's guide name them.

The guide says only roughly which earlier values (lags) are looked at: "1 to 4 weeks and a year" for days, "1 to 3 days
and more" for hours. Here they are the last seven, and for each cycle of the calendar its first few returns with one
neighbour on each side.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Frequency

RECENT = 7
# Cycles in units of the frequency, and how many returns of each are looked at.
CYCLES: Mapping[str, tuple[tuple[float, int], ...]] = {
    "min": ((60, 3), (1_440, 3), (10_080, 2)),
    "H": ((24, 4), (168, 4)),
    "D": ((7, 4), (30.4375, 1), (364, 1)),
    "W": ((52.18, 3), (4.35, 2)),
    "M": ((12, 3),),
}
Stamps = NDArray[np.datetime64]


def lags(frequency: Frequency, longest: int) -> list[int]:
    """List the lags, in steps, ascending.

    Parameters
    ----------
    frequency : Frequency
    longest : int
        Observations of the longest series: what lies farther back was never seen.

    Examples
    --------
    >>> lags(Frequency.of("3M"), 60)
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13]
    """
    found = set(range(1, RECENT + 1))
    for length, returns in CYCLES[frequency.unit]:
        steps = length / frequency.count
        if steps >= 2:
            found |= {round(k * steps) + beside for k in range(1, returns + 1) for beside in (-1, 0, 1)}
    return sorted(lag for lag in found if 1 <= lag <= max(1, longest - 1))


def width(frequency: Frequency) -> int:
    """Count the columns that :func:`features` makes."""
    return int(features(frequency, np.zeros(1, "M8[s]")).shape[-1])


def features(frequency: Frequency, stamps: Stamps) -> NDArray[np.float32]:
    """Lay moments out on the circles of the calendar.

    Parameters
    ----------
    frequency : Frequency
    stamps : ndarray of datetime64[s], any shape

    Returns
    -------
    ndarray of shape (..., 2 × cycles), float32
    """
    day = stamps.astype("M8[D]")
    month = stamps.astype("M8[M]")
    year = stamps.astype("M8[Y]")
    of_year = (day - year.astype("M8[D]")).astype(np.int64)
    of_month = (day - month.astype("M8[D]")).astype(np.int64)
    of_week = (day.astype(np.int64) + 3) % 7  # 1 January 1970 was a Thursday
    seconds = (stamps - day.astype("M8[s]")).astype(np.int64)
    parts = {
        "min": ((seconds // 60 % 60, 60), (seconds / 3600, 24), (of_week, 7), (of_month, 31), (of_year, 366)),
        "H": ((seconds // 3600, 24), (of_week, 7), (of_month, 31), (of_year, 366)),
        "D": ((of_week, 7), (of_month, 31), (of_year, 366)),
        "W": ((of_month, 31), (of_year / 7, 52.18)),
        "M": (((month - year.astype("M8[M]")).astype(np.int64), 12),),
    }[frequency.unit]
    angles = np.stack([2 * np.pi * np.asarray(part) / length for part, length in parts], axis=-1)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=-1).astype(np.float32)
