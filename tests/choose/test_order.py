"""Time: drift is found along a clock, and dates without drift are left in peace."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from tarragon.choose.order import clocks, link, time_leaks


def days(values):
    return [datetime(2022, 1, 1) + timedelta(days=float(v)) for v in values]


def walk(rng, n):
    steps = np.cumsum(rng.normal(size=n))
    return (steps - steps.mean()) / steps.std()


def test_link_is_the_autocorrelation(rng):
    n, rho = 40_000, 0.8
    e = np.zeros(n)
    for i in range(1, n):
        e[i] = rho * e[i - 1] + rng.normal()
    assert link(e[:, None]) == pytest.approx(np.mean([rho, rho**2, rho**3]), abs=0.02)
    assert abs(link(rng.normal(size=(n, 1)))) < 0.02


@pytest.mark.parametrize("shuffled", [False, True])
def test_drifting_target_is_found(table_of, rng, shuffled):
    n = 900
    x = rng.normal(size=n)
    y = x + 1.5 * walk(rng, n) + 0.3 * rng.normal(size=n)
    rows = rng.permutation(n) if shuffled else np.arange(n)
    table = table_of({"x": x[rows], "seen": np.array(days(np.arange(n)))[rows].tolist(), "y": y[rows]})
    (finding,) = time_leaks(table, 0, table.y)
    assert finding.columns == ("seen",)
    assert finding.action == "time_split"
    assert finding.evidence["random"] > finding.evidence["forward"]


def test_drifting_classes_are_found(table_of, rng):
    n = 1_500
    x = rng.normal(size=n)
    y = (x + 2.0 * walk(rng, n) + 0.5 * rng.normal(size=n) > 0).astype(int)
    table = table_of({"x": x, "seen": days(np.arange(n)), "y": y})
    assert len(time_leaks(table, 0, table.y)) == 1


def test_dates_without_drift_are_quiet(table_of, rng):
    n = 1_200
    x, when = rng.normal(size=n), rng.uniform(0, 700, n)
    season = np.sin(2 * np.pi * when / 365.25)
    table = table_of({"x": x, "seen": days(when), "y": 2 * x + 0.3 * season + rng.normal(size=n)})
    assert time_leaks(table, 0, table.y) == ()


def test_an_honest_trend_in_a_feature_is_quiet(table_of, rng):
    n = 1_500
    months = rng.integers(0, 72, n)
    y = (rng.random(n) < 1 / (1 + np.exp(0.06 * (months - 30)))).astype(int)
    table = table_of({"months": months, "since": days(-30.0 * months + rng.uniform(0, 30, n)), "y": y})
    assert time_leaks(table, 0, table.y) == ()


def test_which_columns_may_be_clocks(table_of, rng):
    n = 200
    table = table_of(
        {
            "day": rng.integers(1, 32, n), "t": np.arange(n), "step": rng.permutation(n), "weight": np.arange(n),
            "at": days(np.arange(n)), "y": rng.normal(size=n),
        }
    )  # fmt: skip
    assert {c.name for c, _ in clocks(table)} == {"t", "step", "at"}
