"""TabTransformer as the model hub's script trains it: the task fixes loss and metric, the log has one line a pass."""

import json
from dataclasses import replace
from typing import Any

from tarragon.algorithms import build, get
from tarragon.train.builtin import labelled, setting
from tarragon.train.builtin.teller import Order, Pass

METRICS = (
    ("r2", r"metrics={'r2': (\S+)}"),
    ("f1_score", r"metrics={'f1': (\S+)}"),
    ("accuracy_score", r"metrics={'accuracy': (\S+)}"),
)


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError``, ``DataError`` or ``MissingExtraError``."""
    TabTransformer: Any = get("tab-transformer")
    given = setting.read(order.hyperparameters, setting.declarations(TabTransformer), {})
    model = build(TabTransformer, setting.values(TabTransformer, given))
    teller = order.teller
    teller.say(f"Hyperparameters: {json.dumps(given)}")
    found = labelled.read(order, coded=True)
    model.fit(found.train, valid=found.valid, context=replace(teller, round=lambda done: _say(order, done)))
    model.save(order.folder)
    order.serving("tab-transformer", **found.facts())


def _say(order: Order, done: Pass) -> None:
    """Say a pass's lines as the script's progress bars end; rows held out of unknown classes alone judge nothing."""
    metrics = dict(done.metrics)
    order.teller.say(f"epoch {done.n}: 100%, loss={metrics.pop('train:loss'):.6g}")
    if "validation:loss" in metrics:
        valid_loss = metrics.pop("validation:loss")
        measured = {name.partition(":")[2]: round(value, 6) for name, value in metrics.items()}
        order.teller.say(f"valid: 100%, loss={valid_loss:.6g}, metrics={measured}")
