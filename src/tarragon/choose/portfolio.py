"""What is worth trying on a table before any search: unlike learners, cheap ones first.

Each line is an algorithm, settings that did well across public tables, the reason, when it applies, and its expected
cost. Costs are seconds for one fold on one thread of the machine this was measured on (2-core x86 at 2.x GHz);
``machine`` scales them, and the race corrects them by what it measures.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tarragon.algorithms.params import OneOf, Range
from tarragon.algorithms.protocol import Value


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a fold's training part as each view sees it.

    Parameters
    ----------
    rows, columns : int
    wide : int
        Columns of the one-hot view.
    classes : int
        0 for regression.
    """

    rows: int
    columns: int
    wide: int
    classes: int
    text: bool

    @property
    def outputs(self) -> int:
        """Trees per boosting round."""
        return self.classes if self.classes > 2 else 1


@dataclass(frozen=True, slots=True)
class Line:
    """One candidate of the portfolio."""

    algorithm: str
    params: Mapping[str, Value]
    why: str
    cost: Callable[[Shape], float]
    fits: Callable[[Shape], bool] = lambda shape: True


def _boosting(rounds: int, leaf_factor: float, per_cell: float, per_round: float) -> Callable[[Shape], float]:
    """Seconds of a histogram booster: rounds × trees × (a fixed part + a part per cell)."""

    def cost(shape: Shape) -> float:
        cells = shape.rows * max(shape.columns, 4)
        return rounds * shape.outputs * (per_round * leaf_factor + cells * per_cell)

    return cost


_LIGHTGBM: Mapping[str, Value] = {
    "num_boost_round": 3000,
    "early_stopping_rounds": 50,
    "bagging_freq": 1,
    "max_depth": -1,
}
_XGBOOST: Mapping[str, Value] = {"num_round": 3000, "early_stopping_rounds": 50, "tree_method": "hist"}
_CATBOOST: Mapping[str, Value] = {"iterations": 3000, "early_stopping_rounds": 50}


def _small(shape: Shape) -> bool:
    return shape.rows < 3_000


def _large(shape: Shape) -> bool:
    return not _small(shape)


PORTFOLIO: tuple[Line, ...] = (
    Line("linear-learner", {}, "a regularised linear model: fast, hard to beat where effects add up or text decides",
         lambda s: 0.02 + s.rows * s.wide * (1e-6 if s.outputs > 1 else 2e-7) * s.outputs),
    Line("lightgbm", {**_LIGHTGBM, "learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": 10, "num_boost_round": 400,
                      "early_stopping_rounds": 20, "feature_fraction": 0.8},
         "quick boosted trees: a first strong answer", _boosting(120, 0.5, 1.2e-8, 4e-4), _large),
    Line("lightgbm", {**_LIGHTGBM, "learning_rate": 0.05, "num_leaves": 7, "min_data_in_leaf": 8, "feature_fraction": 0.7,
                      "bagging_fraction": 0.8, "lambda_l2": 1.0},
         "shallow boosted trees: few rows bear few leaves", _boosting(150, 0.3, 1.2e-8, 3e-4), _small),
    Line("extra-trees", {}, "averaged random trees: unlike boosting in its errors, no tuning needed",
         lambda s: 0.1 + s.rows * min(s.columns, 60) ** 0.5 * 3e-5),
    Line("knn", {}, "answers by the most similar rows: unlike every tree",
         lambda s: 0.02 + (s.rows / 1e4) ** 2 * 0.6, lambda s: s.wide <= 400 and s.rows <= 60_000),
    Line("linear-learner", {"interactions": True}, "a linear model with products of columns",
         lambda s: 0.05 + s.rows * min(s.wide, 40) ** 2 * (5e-7 if s.outputs > 1 else 1e-7) * s.outputs, lambda s: s.wide <= 40),
    Line("catboost", {**_CATBOOST, "learning_rate": 0.06, "depth": 6}, "symmetric boosted trees: strong without tuning, kind to categories",
         _boosting(500, 1.0, 1.5e-8, 1.5e-3)),
    Line("xgboost", {**_XGBOOST, "eta": 0.05, "max_depth": 6, "subsample": 0.8, "colsample_bytree": 0.8, "min_child_weight": 2.0},
         "depth-wise boosted trees", _boosting(250, 1.0, 1.5e-8, 8e-4)),
    Line("tabular-net", {}, "a small neural network: smooth where trees are stepped", lambda s: 2.0 + s.rows * 6e-4),
    Line("lightgbm", {**_LIGHTGBM, "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 20, "feature_fraction": 0.8,
                      "bagging_fraction": 0.8},
         "leaf-wise boosted trees", _boosting(250, 1.0, 1.5e-8, 6e-4)),
    Line("additive", {}, "a glass box: one readable curve per column", _boosting(400, 0.4, 1.2e-8, 4e-4)),
    Line("lightgbm", {**_LIGHTGBM, "extra_trees": True, "learning_rate": 0.05, "num_leaves": 31, "feature_fraction": 0.8,
                      "min_data_in_leaf": 10},
         "boosted trees with random cuts: smoother, unlike its sister", _boosting(400, 1.0, 1.2e-8, 5e-4)),
    Line("xgboost", {**_XGBOOST, "eta": 0.03, "max_depth": 4, "subsample": 0.7, "colsample_bytree": 0.6, "min_child_weight": 5.0,
                     "reg_lambda": 3.0},
         "shallower, more regularised boosted trees", _boosting(400, 0.5, 1.2e-8, 5e-4)),
    Line("lightgbm", {**_LIGHTGBM, "learning_rate": 0.03, "num_leaves": 127, "min_data_in_leaf": 5, "feature_fraction": 0.9,
                      "bagging_fraction": 0.9},
         "large boosted trees: many rows bear many leaves", _boosting(400, 2.5, 1.8e-8, 1e-3), lambda s: s.rows > 8_000),
    Line("catboost", {**_CATBOOST, "learning_rate": 0.08, "depth": 8, "l2_leaf_reg": 5.0}, "deeper symmetric trees",
         _boosting(400, 2.0, 2.0e-8, 3e-3)),
)  # fmt: skip

SPACES: Mapping[str, Mapping[str, Range | OneOf]] = {
    "lightgbm": {
        "learning_rate": Range(0.02, 0.12, log=True),
        "num_leaves": Range(4, 160, log=True),
        "min_data_in_leaf": Range(2, 80, log=True),
        "feature_fraction": Range(0.4, 0.99),
        "bagging_fraction": Range(0.6, 1.0),
        "lambda_l2": Range(0.01, 30.0, log=True),
    },
    "xgboost": {
        "eta": Range(0.02, 0.15, log=True),
        "max_depth": Range(3, 10),
        "min_child_weight": Range(0.5, 30.0, log=True),
        "subsample": Range(0.6, 1.0),
        "colsample_bytree": Range(0.4, 1.0),
        "reg_lambda": Range(0.05, 20.0, log=True),
    },
    "catboost": {
        "learning_rate": Range(0.03, 0.15, log=True),
        "depth": Range(4, 8),
        "l2_leaf_reg": Range(1.0, 20.0, log=True),
    },
    "additive": {
        "learning_rate": Range(0.01, 0.1, log=True),
    },
}
