"""LightGBM as the model hub trains it against the library called by hand with the hub's defaults."""

from collections.abc import Mapping
from typing import Any

from benchmarks.algorithms import Line, Measured
from benchmarks.methods.xgboost import COLUMNS, ROWS, compared, side_by_side, table

BAR = "the raw library's trees bit for bit; at most 5 % slower"
HUB = {
    "learning_rate": 0.1, "num_leaves": 64, "feature_fraction": 0.9, "bagging_fraction": 0.9, "bagging_freq": 1,
    "max_depth": 6, "min_data_in_leaf": 3, "verbosity": -1, "deterministic": True, "force_row_wise": True,
}  # fmt: skip
"""The hub's defaults, and the library's own advice for equal models in equal runs."""


def measure(seed: int, threads: int) -> list[Measured]:
    return [_case(*each, seed, threads) for each in (("values", 0, "regression"), ("two classes", 2, "binary"))]


def _case(case: str, classes: int, objective: str, seed: int, threads: int) -> Measured:
    import lightgbm

    from tarragon.algorithms import Standalone, get

    train, held = table(classes, seed)
    metric = {"regression": "rmse", "binary": "binary_logloss"}[objective]

    def ours() -> Any:
        model: Any = get("lightgbm")()
        model.native = {"seed": None}
        return model.fit(train, valid=held, context=Standalone(threads=threads))

    def theirs() -> Any:
        params = {**HUB, "objective": objective, "metric": metric, "num_threads": threads}
        rows = lightgbm.Dataset(train.X, train.y, params=dict(params))
        seen = rows.create_valid(held.X, held.y)
        stop = lightgbm.early_stopping(10, verbose=False)
        booster = lightgbm.train(params, rows, 100, valid_sets=[seen], callbacks=[stop])
        return booster.model_to_string(num_iteration=booster.best_iteration)

    pair = side_by_side(ours, theirs)
    equal = _trees(pair[1]._text) == _trees(pair[3])
    return compared(f"{case}, {ROWS} × {COLUMNS}", "lightgbm.train", pair, equal=equal)


def _trees(text: str) -> str:
    return text[text.index("Tree=0") : text.index("end of trees")]


def met(lines: Mapping[str, Line]) -> bool:
    return all(line.quality == 1.0 and line.ratio >= 1 / 1.05 for line in lines.values())
