import numpy as np
import polars as pl
import pytest

from tarragon.data.kinds import kind_of
from tarragon.data.table import Kind

N = 200
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("x", RNG.normal(size=N), Kind.NUMERIC),
        ("x", np.arange(N) + 0.5, Kind.NUMERIC),
        ("rooms", RNG.integers(0, 4, N), Kind.NUMERIC),
        ("row", np.arange(N), Kind.ID),
        ("index", np.arange(1, N + 1), Kind.ID),
        ("any", RNG.permutation(np.arange(1, N + 1)), Kind.ID),
        ("customer_id", RNG.choice(10**6, N, replace=False), Kind.ID),
        ("salary", RNG.choice(10**6, N, replace=False), Kind.NUMERIC),
        ("year", np.arange(1800, 1800 + N), Kind.NUMERIC),
        ("user_id", RNG.integers(0, 30, N), Kind.CATEGORICAL),
        ("code", [f"{i:04d}-X{i * 7}" for i in range(N)], Kind.ID),
        ("city", RNG.choice(["Rome", "Oslo", "Lima"], N), Kind.CATEGORICAL),
        ("ticket", [f"T{i}" for i in RNG.integers(0, 150, N)], Kind.CATEGORICAL),
        ("answer", RNG.choice(["Yes", "No"], N), Kind.BOOLEAN),
        ("sex", RNG.choice(["male", "female"], N), Kind.CATEGORICAL),
        ("note", [f"the parcel number {i} came too late" for i in range(N)], Kind.TEXT),
        ("plan", RNG.choice(["the big plan with all of it", "the small one without"], N), Kind.CATEGORICAL),
        ("same", ["x"] * N, Kind.CONSTANT),
        ("gone", pl.Series([None] * N, dtype=pl.String), Kind.CONSTANT),
        ("marked", ["x", None] * (N // 2), Kind.CATEGORICAL),
        ("flag", RNG.random(N) < 0.5, Kind.BOOLEAN),
        ("when", np.datetime64("2020-01-01") + RNG.integers(0, 500, N).astype("timedelta64[D]"), Kind.DATETIME),
    ],
)
def test_kinds(name, cells, kind):
    series = pl.Series(name, cells)
    if series.dtype == pl.Date:
        series = series.cast(pl.Datetime("us"))
    assert kind_of(series, series.drop_nulls().n_unique())[0] is kind


def test_few_rows_prove_no_id():
    assert kind_of(pl.Series("n", [1, 2, 3, 4]), 4)[0] is Kind.NUMERIC


def test_id_says_why():
    assert "row number" in kind_of(pl.Series("n", np.arange(50)), 50)[1]
