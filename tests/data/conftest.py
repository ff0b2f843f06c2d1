"""Tables that several tests of this room use, generated."""

import numpy as np
import polars as pl
import pytest


def mixed_frame(n: int = 240, seed: int = 0) -> pl.DataFrame:
    """A small table with every kind of column, gaps included."""
    rng = np.random.default_rng(seed)
    words = np.array(["red", "green", "warm", "cold", "sharp", "soft", "loud", "quiet", "heavy", "light"])
    start = np.datetime64("2023-01-01T00:00:00", "us")
    came = start + rng.integers(0, 300 * 86_400, n).astype("timedelta64[s]")
    gone = came + rng.integers(60, 7_200, n).astype("timedelta64[s]")
    age = np.where(rng.random(n) < 0.1, np.nan, rng.normal(40, 12, n).round(1))
    texts = [" ".join(rng.choice(words, 5)) + f" {i}" for i in range(n)]
    frame = pl.DataFrame(
        {
            "row_id": np.arange(n),
            "age": age,
            "income": rng.lognormal(8, 1.5, n),
            "rooms": rng.integers(1, 6, n),
            "job": [
                None if rng.random() < 0.05 else str(rng.choice(["cook", "clerk", "smith"], p=[0.6, 0.3, 0.1]))
                for _ in range(n)
            ],
            "zone": [f"{rng.choice(['north', 'south'])} {rng.integers(0, 60)}" for _ in range(n)],
            "member": rng.choice(["yes", "no"], n),
            "flag": rng.random(n) < 0.5,
            "came": came,
            "gone": gone,
            "remark": texts,
            "same": ["x"] * n,
            "bought": np.where(rng.random(n) < 0.4, "yes", "no"),
        }
    )
    return frame.with_columns(pl.col("age").fill_nan(None))


@pytest.fixture(scope="session")
def mixed() -> pl.DataFrame:
    return mixed_frame()
