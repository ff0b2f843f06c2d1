"""The plan: a cheap opening, nothing that cannot end in time, nothing that was not asked for."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tarragon.choose.plan import libraries, n_folds, n_repeats, plan
from tarragon.choose.protocol import PlanRequest
from tarragon.data import Table, read_table, split
from tarragon.errors import NotFoundError, ParameterError


def table(n: int = 400, classes: int = 2, columns: int = 4) -> Table:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{i}": rng.normal(size=n) for i in range(columns)})
    return read_table(frame.with_columns(pl.Series("y", [f"c{i % classes}" for i in range(n)])), "y")


@pytest.fixture(scope="module")
def small() -> Table:
    return table()


def planned(given: Table, **how: object):
    request = replace(PlanRequest(), **how)  # type: ignore[arg-type]
    return plan(given, split(given, n_folds=5, seed=0), request)


def test_the_cheapest_come_first(small: Table) -> None:
    candidates = planned(small).candidates
    assert candidates[0].cost <= min(c.cost for c in candidates) + 1e-9
    assert len({c.algorithm for c in candidates}) >= 6


def test_shares_of_time_add_up(small: Table) -> None:
    made = planned(small, budget_s=60.0, left_s=55.0)
    assert made.search_s + made.closing_s == pytest.approx(55.0)
    slow = planned(small, budget_s=60.0, left_s=55.0, slowness=3.0)
    assert slow.closing_s > made.closing_s


def test_what_cannot_end_in_time_is_left_out() -> None:
    large = table(n=6_000, classes=12, columns=12)
    assert len(planned(large, budget_s=5.0, left_s=4.0).candidates) < len(planned(large).candidates)


def test_only_what_was_asked_for(small: Table) -> None:
    assert {c.algorithm for c in planned(small, algorithms=("knn", "xgboost")).candidates} == {"knn", "xgboost"}
    with pytest.raises(NotFoundError, match="xgboost"):
        planned(small, algorithms=("xgbost",))


def test_a_glass_box_means_only_readable_ones(small: Table) -> None:
    assert {c.algorithm for c in planned(small, glass_box=True).candidates} == {"linear", "additive"}
    with pytest.raises(ParameterError):
        planned(small, glass_box=True, algorithms=("knn",))


def test_no_signal_no_search(small: Table) -> None:
    hopeless = planned(small, hopeless=True)
    assert hopeless.spaces == {}
    assert hopeless.search_s < 0.5 * planned(small).search_s


def test_folds_follow_rarity_and_cost() -> None:
    assert n_folds(table(), 60.0) == 5
    assert n_folds(table(n=30_000, classes=26, columns=20), 20.0) == 3
    rare = pl.DataFrame({"x": np.sin(np.arange(60)), "y": ["a"] * 57 + ["b"] * 3})
    assert n_folds(read_table(rare, "y"), 60.0) == 3
    assert n_repeats(table()) == 2
    assert n_repeats(table(n=2_000)) == 1


def test_libraries_to_load_are_named_once(small: Table) -> None:
    assert libraries(planned(small, algorithms=("tabular-net", "catboost", "knn"))) == ("catboost", "torch")
