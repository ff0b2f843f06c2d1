"""CatBoost as the model hub trains it against the library called by hand with the hub's defaults."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from benchmarks.algorithms import Line, Measured
from benchmarks.methods.xgboost import COLUMNS, ROWS, compared, side_by_side, table

BAR = "the raw library's answers bit for bit; at most 5 % slower"
ROUNDS = 100
HUB = {
    "iterations": ROUNDS, "learning_rate": 0.009, "depth": 6, "l2_leaf_reg": 3, "random_strength": 1.0, "rsm": 1.0,
    "sampling_frequency": "PerTreeLevel", "random_seed": 1, "early_stopping_rounds": 5, "use_best_model": True,
    "allow_writing_files": False, "logging_level": "Silent",
}  # fmt: skip

CASES = (("values", 0, "RMSE", "RMSE"), ("two classes", 2, "Logloss", "AUC"))


def measure(seed: int, threads: int) -> list[Measured]:
    return [
        _case(*each, seed, threads) for each in (("values", 0, "RMSE", "RMSE"), ("two classes", 2, "Logloss", "AUC"))
    ]


def _case(case: str, classes: int, loss: str, metric: str, seed: int, threads: int) -> Measured:
    import catboost

    from tarragon.algorithms import Standalone, get

    train, held = table(classes, seed)

    def ours() -> Any:
        model: Any = get("catboost")(iterations=ROUNDS, eval_metric=metric, sampling_frequency="PerTreeLevel")
        model.native = {"max_ctr_complexity": None}
        return model.fit(train, valid=held, context=replace(Standalone(), seed=1, threads=threads))

    def theirs() -> Any:
        model = catboost.CatBoost({**HUB, "loss_function": loss, "eval_metric": metric, "thread_count": threads})
        pools = [catboost.Pool(rows.X, rows.y, thread_count=threads) for rows in (train, held)]
        return model.fit(pools[0], eval_set=pools[1])

    pair = side_by_side(ours, theirs)
    equal = np.array_equal(pair[1].booster_.predict(held.X), pair[3].predict(held.X))
    return compared(f"{case}, {ROWS} × {COLUMNS}", "CatBoost.fit", pair, equal=equal)


def met(lines: Mapping[str, Line]) -> bool:
    return all(line.quality == 1.0 and line.ratio >= 1 / 1.05 for line in lines.values())
