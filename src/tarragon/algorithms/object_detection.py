"""Object detection: SSD finds the objects on a picture, their classes and the boxes around them, in one pass.

Idea:   anchors of many places, sizes and proportions are laid over the picture; for each, the network answers which
        class it holds and how it must be moved to fit.
Source: Liu, Anguelov, Erhan, Szegedy, Reed, Fu & Berg (2016), SSD: Single shot multibox detector, ECCV; see
        :mod:`tarragon.algorithms.ssd` for the network and what departs from the paper.
Cost:   fit O(epochs · n · pixels · width²) for a base network of 16 or 50 layers; VGG-16 at 300 pixels takes seven
        times as long as ResNet-50.

Decisions where SageMaker's documentation is silent: training pictures are always changed as in the paper (colours,
zooming out, crops, mirroring); average precision is the area under the monotone curve, averaged over the classes that
occur; up to 400 boxes of probability 0.01 and more are answered, the surest first; hosts share a fit by summing
gradients. ``freeze_layer_pattern`` is searched for in the network's own names ("base.layer1.0.conv1.weight").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import augment
from tarragon.algorithms.artifact import seal
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.params import OneOf, Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.ssd import detector
from tarragon.algorithms.vision_artifact import write_json, write_params, write_symbol
from tarragon.algorithms.vision_detect import Detect, found_on
from tarragon.algorithms.vision_model import VisionModel
from tarragon.algorithms.vision_schedules import Stepping, listed, patience, stepped
from tarragon.algorithms.vision_training import Plan, train
from tarragon.data import Boxes, Pictures, Pixels, Prediction
from tarragon.errors import DataError, ParameterError

TITLE = "Object detection"
NAME = "object-detection"
PARAMS = "model_algo_1-0000.params"
SYMBOL = "model_algo_1-symbol.json"
HEADER = 2


@dataclass(eq=False, kw_only=True)
class ObjectDetection(VisionModel):
    """Train SSD on pictures with boxes; the declarations below say what each setting does.

    Parameters
    ----------
    width : int, default=64
        Channels of the base network's first stage; less makes a smaller network than SageMaker's.
    start, pretrained : mapping of str to ndarray, optional
        Weights to begin from; see :class:`tarragon.algorithms.vision_model.VisionModel`. Published ones are of the base
        network.

    Attributes
    ----------
    weights_ : dict of str to ndarray
    """

    card: ClassVar[Card] = Card(
        name=NAME,
        title=TITLE,
        tasks=frozenset({"object-detection"}),
        view="dense",
        accepts="pictures",
        use="Where on a picture which objects are, with some hundred pictures with boxes.",
        avoid="What a picture shows as a whole, exact outlines, or objects of a few pixels.",
        interpretability="low",
        growth="time linear in epochs × pictures × pixels; memory in mini_batch_size × pixels",
        source="Liu et al. (2016), ECCV, doi:10.1007/978-3-319-46448-0_2",
        images=(NAME,),
        channels=("train", "validation", "train_annotation", "validation_annotation", "model"),
        content_types=("application/x-recordio", "application/x-image", "image/jpeg", "image/png"),
        metrics=("validation:mAP", "train:smooth_l1", "train:cross_entropy"),
        answer=("prediction",),
        extra="deep",
        library="torch",
    )
    num_classes: Annotated[int, Range(1, 100_000, about="Classes of objects there are.")]
    num_training_samples: Annotated[int, Range(1, 2**31 - 1, about="Training pictures there are.")]
    base_network: Annotated[str, OneOf(("vgg-16", "resnet-50"), about="What the maps are computed by.")] = "vgg-16"
    use_pretrained_model: Annotated[int, Range(0, 1, about="1: begin from published weights.")] = 1
    image_shape: Annotated[int, Range(32, 4_096, about="Side to which pictures are resized; larger sees smaller.")] = (
        300
    )
    epochs: Annotated[int, Range(1, 1_000_000, about="Passes over the pictures.")] = 30
    mini_batch_size: Annotated[
        int, Range(1, 100_000, log=True, tune=(8, 64), about="Pictures per step; more are steadier.")
    ] = 32
    learning_rate: Annotated[
        float, Range(0.0, 1.0, open_low=True, log=True, tune=(1e-6, 0.5), about="How far each step goes.")
    ] = 0.001
    lr_scheduler_factor: Annotated[
        float, Range(0.0, 1.0, open_low=True, open_high=True, about="What the rate is multiplied by at each step.")
    ] = 0.1
    lr_scheduler_step: Annotated[str | None, Text(r"\[?[\d, ]*\]?", about="Epochs at which the rate falls.")] = None
    optimizer: Annotated[
        str,
        OneOf(
            ("sgd", "adam", "rmsprop", "adadelta"), tune=("sgd", "adam", "rmsprop", "adadelta"),
            about="Rule of the steps.",
        ),
    ] = "sgd"  # fmt: skip
    momentum: Annotated[
        float, Range(0.0, 1.0, open_low=True, tune=(0.0, 0.999), about="Share of the last step kept (sgd, rmsprop).")
    ] = 0.9
    weight_decay: Annotated[
        float, Range(0.0, 1.0, open_low=True, open_high=True, tune=(0.0, 0.999), about="More shrinks the weights.")
    ] = 0.0005
    overlap_threshold: Annotated[
        float, Range(0.0, 1.0, open_low=True, about="Overlap from which a box counts as found.")
    ] = 0.5
    nms_threshold: Annotated[
        float, Range(0.0, 1.0, open_low=True, about="Overlap from which one of two boxes is dropped.")
    ] = 0.45
    label_width: Annotated[int, Range(1, 1_000_000, about="Numbers of a padded label: 2 and 5 per object.")] = 350
    freeze_layer_pattern: Annotated[str | None, Text(r"[\s\S]{0,1000}", about="Names of layers that stay.")] = None
    early_stopping: Annotated[bool, OneOf((True, False), about="End when validation mAP no longer grows.")] = False
    early_stopping_min_epochs: Annotated[int, Range(0, 1_000_000, about="Epochs done in any case.")] = 10
    early_stopping_patience: Annotated[int, Range(0, 1_000_000, about="Epochs to wait for a better mAP.")] = 5
    early_stopping_tolerance: Annotated[
        float, Range(0.0, 1.0, about="Share by which mAP must grow to count as better.")
    ] = 0.0
    kv_store: Annotated[str | None, OneOf(("dist_sync", "dist_async"), about="How hosts share; always in step.")] = None

    def fit(self, data: Pictures, *, valid: Pictures | None = None, context: Context | None = None) -> Self:
        """Train.

        Raises
        ------
        ParameterError, DataError, MissingExtraError
        """
        check(self)
        pattern = self._frozen()
        context = context or Standalone()
        torch = torch_for(TITLE)
        plan = Plan(
            len(data), self.epochs, self.mini_batch_size,
            Stepping(
                self.optimizer, self.learning_rate,
                min(self.momentum, 0.9999) if self.optimizer in ("sgd", "rmsprop") else 0.0, self.weight_decay,
            ),
            stepped(self.learning_rate, self.lr_scheduler_factor, listed(self.lr_scheduler_step)),
            patience(self),
            judged=0 if valid is None else len(valid),
        )  # fmt: skip
        with steady(torch, context.threads, context.seed):
            net = self._built()
            task = Detect(data, valid, self, net)
            self._check(task)
            self._begin(net, "base.")
            for name, weight in net.named_parameters():
                weight.requires_grad = pattern is None or pattern.search(name) is None
            self.weights_ = train(net, plan, task, context).weights
        self._net = None
        return self

    def predict(self, data: Pictures) -> Prediction:
        """Answer ``{"detection": (n, most, 6)}``: class, score, xmin, ymin, xmax, ymax; rows of -1 fill up.

        Raises
        ------
        NotFittedError, DataError
        """
        found = found_on(self._network(), data, self, torch_for(TITLE).device("cpu"))
        answer = np.full((len(found), max([1, *map(len, found)]), 6), -1.0, np.float32)
        for i, rows in enumerate(found):
            answer[i, : len(rows)] = rows
        return {"detection": answer}

    def save(self, folder: Path) -> None:
        """Write the weights, their description, ``hyperparams.json`` and the seal."""
        from tarragon.algorithms.params import chosen

        write_params(folder / PARAMS, self._fitted("save"))
        network = {"kind": "ssd", "base": self.base_network, "side": self.image_shape, "classes": self.num_classes}
        write_symbol(folder / SYMBOL, {**network, "width": self.width})
        write_json(folder / "hyperparams.json", {n: str(v) for n, v in chosen(self).items() if v is not None})
        seal(folder, self, {"width": self.width})

    @property
    def side(self) -> int:
        """Side of the network's pictures."""
        return self.image_shape

    def changed(self, pixels: Pixels, boxes: Boxes, draw: np.random.Generator) -> tuple[Pixels, Boxes]:
        """Change a training picture and its boxes as the paper does."""
        return augment.sampled(pixels, boxes, draw)

    def _built(self) -> Any:
        return detector(self.num_classes, self.base_network, self.image_shape, self.width)

    def _file(self) -> str:
        return PARAMS

    def _check(self, task: Detect) -> None:
        task.check(TITLE)
        most = max(len(own) for own in task.data.boxes or ())
        if HEADER + 5 * most > self.label_width:
            raise DataError(
                f"A picture has {most} objects",
                why=f"label_width={self.label_width} leaves room for {(self.label_width - HEADER) // 5}",
                fix=f"Set label_width to {HEADER + 5 * most} or more",
            )

    def _frozen(self) -> "re.Pattern[str] | None":
        if self.freeze_layer_pattern in (None, "", "false", "False"):
            return None
        assert self.freeze_layer_pattern is not None
        try:
            return re.compile(self.freeze_layer_pattern)
        except re.error as error:
            raise ParameterError(
                f"freeze_layer_pattern={self.freeze_layer_pattern!r} is not allowed",
                why=f"It is no regular expression: {error}",
                fix="Correct it",
            ) from error


def listing(detection: NDArray[Any]) -> Sequence[Sequence[float]]:
    """Return one picture's rows without those that fill up."""
    rows: Sequence[Sequence[float]] = detection[detection[:, 0] >= 0].tolist()
    return rows
