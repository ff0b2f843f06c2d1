"""What is worth trying on a table before any search: unlike learners, cheap ones first.

Each line is an algorithm, settings that did well across public tables, the reason, when it applies, and its expected
cost. Costs are seconds for one fold on one thread of the machine this was measured on (2-core x86 at 2.x GHz);
``machine`` scales them, and the race corrects them by what it measures.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tarragon.algorithms import OneOf, Range
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


def _boosting(rounds: int, per_round: float = 3e-4, per_cell: float = 6e-9) -> Callable[[Shape], float]:
    """Seconds of a histogram booster: rounds × trees × (a fixed part + a part per cell)."""

    def cost(shape: Shape) -> float:
        return rounds * shape.outputs * (per_round + shape.rows * max(shape.columns, 4) * per_cell)

    return cost


def _linear(shape: Shape) -> float:
    per_cell = 3e-7 if shape.outputs > 1 else 2e-7
    return 0.02 + shape.rows * shape.wide * per_cell * shape.outputs


def _products(shape: Shape) -> float:
    return 0.05 + shape.rows * min(shape.wide, 40) ** 2 * 1e-7 * shape.outputs


def _net(shape: Shape) -> float:
    return 1.0 + shape.rows * 8e-4


def _forest(shape: Shape) -> float:
    return 0.15 + shape.rows * math.sqrt(min(shape.columns, 60)) * 4.5e-5


def _lightgbm(leaves: int, rate: float, **more: Value) -> Mapping[str, Value]:
    return {
        "num_boost_round": 3000,
        "early_stopping_rounds": 50 if rate <= 0.05 else 25,
        "max_depth": -1,
        "learning_rate": rate,
        "num_leaves": leaves,
        **more,
    }


def _xgboost(depth: int, rate: float, **more: Value) -> Mapping[str, Value]:
    return {
        "num_round": 3000,
        "early_stopping_rounds": 50 if rate <= 0.05 else 25,
        "tree_method": "hist",
        "eta": rate,
        "max_depth": depth,
        **more,
    }


def _catboost(depth: int, rate: float, **more: Value) -> Mapping[str, Value]:
    shared: Mapping[str, Value] = {"iterations": 3000, "early_stopping_rounds": 30, "one_hot_max_size": 25}
    return {**shared, "max_ctr_complexity": 1, "learning_rate": rate, "depth": depth, **more}


READABLE_CLASSES = 6  # curves per column that a reader can still take in
TINY, SMALL = 1_000, 10_000  # rows: below, few leaves and much regularisation; above, more of both are worth trying

PORTFOLIO: tuple[Line, ...] = (
    Line(
        "linear",
        {},
        "a regularised linear model: fast, hard to beat where effects add up or text decides",
        _linear,
    ),
    Line(
        "lightgbm",
        _lightgbm(31, 0.1, feature_fraction=0.8, bagging_fraction=0.9, min_data_in_leaf=20),
        "quick boosted trees: a first strong answer",
        _boosting(100),
        lambda s: s.rows >= TINY,
    ),
    Line(
        "lightgbm",
        _lightgbm(7, 0.05, feature_fraction=0.7, bagging_fraction=0.8, min_data_in_leaf=5, lambda_l2=1.0),
        "shallow boosted trees: few rows bear few leaves",
        _boosting(150, 1.5e-4),
        lambda s: s.rows < TINY,
    ),
    Line(
        "extra-trees",
        {},
        "averaged random trees: unlike boosting in its errors, no tuning needed",
        _forest,
    ),
    Line(
        "knn",
        {},
        "answers by the most similar rows: unlike every tree",
        lambda s: 0.05 + (s.rows / 1e4) ** 2 * 0.5,
        lambda s: s.wide <= 400 and s.rows <= 60_000,
    ),
    Line(
        "additive",
        {"learning_rate": 0.1},
        "a glass box: one readable curve per column",
        _boosting(300, 1.5e-4),
        lambda s: s.classes <= READABLE_CLASSES,
    ),
    Line(
        "xgboost",
        _xgboost(6, 0.1, subsample=0.8, colsample_bytree=0.8),
        "boosted trees grown level by level",
        _boosting(120, 6e-4, 8e-9),
    ),
    Line(
        "linear",
        {"interactions": True},
        "a linear model with products of columns",
        _products,
        lambda s: s.wide <= 40,
    ),
    Line(
        "lightgbm",
        _lightgbm(31, 0.05, feature_fraction=0.6, bagging_fraction=0.8, min_data_in_leaf=20),
        "boosted trees, slower and finer",
        _boosting(250),
        lambda s: s.rows >= TINY,
    ),
    Line(
        "catboost",
        _catboost(6, 0.1),
        "symmetric boosted trees: strong without tuning, kind to categories",
        _boosting(300, 1e-3, 2.5e-8),
    ),
    Line("tabular-net", {}, "a small neural network: smooth where trees are stepped", _net),
    Line(
        "lightgbm",
        _lightgbm(
            7, 0.05, feature_fraction=0.5, bagging_fraction=0.8, min_data_in_leaf=30, lambda_l2=10.0, cat_smooth=50.0
        ),
        "shallow, strongly regularised boosted trees: for noisy answers",
        _boosting(350, 1.5e-4),
        lambda s: s.rows >= TINY,
    ),
    Line(
        "lightgbm",
        _lightgbm(63, 0.03, feature_fraction=0.5, bagging_fraction=0.8, min_data_in_leaf=10, lambda_l2=1.0),
        "larger boosted trees: many rows bear many leaves",
        _boosting(350, 6e-4),
        lambda s: s.rows >= SMALL,
    ),
    Line(
        "xgboost",
        _xgboost(5, 0.05, subsample=0.8, colsample_bytree=0.6, min_child_weight=5.0, reg_lambda=5.0),
        "shallower, more regularised boosted trees",
        _boosting(250, 5e-4, 8e-9),
    ),
    Line(
        "additive",
        {"learning_rate": 0.1, "n_pairs": 10, "main_round": 3000, "num_round": 4000},
        "a glass box with the ten strongest pairs of columns",
        _boosting(500, 2e-4),
        lambda s: 3 <= s.columns <= 60 and s.classes <= READABLE_CLASSES,
    ),
    Line(
        "extra-trees",
        {"min_samples_leaf": 10},
        "averaged random trees with large leaves: for noisy answers",
        _forest,
        lambda s: s.classes == 2 and s.rows >= TINY,
    ),
    Line(
        "tabular-net",
        {"dropout": 0.3, "hidden": 256},
        "a wider, more regularised neural network",
        _net,
    ),
    Line("catboost", _catboost(4, 0.1), "shallow symmetric trees", _boosting(350, 6e-4, 2e-8)),
    Line(
        "lightgbm",
        _lightgbm(63, 0.1, extra_trees=True, min_data_in_leaf=5, feature_fraction=0.8),
        "boosted trees with random cuts: smoother, unlike their sisters",
        _boosting(300, 6e-4),
        lambda s: s.rows >= TINY,
    ),
)

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
