"""Linear learner as its container trains it: hyperparameters, model selection by a criterion, quality metrics.

The model is solved for, not approached by stochastic steps: what only steers those steps (epochs, mini batches,
learning rates, number of models side by side, schedules) is checked and has nothing left to do. What would make another
model (l1, hinge, quantile and ε-insensitive losses, no bias) is refused by name.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import build, get
from tarragon.data import Rows, Tabular
from tarragon.errors import DataError, ParameterError
from tarragon.train.builtin import quality, setting
from tarragon.train.builtin.setting import Wire, choice, count, flag, number
from tarragon.train.builtin.teller import Order

Numbers = NDArray[np.float64]
LOSSES = {
    "regressor": ("auto", "squared_loss", "absolute_loss", "huber_loss"),
    "binary_classifier": ("auto", "logistic"),
    "multiclass_classifier": ("auto", "softmax_loss"),
}
CONTAINER_LOSSES = (
    "auto", "logistic", "hinge_loss", "softmax_loss", "squared_loss", "absolute_loss", "eps_insensitive_squared_loss",
    "eps_insensitive_absolute_loss", "quantile_loss", "huber_loss",
)  # fmt: skip
CRITERIA = (
    "accuracy", "f_beta", "f1", "precision_at_target_recall", "recall_at_target_precision", "loss_function",
    "cross_entropy_loss",
)  # fmt: skip
INF = float("inf")
METRICS = quality.METRICS


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    LinearLearner: Any = get("linear-learner")
    given = setting.read(order.hyperparameters, _wires(), {})
    kind = given["predictor_type"]
    _refuse(given, kind)
    teller = order.teller
    teller.say(f"Final configuration: {json.dumps(dict(order.hyperparameters), sort_keys=True)}")
    began = time.monotonic()
    rows = _tabular(order.rows("train"), given, "train")
    held = _tabular(order.rows("validation"), given, "validation") if "validation" in order.channels else None
    rows = replace(rows, weight=_weights(rows, given))
    if held is not None:
        held = replace(held, weight=_weights(held, given))
    model = build(
        LinearLearner,
        {
            "l2": given.get("wd"),
            "loss": given.get("loss", "auto"),
            "huber_delta": given.get("huber_delta", 1.0) or 1e-6,
            "normalize_data": str(given.get("normalize_data", True)).lower(),
        },
    )
    model.fit(rows, valid=held, context=replace(teller, threads=teller.threads_for(rows)))
    teller.epoch(1, steps=1, records=rows.n_rows, metrics={})
    judged = held or rows
    threshold = 0.5
    if kind == "binary_classifier":
        assert judged.y is not None
        threshold = decision(model.predict(judged)["probability"][:, 1], judged.y, Criterion.of(given))
    model.save(order.folder)
    order.serving("linear-learner", predictor_type=kind, threshold=threshold, feature_dim=rows.n_features)
    _report(order, model, rows, held, given, threshold)
    best = {"optimizer": "exact", "wd": model.l2_, "loss": given.get("loss", "auto")}
    teller.say(f"Best model found for hyperparameters: {json.dumps(best)}")
    rate = rows.n_rows / max(time.monotonic() - began, 1e-9)
    teller.say(f"#throughput_metric: host=algo-1, train throughput={rate} records/second")


def _wires() -> dict[str, Wire]:
    """List the container's hyperparameters."""
    auto = {
        name: number(0, open_low=True, auto=True) for name in ("learning_rate", "bias_lr_mult", "lr_scheduler_step")
    }
    auto |= {name: number(0, auto=True) for name in ("wd", "l1", "bias_wd_mult")}
    auto |= {name: number(0, 1, auto=True) for name in ("momentum", "beta_1", "beta_2", "lr_scheduler_factor")}
    auto |= {name: count(auto=True) for name in ("feature_dim", "num_models", "num_calibration_samples")}
    plain = {name: number(0, open_low=True) for name in ("f_beta", "init_scale", "init_sigma", "loss_insensitivity")}
    plain |= {name: number(0, 1, open_low=True) for name in ("target_recall", "target_precision", "quantile")}
    plain |= {name: flag(auto=True) for name in ("normalize_data", "normalize_label", "unbias_data", "unbias_label")}
    plain |= {name: flag() for name in ("use_bias", "use_lr_scheduler", "balance_multiclass_weights")}
    plain |= {
        name: count()
        for name in ("epochs", "mini_batch_size", "accuracy_top_k", "num_point_for_scaler", "early_stopping_patience")
    }
    return {
        **auto,
        **plain,
        "predictor_type": choice("binary_classifier", "multiclass_classifier", "regressor", required=True),
        "num_classes": count(3, 1_000_000),
        "loss": choice(*CONTAINER_LOSSES),
        "optimizer": choice("auto", "sgd", "adam", "rmsprop"),
        "binary_classifier_model_selection_criteria": choice(*CRITERIA),
        "positive_example_weight_mult": setting.text(r"auto|balanced|\+?\d*\.?\d+(e[+-]?\d+)?"),
        "init_method": choice("uniform", "normal"),
        "init_bias": number(-INF),
        "lr_scheduler_minimum_lr": number(0, open_low=True, auto=True),
        "early_stopping_tolerance": number(0, open_low=True),
        "margin": number(0),
        "huber_delta": number(0),
    }


