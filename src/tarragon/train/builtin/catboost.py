"""CatBoost as the model hub's script trains it: the library's own model, with the script's defaults.

The library names its best score ``bestTest`` whatever the metric, and one pattern of the hub reads it for every metric.
Here the log says the metric's name too, so that a job records the one it measured.
"""

import json
from dataclasses import replace
from typing import Any

from tarragon.algorithms import Range, build, get
from tarragon.train.builtin import labelled, setting
from tarragon.train.builtin.setting import Wire, choice, count, number, text
from tarragon.train.builtin.teller import Order, Pass

WIRES = (
    "depth", "random_strength", "iterations", "early_stopping_rounds", "eval_metric", "learning_rate", "l2_leaf_reg",
    "max_leaves", "rsm", "min_data_in_leaf", "bagging_temperature", "boosting_type", "scale_pos_weight", "grow_policy",
)  # fmt: skip
NAMES = (
    "RMSE", "MAE", "MedianAbsoluteError", "R2", "Precision", "Recall", "F1", "AUC", "Accuracy", "BalancedAccuracy",
    "Logloss", "MultiClass",
)  # fmt: skip
METRICS = tuple((name, rf"validation {name}: (\S+)") for name in NAMES)
SEED = 1  # the script's


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    CatBoost: Any = get("catboost")
    given = setting.read(order.hyperparameters, _wires(CatBoost), {})
    teller = order.teller
    teller.say(f"Hyperparameters: {json.dumps(given, default=str)}")
    found = labelled.read(order)
    if given.get("eval_metric", "auto") == "auto":
        given["eval_metric"] = {0: "RMSE", 2: "AUC"}.get(len(found.classes), "MultiClass")
    bins = given.pop("max_bin", "Auto")
    chosen = {"sampling_frequency": "PerTreeLevel", **given}
    model = build(
        CatBoost, setting.values(CatBoost, chosen) | ({} if bins in ("Auto", "auto") else {"max_bin": int(bins)})
    )
    model.native = {"max_ctr_complexity": None}  # naming even the library's own default makes another model
    threads = given.get("thread_count", -1)
    context = replace(
        teller,
        seed=given.get("random_seed", SEED),
        threads=threads if threads > 0 else teller.threads_for(found.train),
        round=lambda done: _say(order, done),
    )
    model.fit(found.train, valid=found.valid, context=context)
    _conclude(order, model, given["eval_metric"])
    model.save(order.folder)
    order.serving("catboost", **found.facts())


def _wires(kind: type) -> dict[str, Wire]:
    known = setting.declarations(kind)
    return {
        **{name: known[name] for name in WIRES},
        "learning_rate": number(0, 1, open_low=True),
        "depth": count(1, 16),
        "random_strength": number(0),
        "sampling_frequency": choice("PerTreeLevel", "PerTree"),
        "max_bin": text(r"[Aa]uto|[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]"),
        "random_seed": count(0),
        "thread_count": Wire(int, Range(-1, setting.BIG)),
        "verbose": count(0),
    }


def _say(order: Order, done: Pass) -> None:
    for value in done.metrics.values():
        order.teller.say(f"{done.n - 1}:#011test: {value:.7f}")


def _conclude(order: Order, model: Any, metric: str) -> None:
    """Say what the library says at its end; nothing where the answer is a constant and no round was made."""
    losses = [loss for _, loss in model.history_ if loss == loss]
    if not losses:
        return
    best = losses[model.rounds_ - 1]
    for line in (
        f"bestTest = {best:.10g}",
        f"bestIteration = {model.rounds_ - 1}",
        f"validation {metric}: {best:.10g}",
    ):
        order.teller.say(line)
