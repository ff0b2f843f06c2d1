"""Frequencies as SageMaker writes them, and the moments they step through."""

import numpy as np
import pytest

from tarragon.data import Frequency
from tarragon.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "count", "unit"), [("M", 1, "M"), ("3M", 3, "M"), ("2W", 2, "W"), ("1D", 1, "D"), ("h", 1, "H"),
     ("15min", 15, "min")],
)  # fmt: skip
def test_they_are_read(text: str, count: int, unit: str) -> None:
    assert Frequency.of(text) == Frequency(count, unit)


@pytest.mark.parametrize("text", ["", "Q", "0D", "-1H", "1.5H", "min15", "D1", "1 D", "D\n"])
def test_others_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="frequency"):
        Frequency.of(text)


def test_months_and_seconds_are_stepped() -> None:
    start = np.array(["2024-01-31T10:00:00", "2023-11-01T00:00:00"], "M8[s]")
    position = np.array([[-1, 0, 2]] * 2)
    months = Frequency.of("3M").stamps(start, position).astype("M8[D]")
    assert months.astype(str).tolist() == [
        ["2023-10-01", "2024-01-01", "2024-07-01"], ["2023-08-01", "2023-11-01", "2024-05-01"]
    ]  # fmt: skip
    quarters = Frequency.of("15min").stamps(start[0], np.array([0, 4]))
    assert quarters.astype(str).tolist() == ["2024-01-31T10:00:00", "2024-01-31T11:00:00"]
