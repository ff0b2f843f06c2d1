"""Semantic segmentation: each pixel of a picture gets a class.

Idea:   a residual network that keeps maps of an eighth of the resolution, a head that looks around each position, and
        a resize of its answer to the picture's size.
Source: Long, Shelhamer & Darrell (2015), CVPR (fcn); Zhao et al. (2017), CVPR (psp); Chen et al. (2017),
        arXiv:1706.05587 (deeplab); see :mod:`tarragon.algorithms.segmentation_heads`.
Cost:   fit O(epochs · n · crop_size² · layers · width²); a picture is answered in its own size, O(base_size²).

Decisions where SageMaker's documentation is silent: for validation and answers a picture's longer side is made
base_size pixels, the middle of what it sees in training, and the answer is resized to the picture's own size; 255 in a
mask is of no class; mIOU is the mean over classes that occur in masks or answers; syncbn and several GPUs change
nothing, as a fit is on one device. gamma1 is RMSProp's memory, gamma2 its momentum.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from tarragon.algorithms.artifact import seal
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.params import OneOf, Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.segmentation_heads import KINDS, segmenter
from tarragon.algorithms.vision_artifact import write_json, write_params, write_symbol
from tarragon.algorithms.vision_model import VisionModel
from tarragon.algorithms.vision_schedules import Rate, Stepping, cosine, listed, patience, polynomial, stepped
from tarragon.algorithms.vision_segment import Segment, scores_on
from tarragon.algorithms.vision_training import Plan, train
from tarragon.data import Pictures, Prediction
from tarragon.errors import ParameterError

TITLE = "Semantic segmentation"
NAME = "semantic-segmentation"
PARAMS = "model_algo-1"
OPTIMIZERS = ("sgd", "adam", "adagrad", "nag", "rmsprop", "adadelta")


@dataclass(eq=False, kw_only=True)
class SemanticSegmentation(VisionModel):
    """Train a network on pictures with masks; the declarations below say what each setting does.

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
        tasks=frozenset({"semantic-segmentation"}),
        view="dense",
        accepts="pictures",
        use="Exact outlines of kinds of things, with masks drawn on some hundred pictures.",
        avoid="Telling one thing from the next of its kind, or where boxes would do.",
        interpretability="low",
        growth="time linear in epochs × pictures × crop_size²; memory in mini_batch_size × crop_size²",
        source="Long et al. (2015), CVPR, doi:10.1109/CVPR.2015.7298965",
        images=(NAME,),
        channels=("train", "validation", "train_annotation", "validation_annotation", "label_map", "model"),
        content_types=("image/jpeg", "image/png", "application/x-image", "application/x-recordio"),
        metrics=("validation:mIOU", "validation:pixel_accuracy"),
        answer=("target", "shape"),
        extra="deep",
        library="torch",
    )
    num_classes: Annotated[int, Range(2, 254, about="Classes of pixels there are.")]
    num_training_samples: Annotated[int, Range(1, 2**31 - 1, about="Training pictures there are.")]
    backbone: Annotated[str, OneOf(("resnet-50", "resnet-101"), about="More layers learn finer distinctions.")] = (
        "resnet-50"
    )
    algorithm: Annotated[str, OneOf(KINDS, about="How a position looks around itself.")] = "fcn"
    use_pretrained_model: Annotated[bool, OneOf((True, False), about="Begin from published weights.")] = True
    base_size: Annotated[int, Range(17, 4_096, about="Length of the longer side, around which training varies.")] = 520
    crop_size: Annotated[int, Range(17, 4_096, about="Side of the squares learnt from, rounded up to 8.")] = 240
    epochs: Annotated[int, Range(1, 1_000_000, about="Passes over the pictures.")] = 10
    learning_rate: Annotated[
        float, Range(0.0, 1.0, open_low=True, log=True, tune=(1e-4, 1e-1), about="How far each step goes.")
    ] = 0.001
    lr_scheduler: Annotated[str, OneOf(("poly", "step", "cosine"), about="How the rate falls.")] = "poly"
    lr_scheduler_factor: Annotated[
        float, Range(0.0, 1.0, about="What the rate is multiplied by at each epoch of lr_scheduler_step.")
    ] = 0.1
    lr_scheduler_step: Annotated[str | None, Text(r"\[?[\d, ]*\]?", about="Epochs at which the rate falls.")] = None
    mini_batch_size: Annotated[
        int, Range(1, 100_000, log=True, tune=(1, 128), about="Pictures per step; more are steadier.")
    ] = 16
    validation_mini_batch_size: Annotated[int, Range(1, 100_000, about="Pictures validated at a time.")] = 16
    optimizer: Annotated[str, OneOf(OPTIMIZERS, tune=("sgd", "adam", "adadelta"), about="Rule of the steps.")] = "sgd"
    momentum: Annotated[
        float, Range(0.0, 1.0, open_low=True, tune=(0.9, 0.999), about="Share of the last step kept (sgd, nag).")
    ] = 0.9
    weight_decay: Annotated[
        float, Range(0.0, 1.0, open_low=True, open_high=True, log=True, tune=(1e-5, 1e-3), about="Shrinks the weights.")
    ] = 0.0001
    gamma1: Annotated[float, Range(0.0, 1.0, open_high=True, about="Memory of rmsprop's mean square.")] = 0.9
    gamma2: Annotated[float, Range(0.0, 1.0, open_high=True, about="Momentum of rmsprop.")] = 0.9
    syncbn: Annotated[bool, OneOf((True, False), about="Normalise over all GPUs; a fit has one.")] = False
    early_stopping: Annotated[bool, OneOf((True, False), about="End when validation mIOU no longer grows.")] = False
    early_stopping_min_epochs: Annotated[int, Range(0, 1_000_000, about="Epochs done in any case.")] = 5
    early_stopping_patience: Annotated[int, Range(0, 1_000_000, about="Epochs to wait for a better mIOU.")] = 4
    early_stopping_tolerance: Annotated[
        float, Range(0.0, 1.0, about="Share by which mIOU must grow to count as better.")
    ] = 0.0

    def fit(self, data: Pictures, *, valid: Pictures | None = None, context: Context | None = None) -> Self:
        """Train.

        Raises
        ------
        ParameterError, DataError, MissingExtraError
        """
        check(self)
        rate = self._rate()
        context = context or Standalone()
        torch = torch_for(TITLE)
        crop = -(-self.crop_size // 8) * 8
        task = Segment(data, valid, self.num_classes, self.base_size, crop, self.validation_mini_batch_size)
        task.check(TITLE)
        momentum = {"sgd": self.momentum, "nag": self.momentum, "rmsprop": self.gamma2}.get(self.optimizer, 0.0)
        plan = Plan(
            len(data), self.epochs, self.mini_batch_size,
            Stepping(
                self.optimizer, self.learning_rate, min(momentum, 0.9999), self.weight_decay, decay=self.gamma1
            ), rate,
            patience(self),
            judged=0 if valid is None else len(valid),
        )  # fmt: skip
        with steady(torch, context.threads, context.seed):
            net = self._built()
            self._begin(net, "base.")
            self.weights_ = train(net, plan, task, context).weights
        self._net = None
        return self

    def predict(self, data: Pictures) -> Prediction:
        """Answer pictures of one size: ``{"probability": (n, K, h, w), "mask": (n, h, w)}``.

        Raises
        ------
        NotFittedError, DataError
        """
        p = np.stack(list(scores_on(self._network(), data, self.base_size, torch_for(TITLE).device("cpu"))))
        return {"probability": p, "mask": p.argmax(axis=1).astype(np.uint8)}

    def save(self, folder: Path) -> None:
        """Write ``model_algo-1``, its description, ``hyperparams.json`` and the seal."""
        from tarragon.algorithms.params import chosen

        write_params(folder / PARAMS, self._fitted("save"))
        network = {"kind": self.algorithm, "base": self.backbone, "classes": self.num_classes, "width": self.width}
        write_symbol(folder / f"{PARAMS}-symbol.json", network)
        write_json(folder / "hyperparams.json", {n: str(v) for n, v in chosen(self).items() if v is not None})
        seal(folder, self, {"width": self.width})

    def _built(self) -> Any:
        return segmenter(self.num_classes, self.algorithm, int(self.backbone.rpartition("-")[2]), self.width)

    def _file(self) -> str:
        return PARAMS

    def _rate(self) -> Rate:
        if self.lr_scheduler == "poly":
            return polynomial(self.learning_rate, self.epochs)
        if self.lr_scheduler == "cosine":
            return cosine(self.learning_rate, self.epochs)
        steps = listed(self.lr_scheduler_step)
        if not steps:
            raise ParameterError(
                "'lr_scheduler_step' is a required property",
                why="lr_scheduler is step",
                fix='Set it, say "6,8"',
            )
        return stepped(self.learning_rate, self.lr_scheduler_factor, steps)
