"""Sheets: every kind becomes numbers, gaps stay gaps, the order of rows is kept."""

from datetime import datetime

import numpy as np
import polars as pl

from tarragon.choose.sheet import MAX_LEVELS, level_codes, sample_rows, sheet


def test_every_kind_becomes_numbers(table_of):
    table = table_of(
        {
            "n": [1.5, None, float("inf"), 4.0],
            "b": [True, False, None, True],
            "c": ["x", "y", "y", None],
            "d": [datetime(2024, 1, 1, 6), datetime(2024, 2, 1), None, datetime(2024, 1, 2)],
            "t": ["a red fox", "a red hen", "one red fox", "a blue fox"],
            "y": [0, 1, 0, 1],
        }
    )
    made = sheet(table, np.arange(4))
    column = {label: made.X[:, j] for j, label in enumerate(made.label)}
    np.testing.assert_array_equal(column["n"], [1.5, np.nan, np.nan, 4.0])
    np.testing.assert_array_equal(column["b"], [1.0, 0.0, np.nan, 1.0])
    np.testing.assert_array_equal(column["c"], [1.0, 0.0, 0.0, np.nan])  # "y" is commoner
    assert column["d"][3] - column["d"][0] == 0.75  # days
    assert column["d (hour)"][0] == 6.0
    np.testing.assert_array_equal(column['t (word "fox")'], [1.0, 0.0, 1.0, 1.0])
    assert made.nominal[made.label.index("c")]
    assert made.word[made.label.index('t (word "fox")')]


def test_rows_keep_the_order_they_were_asked_in(table_of):
    table = table_of({"x": np.arange(6.0), "y": [0, 1, 0, 1, 0, 1]})
    made = sheet(table, np.array([3, 1, 5, 0, 4, 2]))
    np.testing.assert_array_equal(made.X[:, 0], [3, 1, 5, 0, 4, 2])
    np.testing.assert_array_equal(made.y, [1, 1, 1, 0, 0, 0])


def test_rare_levels_share_one_code():
    codes = level_codes(pl.Series([f"v{i}" for i in range(400)] + ["v0"]))
    assert codes.max() == MAX_LEVELS - 1
    assert codes[0] == codes[-1] == 0.0


def test_difference_of_dates_is_a_column(table_of):
    start = [datetime(2024, 1, d) for d in (1, 2, 3)]
    end = [datetime(2024, 1, d) for d in (4, 4, 4)]
    made = sheet(table_of({"start": start, "end": end, "y": [0, 1, 0]}), np.arange(3))
    assert "end" not in made.label  # constant, left out with its difference


def test_sample_rows():
    np.testing.assert_array_equal(sample_rows(5, 10, 0), np.arange(5))
    some = sample_rows(1_000, 10, 3)
    assert len(np.unique(some)) == 10
    np.testing.assert_array_equal(some, np.sort(some))
    np.testing.assert_array_equal(some, sample_rows(1_000, 10, 3))
