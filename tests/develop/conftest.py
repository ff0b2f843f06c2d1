"""One real run, developed once and looked at by many tests."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import tarragon
from tarragon.develop import Development, Progress

FAST = ("linear", "lightgbm", "additive")


def shop(n: int = 600, seed: int = 0) -> pl.DataFrame:
    """Customers who leave when they pay much and stay short; one column names the row, one is empty now and then."""
    rng = np.random.default_rng(seed)
    price = rng.gamma(4.0, 10.0, n)
    months = rng.integers(1, 72, n)
    plan = rng.choice(["basic", "plus", "pro"], n)
    age = np.where(rng.random(n) < 0.1, np.nan, rng.normal(45, 12, n))
    z = log_odds(pl.DataFrame({"price": price, "months": months, "plan": plan})).to_numpy()
    left = np.where(rng.random(n) < 1 / (1 + np.exp(-z)), "yes", "no")
    return pl.DataFrame(
        {
            "customer": [f"C{i:05d}" for i in rng.permutation(n)],
            "price": price.round(2),
            "months": months,
            "plan": plan,
            "age": age,
            "gender": rng.choice(["f", "m"], n),
            "left": left,
        }
    ).with_columns(pl.col("age").fill_nan(None))


def log_odds(frame: pl.DataFrame) -> pl.Series:
    """What `shop` draws leaving from: no model can rank customers better."""
    return frame.select(
        0.05 * (pl.col("price") - 40) - 0.05 * (pl.col("months") - 30) + 0.8 * (pl.col("plan") == "basic")
    ).to_series()


@dataclass(frozen=True)
class Kept:
    """A finished run and what was heard of it."""

    dev: Development
    home: Path
    heard: tuple[Progress, ...]
    frame: pl.DataFrame


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    home = tmp_path_factory.mktemp("home")
    frame = shop()
    path = home / "shop.csv"
    frame.write_csv(path)
    heard: list[Progress] = []
    dev = tarragon.develop(
        path,
        "left",
        time_limit=12,
        sensitive=["gender"],
        algorithms=FAST,
        home=home,
        out=home / "out",
        progress=heard.append,
    )
    return Kept(dev, home, tuple(heard), frame)
