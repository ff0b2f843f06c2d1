"""How far apart the observations of a series lie: a whole number of months, weeks, days, hours or minutes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.errors import ParameterError

FORM = r"\d{0,6}(M|W|D|H|h|min)"
SECONDS: Mapping[str, int] = {"W": 604_800, "D": 86_400, "H": 3_600, "min": 60}
Stamps = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Frequency:
    """A step of ``count`` units.

    Parameters
    ----------
    count : int
        1 or more.
    unit : {"M", "W", "D", "H", "min"}
    """

    count: int
    unit: str

    @classmethod
    def of(cls, text: str) -> "Frequency":
        """Read a frequency as SageMaker writes it: a number, 1 when left out, and a unit.

        Raises
        ------
        ParameterError

        Examples
        --------
        >>> Frequency.of("15min")
        Frequency(count=15, unit='min')
        >>> Frequency.of("M")
        Frequency(count=1, unit='M')
        """
        found = re.fullmatch(FORM, text)
        count = int(text[: -len(found[1])] or 1) if found else 0
        if found is None or count < 1:
            raise ParameterError(
                f"The frequency {text[:40]!r} cannot be read",
                why="It is not a whole number and one of M, W, D, H, min",
                fix='Write "D", "2H", "15min"',
            )
        return cls(count, "H" if found[1] == "h" else found[1])

    def stamps(self, start: Stamps, position: NDArray[Any]) -> Stamps:
        """Return when observations were made.

        Parameters
        ----------
        start : ndarray of datetime64[s], shape (n,) or ()
            Of each series' first observation.
        position : ndarray of int, shape (n, t) or (t,)
            Steps from there; negative ones lie before it.

        Returns
        -------
        ndarray of datetime64[s], of the positions' shape
            Months begin on their first day.
        """
        steps = np.asarray(position, np.int64) * self.count
        first = np.asarray(start)
        first = first[:, None] if first.ndim else first
        if self.unit == "M":
            months: Stamps = (first.astype("M8[M]") + steps).astype("M8[s]")
            return months
        seconds: Stamps = first.astype("M8[s]") + (steps * SECONDS[self.unit]).astype("m8[s]")
        return seconds
