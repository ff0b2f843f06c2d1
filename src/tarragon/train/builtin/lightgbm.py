"""LightGBM as the model hub's script trains it: the library's own model, with the script's defaults.

The library is left to its own seeds, as the script leaves it; sums are taken in a fixed order, so that equal jobs give
equal models. The log names the metric of the validation rows after every round.
"""

import json
from dataclasses import replace
from typing import Any

from tarragon.algorithms import Range, build, get
from tarragon.train.builtin import labelled, setting
from tarragon.train.builtin.setting import Wire, count, number
from tarragon.train.builtin.teller import Order, Pass

WIRES = (
    "num_boost_round", "early_stopping_rounds", "metric", "learning_rate", "num_leaves", "feature_fraction",
    "bagging_fraction", "bagging_freq", "max_depth", "min_data_in_leaf", "max_delta_step", "lambda_l1", "lambda_l2",
    "boosting", "min_gain_to_split", "scale_pos_weight", "is_unbalance", "tree_learner", "feature_fraction_bynode",
    "max_bin", "tweedie_variance_power",
)  # fmt: skip
NAMES = (
    "rmse", "l1", "l2", "huber", "fair", "binary_logloss", "binary_error", "auc", "average_precision", "multi_logloss",
    "multi_error", "auc_mu", "cross_entropy",
)  # fmt: skip
METRICS = tuple((name, rf"(?<![A-Za-z_]){name}: ([0-9\.]+(?:e[-+][0-9]+)?)") for name in NAMES)


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    LightGBM: Any = get("lightgbm")
    given = setting.read(order.hyperparameters, _wires(LightGBM), {})
    order.teller.say(f"Hyperparameters: {json.dumps(given, default=str)}")
    found = labelled.read(order)
    if given.get("boosting") == "goss":  # draws rows its own way; the script's defaults would draw them twice
        given = {"bagging_freq": 0, **given}
    model = build(LightGBM, setting.values(LightGBM, given))
    model.native = {"seed": given.get("seed")}
    teller = order.teller
    context = replace(
        teller,
        threads=given.get("num_threads") or teller.threads_for(found.train),
        round=lambda done: _say(order, done),
    )
    model.fit(found.train, valid=found.valid, context=context)
    if model.early_stopping_rounds > 0 and model.rounds_ < model.rounds_done_:
        teller.say(f"Early stopping, best iteration is: [{model.rounds_}]")
    model.save(order.folder)
    order.serving("lightgbm", **found.facts())


def _wires(kind: type) -> dict[str, Wire]:
    known = setting.declarations(kind)
    return {
        **{name: known[name] for name in WIRES},
        "learning_rate": number(0, 1, open_low=True),
        "num_threads": count(0),
        "verbosity": Wire(int, Range(-setting.BIG, setting.BIG)),
        "seed": count(0),
    }


def _say(order: Order, done: Pass) -> None:
    for name, value in done.metrics.items():
        order.teller.say(f"[{done.n}]#011val's {name.partition(':')[2]}: {value:.10g}")
