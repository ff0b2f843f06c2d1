"""Two real algorithms fitted on the folds of one small table: what everything in this room works on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tarragon.algorithms.protocol import Value
from tarragon.choose.protocol import Candidate
from tarragon.data import Encoder, Split, Table, read_table, split
from tarragon.metrics import metric
from tarragon.refine import Selection, selection
from tarragon.train import ensure_view, write_folds
from tarragon.train.unit import work
from tarragon.tune import Trial
from tarragon.tune.attempt import Attempt, to_trial

CANDIDATES: tuple[tuple[str, dict[str, Value], str], ...] = (
    ("linear", {}, "onehot"),
    ("lightgbm", {"num_boost_round": 60, "num_leaves": 15}, "codes"),
)


@dataclass(frozen=True)
class Ground:
    """A table, its folds, and the trials whose models lie below ``folder``."""

    folder: Path
    table: Table
    encoder: Encoder
    split: Split
    trials: tuple[Trial, ...]
    choice: Selection


def guests(n: int = 240, seed: int = 0) -> pl.DataFrame:
    """Who comes back: by price, by room, and by the two together."""
    rng = np.random.default_rng(seed)
    price, room = rng.normal(100, 20, n), rng.choice(["sea", "yard", "street"], n)
    z = (price - 100) / 15 * np.where(room == "sea", -1, 1) + rng.logistic(0, 0.6, n)
    return pl.DataFrame({"price": price, "room": room, "nights": rng.integers(1, 9, n), "back": z > 0})


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("refine")
    table = read_table(guests(), "back")
    folds = split(table, n_folds=3, seed=0)
    encoder = Encoder.fit(table, seed=0)
    write_folds(folds, folder / "folds.npz")
    trials = []
    for algorithm, params, view in CANDIDATES:
        place = folder / "trials" / algorithm
        argument = {
            "view": ensure_view(folder / "views" / view, lambda view=view: encoder.data(table, view)),
            "folds_file": folder / "folds.npz", "trial": place, "algorithm": algorithm, "params": params,
            "folds": [0, 1, 2], "metric": "auc", "seed": 0, "threads": 1, "time_limit": None,
        }  # fmt: skip
        work(argument, folder)
        attempt = Attempt(f"{algorithm}-1", Candidate(algorithm, params, view, "", 1.0), "portfolio", place)
        attempt.collect((0, 1, 2))
        trials.append(to_trial(attempt, folds, (table.n_rows, 2), folder, glass_box=algorithm == "linear"))
    choice = selection(trials, metric("auc"), table.y)
    return Ground(folder, table, encoder, folds, tuple(trials), choice)
