"""Windows of time series as a recurrent forecaster reads them: lags, calendar, categories, features, scale.

All series lie in one array, each after so many zeros that no lag points before it, and before as many as will be
forecast; a window is then a matter of index arithmetic. A gap is filled with the last value seen, is marked as
unseen where it is an input, and does not count where it is a target.

Notation: n series, b windows of T = context + horizon steps, ν scale of a window.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import calendar_features
from tarragon.data import Frequency, SeriesSet

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
ALSO = 3  # columns beside lags, calendar and features: whether the last value was seen, age, logarithm of the scale


@dataclass(frozen=True, slots=True)
class Shape:
    """What a window is made of.

    Parameters
    ----------
    frequency : Frequency
    context, horizon : int
    lags : tuple of int
    n_dynamic : int
    n_cat : int
        Categories looked at: 0 ignores those that come along.
    base : float
        Added to every scale, so that none is 0.
    typical : float
        Mean absolute value: the scale of a series of which nothing was seen.
    centre, spread : tuple of float
        Of each dynamic feature.
    """

    frequency: Frequency
    context: int
    horizon: int
    lags: tuple[int, ...]
    n_dynamic: int
    n_cat: int
    base: float
    typical: float
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Columns of a step's input, without categories."""
        return len(self.lags) + ALSO + calendar_features.width(self.frequency) + self.n_dynamic


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows ready to be read: x (T, b, width), target and weight (T, b), scale (b,), cat (b, n_cat)."""

    x: Floats
    target: Floats
    weight: Floats
    scale: Floats
    cat: Ints


class Shelf:
    """Series laid out for cutting windows from.

    Parameters
    ----------
    series : SeriesSet
        Checked: categories in range, features as long as they must be.
    shape : Shape
    """

    def __init__(self, series: SeriesSet, shape: Shape) -> None:
        self.shape = shape
        before, after = shape.context + max(shape.lags), shape.horizon
        self.length = np.array([len(s) for s in series], np.int64)
        self.first = before + np.concatenate([[0], np.cumsum(self.length + before + after)[:-1]]).astype(np.int64)
        size = int((self.length + before + after).sum())
        self.values, self.seen = np.zeros(size, np.float32), np.zeros(size, np.float32)
        self.dynamic = np.zeros((shape.n_dynamic, size), np.float32)
        self.start = np.array([s.start for s in series], "M8[s]")
        self.cat = np.array([s.cat[: shape.n_cat] for s in series], np.int64).reshape(len(series), shape.n_cat)
        self.size = np.full(len(series), shape.typical)
        centre, spread = np.array(shape.centre)[:, None], np.array(shape.spread)[:, None]
        for n, (one, at) in enumerate(zip(series, self.first.tolist(), strict=True)):
            there = ~np.isnan(one.target)
            if there.any():
                self.size[n] = np.abs(one.target[there]).mean()
            self.values[at : at + len(one)] = filled(one.target, there)
            self.seen[at : at + len(one)] = there
            if shape.n_dynamic and one.dynamic is not None:
                known = min(one.dynamic.shape[1], len(one) + after)
                self.dynamic[:, at : at + known] = (one.dynamic[:, :known] - centre) / spread

    def __len__(self) -> int:
        return len(self.length)

    def cut(self, which: Ints, position: Ints) -> Windows:
        """Cut windows.

        Parameters
        ----------
        which : ndarray of shape (b,)
            The series.
        position : ndarray of shape (b,)
            Where the forecast begins: 0 forecasts from nothing, the series' length forecasts its future.
        """
        shape = self.shape
        steps = np.arange(-shape.context, shape.horizon)[:, None]
        place = position[None, :] + steps  # (T, b), in steps of the series
        at = self.first[which][None, :] + place
        past = at[: shape.context]
        seen = self.seen[past]
        total = np.abs(self.values[past] * seen).sum(axis=0)
        count = seen.sum(axis=0)
        mean = np.where(count > 0, total / np.maximum(count, 1), shape.typical)
        scale = (shape.base + mean).astype(np.float32)
        back = at[:, :, None] - np.array(shape.lags)
        columns = [
            self.values[back] / scale[None, :, None],
            self.seen[at - 1][:, :, None],
            (np.log1p(np.maximum(place, 0)) / 5 - 1).astype(np.float32)[:, :, None],
            np.broadcast_to(np.log(scale / (shape.base + shape.typical))[None, :, None], (*at.shape, 1)),
            self._calendar(which, place),
            *((self.dynamic[:, at].transpose(1, 2, 0),) if shape.n_dynamic else ()),
        ]
        x = np.concatenate(columns, axis=2, dtype=np.float32)
        return Windows(x, self.values[at], self.seen[at], scale, self.cat[which])

    def _calendar(self, which: Ints, place: Ints) -> Floats:
        stamps = self.shape.frequency.stamps(self.start[which], place.T)
        return calendar_features.features(self.shape.frequency, stamps).transpose(1, 0, 2)


def filled(target: NDArray[np.float64], there: NDArray[Any]) -> NDArray[np.float64]:
    """Put the last value seen into gaps, 0 where there is none before.

    Examples
    --------
    >>> t = np.array([np.nan, 1.0, np.nan, 3.0])
    >>> filled(t, ~np.isnan(t)).tolist()
    [0.0, 1.0, 1.0, 3.0]
    """
    last = np.maximum.accumulate(np.where(there, np.arange(len(target)), -1)) if len(target) else np.zeros(0, int)
    return np.where(last >= 0, target[np.maximum(last, 0)], 0.0) if len(target) else target
