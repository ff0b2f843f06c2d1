"""What the TensorFlow dialect's vision methods share: what a model id stands for, how it is trained, what is written.

A model of the hub is named by its family ("mobilenet-v2-100-224"). Here a residual network stands for every family, of
about as many layers as the family costs, on pictures of the side the name says. Published weights of those families
are TensorFlow's and are not read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tarragon.algorithms.artifact import seal
from tarragon.algorithms.resnet import DEPTHS as KNOWN
from tarragon.algorithms.vision_artifact import write_json, write_params, write_symbol
from tarragon.algorithms.vision_model import VisionModel, whole
from tarragon.algorithms.vision_schedules import Patience, Stepping
from tarragon.algorithms.vision_training import Plan
from tarragon.data import Pictures

OPTIMIZERS = ("adam", "sgd", "nesterov", "rmsprop", "adagrad", "adadelta")
INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
TOP = ("Auto", "True", "False")
PARAMS, SYMBOL, LABELS = "model.params", "model-symbol.json", "class_label_to_prediction_index.json"
DEPTHS = (18, 34, 50, 101, 152)
LIGHT = ("mobilenet", "nasnet-mobile", "efficientnet-b0", "efficientnet-lite", "efficientdet-d0", "spaghettinet")
DETECTOR_SIDE, CLASSIFIER_SIDE = 320, 224
LEAST_SIDE, MOST_SIDE = 64, 1_024


@dataclass(frozen=True, slots=True)
class Stand:
    """What stands for a model of the hub: layers of the residual network, side of the pictures."""

    layers: int
    side: int


def stand_for(model_id: str) -> Stand:
    """Read a model id.

    Examples
    --------
    >>> stand_for("tensorflow-ic-imagenet-mobilenet-v2-100-224-classification-4")
    Stand(layers=18, side=224)
    >>> stand_for("tensorflow-od1-ssd-resnet101-v1-fpn-640x640-coco17-tpu-8")
    Stand(layers=101, side=640)
    """
    name = model_id.lower()
    detector = "-od" in name
    named = re.search(r"resnet(?:-v\d)?-?(\d+)", name)
    layers = int(named[1]) if named and int(named[1]) in DEPTHS else 18 if any(w in name for w in LIGHT) else 50
    square = re.search(r"(\d{2,4})x(\d{2,4})", name)
    sides = [int(square[1])] if square else [int(n) for n in re.findall(r"(?<!\d)(\d{3})(?!\d)", name)]
    sides = [side for side in sides if LEAST_SIDE <= side <= MOST_SIDE and side not in (*DEPTHS, 100, 130, 140)]
    return Stand(layers, sides[-1] if sides else DETECTOR_SIDE if detector else CLASSIFIER_SIDE)


def stepping(model: Any) -> Stepping:
    """Take the optimiser from a method's hyperparameters."""
    momentum = model.momentum if model.optimizer in ("sgd", "nesterov", "rmsprop") else 0.0
    return Stepping(
        model.optimizer, model.learning_rate, min(momentum, 0.9999), 0.0,
        (min(model.beta_1, 0.999999), min(model.beta_2, 0.999999)), model.rho, model.epsilon,
        model.initial_accumulator_value,
    )  # fmt: skip


def patience(model: Any) -> Patience | None:
    """Take early stopping from a method's hyperparameters: the delta is a difference."""
    if not model.early_stopping:
        return None
    return Patience(0, model.early_stopping_patience, model.early_stopping_min_delta, relative=False)


@dataclass(eq=False, kw_only=True)
class HubModel(VisionModel):
    """A model of the hub: a residual network of some size, whose classes have names.

    Parameters
    ----------
    layers, side : int
        Layers of the network, side of its pictures.

    Attributes
    ----------
    names_ : tuple of str
        The classes.
    """

    layers: int = field(default=50, repr=False)
    side: int = field(default=CLASSIFIER_SIDE, repr=False)
    names_: tuple[str, ...] = field(default=(), init=False, repr=False)
    num_classes: int = field(default=0, init=False, repr=False)

    def stand_for(self, model_id: str) -> None:
        """Take layers and side from the hub's model id."""
        stand = stand_for(model_id)
        self.layers, self.side = stand.layers, stand.side

    def save(self, folder: Path) -> None:
        """Write the weights, their description, the classes' names and the seal."""
        write_params(folder / PARAMS, self._fitted("save"))
        facts = {"layers": self.layers, "side": self.side, "width": self.width}
        write_symbol(folder / SYMBOL, {**self._described(), **facts, "classes": len(self.names_)})
        write_json(folder / LABELS, {name: i for i, name in enumerate(self.names_)})
        seal(folder, self, {**facts, "names": list(self.names_)})

    def _described(self) -> dict[str, object]:
        """Say what kind of network it is."""
        raise NotImplementedError

    def _file(self) -> str:
        return PARAMS

    def _recall(self, facts: Mapping[str, Any]) -> None:
        super()._recall(facts)
        self.layers, self.side = whole(facts, "layers", 1, 1_000), whole(facts, "side", 1, 4_096)
        if self.layers not in KNOWN:
            raise ValueError(f"layers {self.layers}")
        self.names_ = tuple(str(name) for name in facts["names"])
        self.num_classes = len(self.names_)

    def _plan(self, data: Pictures, valid: Pictures | None) -> Plan:
        model: Any = self  # the hyperparameters stand where the method is
        return Plan(
            len(data), model.epochs, model.batch_size, stepping(self), lambda done: float(model.learning_rate),
            patience(self), judged=0 if valid is None else len(valid),
        )  # fmt: skip
