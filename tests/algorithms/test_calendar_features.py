"""The calendar's circles, against Python's own calendar."""

from datetime import datetime

import numpy as np
import pytest

from tarragon.algorithms.calendar_features import features, lags, width
from tarragon.data import Frequency


def test_hours_are_pythons() -> None:
    stamps = np.array(["2024-02-29T23:00:00", "1969-07-20T20:00:00"], "M8[s]")
    found = features(Frequency.of("H"), stamps)
    for row, stamp in zip(found, stamps.astype(datetime), strict=True):
        parts = ((stamp.hour, 24), (stamp.weekday(), 7), (stamp.day - 1, 31), (stamp.timetuple().tm_yday - 1, 366))
        angles = np.array([2 * np.pi * part / length for part, length in parts])
        np.testing.assert_allclose(row, [*np.cos(angles), *np.sin(angles)], atol=1e-6)


@pytest.mark.parametrize(("text", "columns"), [("min", 10), ("2H", 8), ("D", 6), ("W", 4), ("3M", 2)])
def test_each_frequency_has_its_circles(text: str, columns: int) -> None:
    frequency = Frequency.of(text)
    assert width(frequency) == columns
    assert features(frequency, np.zeros((3, 4), "M8[s]")).shape == (3, 4, columns)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("H", (24, 48, 168)), ("D", (7, 14, 28, 364)), ("M", (12, 24)), ("W", (52,)), ("15min", (4, 96))],
)
def test_lags_look_at_the_calendars_returns(text: str, wanted: tuple[int, ...]) -> None:
    found = lags(Frequency.of(text), 10_000)
    assert found == sorted(set(found))
    assert {1, 2, *wanted} <= set(found)
    assert max(lags(Frequency.of(text), 20)) < 20
    assert lags(Frequency.of(text), 1) == [1]