def _refuse(given: Mapping[str, Any], kind: str) -> None:
    loss = given.get("loss", "auto")
    if loss not in LOSSES[kind]:
        raise setting.unsupported("loss", loss, f"For a {kind} use one of {', '.join(LOSSES[kind])}")
    if given.get("l1"):
        raise setting.unsupported("l1", given["l1"], "Use wd, or leave l1 out")
    if given.get("use_bias") is False:
        raise setting.unsupported("use_bias", "false", "Leave it out")
    if kind == "multiclass_classifier" and "num_classes" not in given:
        raise ParameterError(
            "'num_classes' is a required property", why=f"predictor_type is {kind}", fix="Set num_classes"
        )


def _tabular(rows: Rows, given: Mapping[str, Any], channel: str) -> Tabular:
    kind, y = given["predictor_type"], rows.y
    classes = {"regressor": 0, "binary_classifier": 2}.get(kind) if kind != "multiclass_classifier" else None
    classes = int(given["num_classes"]) if classes is None else classes
    if y is None:
        raise DataError(f"The channel {channel} has no labels", why="Its rows hold features only", fix="Add the labels")
    dim = given.get("feature_dim")
    if dim is not None and dim != rows.X.shape[1]:
        raise DataError(
            f"The channel {channel} has {rows.X.shape[1]} features",
            why=f"feature_dim is {dim}",
            fix="Set feature_dim to auto, or give as many columns",
        )
    if classes and np.isfinite(y).all() and (y.min() < 0 or y.max() >= classes or (y != np.floor(y)).any()):
        raise DataError(
            f"The channel {channel} has labels that are no classes",
            why=f"they run from {y.min():g} to {y.max():g}, and {kind} wants 0 to {classes - 1}",
            fix="Code the classes so",
        )
    return Tabular(rows.X, y=y, weight=rows.weight, n_classes=classes)


def _weights(rows: Tabular, given: Mapping[str, Any]) -> Numbers | None:
    """Weigh classes as asked: the positive one by a factor or to balance, several by inverse frequency."""
    y = rows.y
    assert y is not None
    if rows.n_classes == 2 and (asked := given.get("positive_example_weight_mult", "1.0")) not in ("auto", "1.0"):
        positive = max(float((y == 1).sum()), 1.0)
        factor = (len(y) - positive) / positive if asked == "balanced" else float(asked)
        return np.where(y == 1, max(factor, 1e-12), 1.0)
    if rows.n_classes > 2 and given.get("balance_multiclass_weights"):
        counts = np.bincount(y.astype(np.int64), minlength=rows.n_classes)
        return np.asarray(len(y) / (rows.n_classes * np.maximum(counts, 1)))[y.astype(np.int64)]
    return rows.weight


@dataclass(frozen=True, slots=True)
class Criterion:
    """By what the threshold of a binary classifier is chosen."""

    name: str = "accuracy"
    recall: float = 0.8
    precision: float = 0.8
    beta: float = 1.0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Criterion":
        """Take it from hyperparameters."""
        name = given.get("binary_classifier_model_selection_criteria", "accuracy")
        recall, precision = given.get("target_recall", 0.8), given.get("target_precision", 0.8)
        return cls(name, recall, precision, 1.0 if name == "f1" else given.get("f_beta", 1.0))


def decision(score: Numbers, y: Numbers, criterion: Criterion) -> float:
    """Choose the threshold from which 1 is answered.

    Every cut between two neighbouring scores is tried. Precision at a target recall is the best precision among cuts
    whose recall reaches the target, and the other way round.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Probabilities of class 1.
    y : ndarray of shape (n,)
        0 or 1.
    criterion : Criterion

    Returns
    -------
    float
        0.5 where the criterion is a loss, or the rows hold one class only.
    """
    positives = float((y == 1).sum())
    if criterion.name in ("loss_function", "cross_entropy_loss") or positives in (0.0, float(len(y))):
        return 0.5
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    true = np.cumsum(y[order] == 1)
    taken = np.arange(1, len(y) + 1)
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(y) - 1)  # equal scores are cut together
    true, taken = true[ends].astype(float), taken[ends].astype(float)
    precision, recall = true / taken, true / positives
    if criterion.name == "accuracy":
        merit = true + (len(y) - positives) - (taken - true)
    elif criterion.name == "precision_at_target_recall":
        merit = np.where(recall >= criterion.recall, 1.0 + precision, recall)
    elif criterion.name == "recall_at_target_precision":
        merit = np.where(precision >= criterion.precision, 1.0 + recall, precision)
    else:
        b = criterion.beta**2
        merit = (1 + b) * precision * recall / np.maximum(b * precision + recall, 1e-300)
    best = ends[int(merit.argmax())]
    return float(ranked[best] if best + 1 == len(ranked) else (ranked[best] + ranked[best + 1]) / 2)


def _report(
    order: Order, model: Any, rows: Tabular, held: Tabular | None, given: Mapping[str, Any], threshold: float
) -> None:
    """Say the quality on every channel, as the container does at the end."""
    teller = order.teller
    top_k, beta = given.get("accuracy_top_k", 3), Criterion.of(given).beta
    channels = [("train", rows), *([("validation", held)] if held is not None else [])]
    if "test" in order.channels:
        channels.append(("test", _tabular(order.rows("test"), given, "test")))
    measured = {name: quality.measured(model.predict(part), part, threshold, top_k, beta) for name, part in channels}
    for name, scores in measured.items():
        objective = next(iter(scores.items()))
        if name != "test":
            teller.say(f"#quality_metric: host=algo-1, epoch=0, {name} {objective[0]} <loss>={objective[1]}")
    teller.say("#progress_metric: host=algo-1, completed 100 %")
    for name, scores in measured.items():
        for line in quality.lines(name, scores):
            teller.say(line)
