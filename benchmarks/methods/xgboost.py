"""XGBoost as a job trains it against the library called by hand: the same answers, and what our part of it costs."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from benchmarks.algorithms import Line, Measured

BAR = "the raw library's answers bit for bit; at most 5 % slower"
ROWS, COLUMNS, HELD = 40_000, 20, 10_000
ROUNDS = 60
RUNS = 3  # of each side in turn, the quickest of which counts: other work on the machine only adds


def table(classes: int, seed: int) -> tuple[Any, Any]:
    """Rows with a signal of a few columns, (training, held out): a value, or a class code."""
    from tarragon.data import Tabular

    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS + HELD, COLUMNS)).astype(np.float32)
    value = 2 * X[:, 0] - X[:, 1] * X[:, 2] + np.abs(X[:, 3]) + rng.normal(size=len(X))
    y = value.astype(np.float32).astype(np.float64)
    if classes:
        y = np.digitize(value, np.quantile(value, np.linspace(0, 1, classes + 1)[1:-1])).astype(np.float64)
    whole = Tabular(X, y=y, n_classes=classes)
    return whole.rows(np.arange(ROWS)), whole.rows(np.arange(ROWS, len(X)))


def side_by_side(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, Any, float, Any]:
    """Run both in turn; the shortest processor time and the last result of each.

    The same library works on either side with the same threads: what differs is what is done around it, and processor
    time shows that whatever else the machine does.
    """
    best, results = [float("inf")] * 2, [None] * 2
    for _ in range(RUNS):
        for i, work in enumerate((ours, theirs)):
            began = time.process_time()
            results[i] = work()
            best[i] = min(best[i], time.process_time() - began)
    return best[0], results[0], best[1], results[1]


def compared(case: str, peer: str, pair: tuple[float, Any, float, Any], *, equal: bool) -> Measured:
    """Write a case down: its quality is 1 where every answer is the peer's, to the last bit."""
    return Measured(case, "equal", pair[0], float(equal), peer, pair[2], 1.0)


CASES = (("values", 0, "reg:squarederror"), ("two classes", 2, "binary:logistic"))


def measure(seed: int, threads: int) -> list[Measured]:
    return [
        _case(*each, seed, threads)
        for each in (("values", 0, "reg:squarederror"), ("two classes", 2, "binary:logistic"))
    ]


def _case(case: str, classes: int, objective: str, seed: int, threads: int) -> Measured:
    import xgboost

    from tarragon.algorithms import Standalone, get

    train, held = table(classes, seed)

    def ours() -> Any:
        model: Any = get("xgboost")(num_round=ROUNDS, objective=objective, max_depth=6)
        return model.fit(train, valid=held, context=Standalone(threads=threads))

    def theirs() -> Any:
        rows = xgboost.QuantileDMatrix(train.X, train.y, nthread=threads)
        seen = xgboost.QuantileDMatrix(held.X, held.y, ref=rows, nthread=threads)
        params = {"objective": objective, "max_depth": 6, "eta": 0.3, "nthread": threads, "seed": 0}
        return xgboost.train(params, rows, ROUNDS, evals=[(seen, "validation")], verbose_eval=False)

    pair = side_by_side(ours, theirs)
    mine, raw = pair[1].booster_, pair[3]
    equal = np.array_equal(mine.inplace_predict(held.X), raw.inplace_predict(held.X))
    return compared(f"{case}, {ROWS} × {COLUMNS}", "xgboost.train", pair, equal=equal)


def met(lines: Mapping[str, Line]) -> bool:
    return all(line.quality == 1.0 and line.ratio >= 1 / 1.05 for line in lines.values())


__all__ = ["BAR", "compared", "measure", "met", "side_by_side", "table"]
