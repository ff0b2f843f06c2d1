import numpy as np
import polars as pl

from tarragon.analyze.screening import strongest


def _frame(n=1_000):
    rng = np.random.default_rng(0)
    x, u = rng.normal(size=n), rng.normal(size=n)
    level = rng.integers(0, 3, n)
    frame = pl.DataFrame(
        {
            "noise": rng.normal(size=n), "line": x, "bend": u, "level": [f"l{i}" for i in level],
            "name": [f"row {i}" for i in range(n)], "same": np.ones(n), "hole": [None] * n,
        },
        schema_overrides={"hole": pl.Float64},
    )  # fmt: skip
    return frame, 3 * x + u**2 + 2 * (level == 1) + 0.1 * rng.normal(size=n)


def test_straight_bent_and_level_wise_associations_lead_noise_and_names():
    frame, target = _frame()
    order = strongest(frame, frame.columns, target)
    assert order[0] == "line"
    assert set(order[:3]) == {"line", "bend", "level"}
    assert sorted(order) == sorted(frame.columns)


def test_any_class_may_be_followed():
    frame, _ = _frame()
    told = np.eye(3)[(frame["level"] == "l1").to_numpy().astype(int)]
    assert strongest(frame, frame.columns, told)[0] == "level"


def test_thousands_of_columns_are_ordered_from_fewer_rows():
    rng = np.random.default_rng(1)
    wide = rng.normal(size=(2_000, 3_000))
    frame = pl.DataFrame({f"x{i}": wide[:, i] for i in range(3_000)})
    assert strongest(frame, frame.columns, wide[:, 1_234] + 0.5 * rng.normal(size=2_000))[0] == "x1234"
