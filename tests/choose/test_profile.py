"""The whole profile: one fault, one finding; the same seed, the same answer; wide tables; a spent budget."""

from datetime import datetime, timedelta

import numpy as np

from tarragon.choose import profile


def clean(rng, n=400):
    X = rng.normal(size=(n, 4))
    return {f"x{j}": X[:, j] for j in range(4)} | {"y": (X[:, 0] + rng.normal(size=n) > 0).astype(int)}


def test_clean_table(table_of, rng):
    got = profile(table_of(clean(rng)))
    assert got.findings == ()
    assert [c.name for c in got.columns] == ["x0", "x1", "x2", "x3"]
    assert max(got.columns, key=lambda c: c.strength).name == "x0"
    assert sum(got.target_counts.values()) == 400


def test_same_seed_same_profile(table_of, rng):
    columns = clean(rng) | {"ref": np.arange(400)}
    assert profile(table_of(columns), seed=5) == profile(table_of(columns), seed=5)


def test_strongest_first(table_of, rng):
    columns = clean(rng)
    columns = {"ref": rng.permutation(400), "flag": np.where(columns["y"] == 1, "p", "q"), **columns}
    got = profile(table_of(columns))
    assert [(f.fault, f.severity) for f in got.findings] == [("proxy", "critical"), ("id_column", "warning")]


def test_a_date_the_target_drifts_along_is_one_fault(table_of, rng):
    n = 900
    when = np.arange(n)
    y = 6.0 * when / n + rng.normal(size=n) * 0.2
    stamps = [datetime(2022, 1, 1) + timedelta(days=int(d)) for d in when]
    got = profile(table_of({"x": rng.normal(size=n), "at": stamps, "y": y}))
    assert [f.fault for f in got.findings if f.columns == ("at",) and f.fault in ("leak", "proxy", "time_leak")] == [
        "time_leak"
    ]


def test_wide_table(table_of, rng):
    X = rng.normal(size=(120, 1_500))
    got = profile(table_of({**{f"x{j}": X[:, j] for j in range(1_500)}, "y": (X[:, 7] > 0).astype(int)}))
    assert {f.fault for f in got.findings} >= {"wide"}
    assert max(got.columns, key=lambda c: c.strength).name == "x7"


def test_spent_budget_leaves_out_the_time_check(table_of, rng):
    ticks = iter(range(0, 10_000, 100))
    n = 600
    stamps = [datetime(2022, 1, 1) + timedelta(days=int(d)) for d in range(n)]
    table = table_of({"x": rng.normal(size=n), "at": stamps, "y": np.cumsum(rng.normal(size=n))})
    hurried = profile(table, budget_s=1.0, clock=lambda: float(next(ticks)))
    assert not any(f.fault == "time_leak" for f in hurried.findings)
    assert any(f.fault == "time_leak" for f in profile(table).findings)
