import datetime as dt

import numpy as np
import polars as pl
import pytest

from tarragon.data import inputs
from tarragon.data.categories import Levels
from tarragon.data.inputs import SMALL, Columns
from tarragon.errors import DataError

N = 40
LAYOUT = Columns(numbers=("i", "f"), flags=("b",), pairs=("p",), moments=("t",), words=("w",), answers=(("no", "yes"),))


def frame():
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "i": rng.integers(0, 9, N),
            "f": [None, float("inf"), float("nan"), *rng.normal(size=N - 3)],
            "b": [None, *(rng.random(N - 1) < 0.5).tolist()],
            "p": ["yes", "no", "maybe", None] * (N // 4),
            "t": [None, *(dt.datetime(2020, 1, 1) + dt.timedelta(hours=i) for i in range(N - 1))],
            "w": ["x", "y", "z", None] * (N // 4),
        }
    )


def test_large_frames_are_read_as_numbers_with_nan_for_missing():
    made = inputs.plain(frame(), LAYOUT)
    assert made.shape == (N, 4)
    assert np.isnan(made[:3, 1]).all()
    assert np.isnan(made[0, 2])
    np.testing.assert_array_equal(made[:4, 3], [1, 0, np.nan, np.nan])


@pytest.mark.parametrize("rows", [1, 3, SMALL])
def test_small_frames_are_read_as_large_ones(rows):
    whole, some = frame(), frame()[:rows]
    levels = [Levels.fit(whole["w"][:30].replace("z", None))]
    np.testing.assert_array_equal(inputs.plain(some, LAYOUT), inputs.plain(whole, LAYOUT)[:rows])
    np.testing.assert_array_equal(inputs.codes(some, ["w"], levels), inputs.codes(whole, ["w"], levels)[:rows])
    np.testing.assert_array_equal(inputs.seconds(some, ["t"]), inputs.seconds(whole, ["t"])[:rows])


def test_seconds_count_from_1970():
    made = inputs.seconds(pl.DataFrame({"t": [dt.datetime(1970, 1, 2, 0, 0, 1, 500_000)]}), ["t"])
    np.testing.assert_allclose(made, [[86_401.5]])


def test_columns_that_are_not_there_are_named():
    with pytest.raises(DataError, match='"w"'):
        inputs.check_columns(frame().drop("w"), LAYOUT.all)
