"""Linear learner as its container trains it: a grid of models on one stream, the best one's quality on every channel.

Several hosts share a fit: each reads its own ``train`` and ``validation`` (which should be whole on every host), and
their gradients are summed batch by batch. Under a tuning job one model is trained unless ``num_models`` says otherwise.
"""

import json
from dataclasses import replace
from typing import Any

import numpy as np

from tarragon.algorithms import build, get
from tarragon.data import Data, Tabular
from tarragon.train.builtin import first_party, quality, setting
from tarragon.train.builtin.teller import Order, Teller

SHARED = True
NAME = "linear-learner"
MEASURED_ROWS = 1_000_000  # of the training channel: its quality is told, not chosen by
METRICS = quality.METRICS


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    LinearLearner: Any = get(NAME)
    given = setting.read(order.hyperparameters, setting.declarations(LinearLearner), {})
    if "_tuning_objective_metric" in order.hyperparameters:
        given.setdefault("num_models", 1)
    model = build(LinearLearner, setting.values(LinearLearner, given))
    first_party.configured(order, model)
    teller = order.teller
    rows = first_party.opened(order, "train", n_classes=model.n_classes)
    held = None
    if "validation" in order.channels:
        held = first_party.opened(order, "validation", n_classes=model.n_classes, width=rows.n_features)
    context = first_party.narrated(_sized(teller, rows), "Linear Learner", model.epochs)
    model.fit(rows, valid=held, context=context)
    if teller.rank:  # every host has found the same model
        return
    if len(model.history_) < model.epochs:
        teller.say("Early stop condition met. Stopping training.")
        teller.say(f"#progress_metric: host=algo-1, completed 100 % epochs ({len(model.history_)} done)")
    teller.say(f"Best model found for hyperparameters: {json.dumps(model.best_.words(_optimizer(model)))}")
    model.save(order.folder)
    order.serving(
        NAME, predictor_type=model.predictor_type, threshold=model.threshold_, feature_dim=int(model.n_features)
    )
    _report(order, model, {"train": rows, **({"validation": held} if held is not None else {})})


def _sized(teller: Teller, rows: Data) -> Teller:
    """Give a table as many threads as it is worth."""
    return replace(teller, threads=teller.threads_for(rows)) if isinstance(rows, Tabular) else teller


def _optimizer(model: Any) -> str:
    return "adam" if model.optimizer == "auto" else str(model.optimizer)


def _report(order: Order, model: Any, channels: dict[str, Data]) -> None:
    """Say the quality on every channel, as the container does at the end."""
    say = order.teller.say
    for name, rows in channels.items():
        for line in quality.lines(name, measured(model, rows, MEASURED_ROWS if name == "train" else 0)):
            say(line)
    if "test" not in order.channels:
        return
    test = first_party.opened(order, "test", n_classes=model.n_classes, width=model.n_features)
    scores = measured(model, test, 0)
    for measure, value in scores.items():
        say(f"#test_score (algo-1) : ('{measure}', {value})")
    for line in quality.lines("test", scores):
        say(line)


def measured(model: Any, rows: Data, most: int) -> dict[str, float]:
    """Measure a model on the first ``most`` rows of a channel (0: on all); the objective comes first.

    Raises
    ------
    DataError
        Rows have no labels, or none that the model could have learnt.
    """
    answers: list[Any] = []
    labels: list[Any] = []
    cost, n = 0.0, 0
    for block in [rows] if isinstance(rows, Tabular) else rows:
        if most and n >= most:
            break
        cost += model.cost(block) * block.n_rows
        answers.append(next(iter(model.predict(block).values())))
        labels.append(block.y)
        n += block.n_rows
    answer, y = np.concatenate(answers), np.concatenate(labels)
    if model.n_classes == 2 and answer.ndim == 1:  # margins stand where probabilities would
        answer = np.column_stack([-answer, answer])
    named = {"score" if model.n_classes == 0 else "probability": answer}
    table = Tabular(np.zeros((n, 0), np.float32), y=y, n_classes=model.n_classes)
    beta = 1.0 if model.binary_classifier_model_selection_criteria == "f1" else model.f_beta
    scores = quality.measured(named, table, model.threshold_, model.accuracy_top_k, beta)
    scores.pop(next(iter(scores)))
    return {model.costs.objective: cost / n, **scores}
