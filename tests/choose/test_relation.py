"""Targets that are arithmetic of other columns."""

import numpy as np

from tarragon.choose.relation import relations
from tarragon.choose.sheet import sheet


def look(table):
    return relations(sheet(table, np.arange(table.n_rows)))


def test_sum_of_three(table_of, rng):
    a, b, c, d = rng.gamma(2.0, 5.0, (4, 300))
    (finding,) = look(table_of({"a": a, "b": b, "c": c, "d": d, "y": a + b - c}))
    assert set(finding.columns) == {"a", "b", "c"}
    assert finding.action == "dropped"


def test_product(table_of, rng):
    price, count, other = rng.gamma(2.0, 5.0, (3, 300)) + 0.1
    (finding,) = look(table_of({"price": price, "count": count, "other": other, "y": price * count}))
    assert set(finding.columns) == {"price", "count"}
    assert "product" in finding.what


def test_amounts_with_charges_of_their_own(table_of, rng):
    fare, tip, toll = (
        np.round(rng.gamma(2.0, 6.0, 800), 2),
        np.round(rng.gamma(1.0, 2.0, 800), 2),
        rng.choice([0.0, 5.76], 800),
    )
    extra = rng.choice([0.8, 1.3, 1.8], 800)
    total = np.round(fare + tip + toll + extra, 2)
    (finding,) = look(
        table_of({"total": total, "tip": tip, "toll": toll, "far": fare + rng.normal(size=800) * 8, "y": fare})
    )
    assert {"total", "tip", "toll"} <= set(finding.columns)


def test_honest_linear_target_is_quiet(table_of, rng):
    X = rng.normal(size=(400, 6))
    assert (
        look(
            table_of({**{f"x{j}": X[:, j] for j in range(6)}, "y": X @ rng.normal(size=6) + 0.1 * rng.normal(size=400)})
        )
        == ()
    )
