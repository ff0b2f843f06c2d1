"""Object detection as the model hub's TensorFlow script trains it: annotations.json in, both losses per epoch out."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tarragon.algorithms import build, get
from tarragon.data import Pictures, read_boxed_folder
from tarragon.train.builtin import setting, vision
from tarragon.train.builtin.teller import Order, Pass

NAME = "object-detection-tf"
METRICS = (
    ("validation:localization_loss", r"Val_localization=([0-9\.]+)"),
    ("validation:classification_loss", r"Val_classification=([0-9\.]+)"),
)
WORDS = {
    "train:smooth_l1": "Train_localization", "train:cross_entropy": "Train_classification",
    "validation:smooth_l1": "Val_localization", "validation:cross_entropy": "Val_classification",
}  # fmt: skip
SAME = ("layers", "side")


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    kind: Any = get(NAME)
    given = setting.read(order.hyperparameters, setting.declarations(kind), {"eps": "epsilon"})
    model = build(kind, setting.values(kind, given))
    model.stand_for(order.model_id)
    order.teller.say(f"{order.model_id or NAME}: SSD on {model.layers} layers, {model.side} pixels")
    vision.typed(order, "training", kind.card)
    data = read_boxed_folder(vision.required(order, "training", "train"))
    folders = vision.places(order, "validation")
    valid = None if folders is None else _named_alike(read_boxed_folder(folders), data)
    vision.warned(order, len(data))
    vision.begin(order, model, f"resnet-{model.layers}", SAME, wanted=not order.channels.get("model"))
    model.fit(data, valid=valid, context=vision.told(order.teller, _lines))
    model.save(order.folder)
    order.serving(NAME)


def _named_alike(valid: Pictures, data: Pictures) -> Pictures:
    """Give validation boxes the codes of the training boxes' classes."""
    code = vision.recoded(valid, data)
    boxes = []
    for own in valid.boxes or ():
        moved = own.copy()
        moved[:, 0] = code[own[:, 0].astype(np.int64)] if len(own) else moved[:, 0]
        boxes.append(moved)
    return replace(valid, boxes=tuple(boxes), names=data.names)


def _lines(done: Pass) -> Iterator[str]:
    words = [f"{WORDS[name]}={value:.6f}" for name, value in done.metrics.items() if name in WORDS]
    yield f"Epoch={done.n}, {', '.join(words)}"
