"""Image classification as the model hub's TensorFlow script trains it: a folder for each class, Keras' log lines."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tarragon.algorithms import build, get
from tarragon.data import Pictures, read_class_folders
from tarragon.train.builtin import setting, vision
from tarragon.train.builtin.teller import Order, Pass

NAME = "image-classification-tf"
METRICS = (("validation:accuracy", r"val_accuracy=([0-9\.]+)"),)
SAME = ("layers", "side")


def train(order: Order) -> None:
    """Train and save. Raises ``ParameterError`` or ``DataError``."""
    kind: Any = get(NAME)
    given = setting.read(order.hyperparameters, setting.declarations(kind), {"eps": "epsilon"})
    model = build(kind, setting.values(kind, given))
    model.stand_for(order.model_id)
    order.teller.say(f"{order.model_id or NAME}: a residual network of {model.layers} layers, {model.side} pixels")
    vision.typed(order, "training", kind.card, "application/x-image")
    data = read_class_folders(vision.required(order, "training", "train"))
    folders = vision.places(order, "validation")
    valid = None if folders is None else _named_alike(read_class_folders(folders), data)
    vision.warned(order, len(data))
    vision.begin(order, model, f"resnet-{model.layers}", SAME, wanted=not order.channels.get("model"))
    model.fit(data, valid=valid, context=vision.told(order.teller, lambda done: _lines(done, model.epochs)))
    model.save(order.folder)
    order.serving(NAME)


def _named_alike(valid: Pictures, data: Pictures) -> Pictures:
    """Give validation pictures the codes of the training pictures' classes."""
    assert valid.labels is not None
    return replace(valid, labels=vision.recoded(valid, data)[valid.labels], names=data.names)


def _lines(done: Pass, epochs: int) -> Iterator[str]:
    found = {name.replace("validation:", "val_").replace("train:", ""): v for name, v in done.metrics.items()}
    yield f"Epoch {done.n}/{epochs}"
    joined = " - ".join(f"{name}: {value:.4f}" for name, value in sorted(found.items(), key=lambda p: "val" in p[0]))
    yield f"{done.steps}/{done.steps} - {done.seconds:.0f}s - {joined}"
    for name, value in found.items():
        if name.startswith("val_"):
            yield f"{name}={value:.6f}"
