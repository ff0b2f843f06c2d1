"""Leaks: what one column does alone against what the rest can do; strong columns are left in peace."""

from datetime import datetime, timedelta

import numpy as np
from sklearn.datasets import load_iris

from tarragon.choose.leak import leaks
from tarragon.choose.sheet import sheet
from tarragon.choose.univariate import strengths


def look(table):
    made = sheet(table, np.arange(table.n_rows))
    return {f.columns[0]: f for f in leaks(made, strengths(made, 0), 0)}


def base(rng, n=500):
    X = rng.normal(size=(n, 4))
    y = (X @ [1.0, -0.7, 0.5, 0.0] + rng.normal(size=n) > 0).astype(int)
    return X, y, {f"x{j}": X[:, j] for j in range(4)}


def test_clean_table_is_quiet(table_of, rng):
    _, y, columns = base(rng)
    assert look(table_of({**columns, "y": y})) == {}


def test_many_codes_per_outcome_are_a_leak(table_of, rng):
    _, y, columns = base(rng)
    desk = np.array([f"d{i}" for i in range(20)])[y * 10 + rng.integers(0, 10, len(y))]
    finding = look(table_of({**columns, "desk": desk, "y": y}))["desk"]
    assert (finding.fault, finding.severity, finding.action) == ("leak", "critical", "dropped")
    assert finding.evidence["alone"] > 0.9 > finding.evidence["rest"]


def test_recoded_target_is_a_proxy(table_of, rng):
    _, y, columns = base(rng)
    assert look(table_of({**columns, "flag": np.where(y == 1, "B", "A"), "y": y}))["flag"].fault == "proxy"


def test_filled_in_afterwards(table_of, rng):
    _, y, columns = base(rng)
    filled = [
        datetime(2024, 1, 1) + timedelta(days=int(d)) if v else None
        for v, d in zip(y, rng.integers(0, 99, 500), strict=True)
    ]
    finding = look(table_of({**columns, "closed": filled, "y": y}))["closed"]
    assert finding.fault == "leak"
    assert "filled in" in finding.what


def test_half_filled_afterwards_needs_no_perfect_column(table_of, rng):
    _, y, columns = base(rng)
    note = [round(r, 2) if v and r < 0.6 else None for v, r in zip(y, rng.random(500), strict=True)]
    finding = look(table_of({**columns, "fee": note, "y": y}))["fee"]
    assert finding.evidence["purity"] == 1.0
    assert 0.4 < finding.evidence["cover"] < 0.8


def test_word_that_gives_it_away(table_of, rng):
    _, y, columns = base(rng)
    text = [f"call number {i % 13} went {'fine closed' if v else 'on still'} today" for i, v in enumerate(y)]
    assert look(table_of({**columns, "log": text, "y": y}))["log"].fault in ("leak", "proxy")


def test_honest_strong_column_stays(table_of, rng):
    n = 800
    smoker = rng.random(n) < 0.2
    age = rng.uniform(18, 60, n)
    y = 200.0 * age + 20_000 * smoker + rng.gamma(1.0, 3_000, n)
    assert look(table_of({"age": age, "smoker": smoker, "y": y})) == {}


def test_iris_is_an_easy_problem_not_a_leak(table_of):
    data = load_iris()
    columns = {name: data.data[:, j] for j, name in enumerate(["sl", "sw", "pl", "pw"])}
    assert look(table_of({**columns, "y": data.target})) == {}


def test_name_speaks_of_the_end(table_of, rng):
    n = 2_000
    length, other = rng.gamma(2.0, 1.0, n), rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-(1.4 * (length - 3) + 0.3 * other)))).astype(int)
    named = look(table_of({"call_duration": length, "other": other, "y": y}))
    plain = look(table_of({"height": length, "other": other, "y": y}))
    assert named["call_duration"].severity == "warning"
    assert named["call_duration"].action == "none"
    assert plain == {}
