"""Identifiers in every dress, and measurements that only look like them."""

import numpy as np
import pytest

from tarragon.choose.identity import identifiers


def found(table, share=None):
    return identifiers(table, share or {}, 0, table.y)


@pytest.mark.parametrize(
    "make",
    [
        lambda r, n: r.permutation(n) + 7,
        lambda r, n: (r.permutation(n) + 7).astype(float),
        lambda r, n: r.permutation(n) / n,
        lambda r, n: [f"C-{v:05d}" for v in r.permutation(n)],
        lambda r, n: [f"{v:032x}" for v in r.integers(0, 2**62, n)],
        lambda r, n: [f"user{v}@mail.org" for v in r.permutation(n)],
    ],
)
def test_names_of_rows_are_found(table_of, rng, make):
    n = 400
    table = table_of({"ref": make(rng, n), "x": rng.normal(size=n), "y": rng.integers(0, 2, n)})
    (finding,) = found(table)
    assert (finding.fault, finding.columns, finding.action) == ("id_column", ("ref",), "dropped")


@pytest.mark.parametrize(
    "make",
    [
        lambda r, n: r.normal(size=n),
        lambda r, n: np.round(r.normal(size=n), 3),
        lambda r, n: r.integers(20_000, 200_000, n),
        lambda r, n: r.integers(0, 50, n),
        lambda r, n: [f"name {a} {b}" for a, b in r.integers(0, 10_000, (n, 2))],
        lambda r, n: np.array(["red", "green", "blue"])[r.integers(0, 3, n)],
    ],
)
def test_measurements_are_not(table_of, rng, make):
    n = 400
    assert found(table_of({"v": make(rng, n), "y": rng.integers(0, 2, n)})) == ()


def test_a_large_number_needs_a_name_that_says_so(table_of, rng):
    values = np.sort(rng.choice(10**7, 300, replace=False)) ** 2.0 // 1
    y = rng.integers(0, 2, 300)
    assert found(table_of({"customerNumber": values, "y": y}))[0].columns == ("customerNumber",)
    assert found(table_of({"income": values, "y": y})) == ()


def test_numbered_after_sorting_is_critical(table_of):
    y = np.repeat([0, 1], 100)
    (finding,) = found(table_of({"row": np.arange(200), "y": y}), {"row": 0.9})
    assert finding.severity == "critical"


def test_a_rank_of_the_target_is_a_proxy_not_a_name(table_of, rng):
    y = rng.normal(size=300)
    (finding,) = found(table_of({"r": np.argsort(np.argsort(y)), "y": y}))
    assert finding.fault == "proxy"
