"""Sizes, counts, gaps and drift."""

import numpy as np

from tarragon.choose.shape import drift, shape_findings


def faults(table):
    return {f.fault: f for f in shape_findings(table, table.y)}


def test_ordinary_table_is_quiet(table_of, rng):
    assert faults(table_of({"x": rng.normal(size=500), "y": rng.integers(0, 2, 500)})) == {}


def test_few_rows_and_wide(table_of, rng):
    got = faults(table_of({**{f"x{j}": rng.normal(size=50) for j in range(60)}, "y": rng.normal(size=50)}))
    assert got["few_rows"].severity == "warning"
    assert got["wide"].evidence == {"features": 60.0, "rows": 50.0}


def test_rare_class_is_named_with_its_count(table_of, rng):
    y = np.r_[np.zeros(990, int), np.ones(10, int)]
    got = faults(table_of({"x": rng.normal(size=1_000), "y": y}))["imbalance"]
    assert got.severity == "warning"
    assert got.evidence["rows"] == 10


def test_gaps_and_constants(table_of, rng):
    mostly = [None] * 300 + list(rng.normal(size=100))
    got = faults(table_of({"x": rng.normal(size=400), "gap": mostly, "one": [3] * 400, "y": rng.normal(size=400)}))
    assert got["missing"].columns == ("gap",)
    assert got["missing"].evidence["worst"] == 0.75
    assert got["constant"].columns == ("one",)


def test_drift_measures_the_shift(table_of, rng):
    y = np.linspace(0, 4, 1_000) + rng.normal(size=1_000)
    table = table_of({"t": np.arange(1_000), "y": y})
    (finding,) = drift(table, np.arange(1_000.0), "t", table.y)
    assert finding.evidence["shift"] == abs(y[-200:].mean() - y[:200].mean()) / y.std()
    still = table_of({"t": np.arange(1_000), "y": rng.normal(size=1_000)})
    assert drift(still, np.arange(1_000.0), "t", still.y) == ()
