"""Column profiles: counts against numpy."""

import numpy as np
import polars as pl
import pytest

from tarragon.choose.column import bins, column_profile, target_counts
from tarragon.data import Column, Kind


def test_histogram_counts_every_value_once(rng):
    values = rng.normal(size=1_000)
    counts, labels = bins(values)
    np.testing.assert_array_equal(counts, np.histogram(values, bins=20)[0])
    assert len(labels) == 20


def test_levels_by_frequency():
    got = column_profile(pl.Series("c", ["b", "a", "b", None, "c"]), Column("c", Kind.CATEGORICAL), 0.5)
    assert got.labels == ("b", "a", "c")
    assert got.histogram == (2, 1, 1)
    assert got.strength == 0.5
    assert got.mean is None


def test_numbers_ignore_gaps():
    got = column_profile(pl.Series("n", [1.0, None, 3.0]), Column("n", Kind.NUMERIC), 0.0)
    assert (got.mean, got.minimum, got.maximum) == (2.0, 1.0, 3.0)
    assert got.std == pytest.approx(1.0)


def test_target_counts(table_of, rng):
    table = table_of({"x": rng.normal(size=30), "y": ["b"] * 10 + ["a"] * 20})
    assert target_counts(table, table.y) == {"a": 20, "b": 10}
    values = table_of({"x": rng.normal(size=300), "y": rng.normal(size=300)})
    assert sum(target_counts(values, values.y).values()) == 300
