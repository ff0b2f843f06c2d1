"""Image classification: a residual network that answers what a picture shows, of one class or of several.

Idea:   convolutions learn local patterns, blocks of them add to what they are given, and the mean over all positions is
        classified.
Source: He, Zhang, Ren & Sun (2016), Deep residual learning for image recognition, CVPR; see
        :mod:`tarragon.algorithms.resnet` for the networks.
Cost:   fit O(epochs · n · pixels · layers · width²); memory O(mini_batch_size · pixels) and the weights three times.

Decisions where SageMaker's documentation is silent: hosts share a fit by summing gradients (kv_store is then
"dist_sync", whatever is asked for); of several labels the accuracy is that of each yes or no; use_weighted_loss weighs
a class's yes by how many times as frequent its no is, at most 100; the best epoch is that of the highest validation
accuracy, the last without a validation channel. float16 is used on a GPU; a processor computes in float32.
Networks for small pictures (20 to 110 layers) are as fine in their first stage as the picture: meant for 32 pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from tarragon.algorithms import augment
from tarragon.algorithms.artifact import seal
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.params import OneOf, Range, Text, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.resnet import DEPTHS, LARGE, resnet
from tarragon.algorithms.vision_artifact import Arrays, write_json, write_params, write_symbol
from tarragon.algorithms.vision_classify import Classify, probabilities
from tarragon.algorithms.vision_model import VisionModel, whole
from tarragon.algorithms.vision_schedules import Stepping, listed, patience, stepped
from tarragon.algorithms.vision_training import Plan, train
from tarragon.data import Pictures, Pixels, Prediction
from tarragon.errors import DataError, ParameterError

TITLE = "Image classification"
NAME = "image-classification"
MOST_SIDE = 4_096


@dataclass(eq=False, kw_only=True)
class ImageClassification(VisionModel):
    """Train a residual network on pictures with classes; the declarations below say what each setting does.

    Parameters
    ----------
    width : int, default=64
        Channels of the first stage; less makes a smaller network than SageMaker's.
    start, pretrained : mapping of str to ndarray, optional
        Weights to begin from; see :class:`tarragon.algorithms.vision_model.VisionModel`. Of published ones the last
        layer is learnt anew.

    Attributes
    ----------
    weights_ : dict of str to ndarray
    epoch_ : int
        The epoch the weights are of, from 1.
    kept_ : dict of int to weights
        Those of other epochs, where ``checkpoint_frequency`` asks for them.
    """

    card: ClassVar[Card] = Card(
        name=NAME,
        title=TITLE,
        tasks=frozenset({"image-classification"}),
        view="dense",
        accepts="pictures",
        use="What a whole picture shows, of classes of your own, with some hundred labelled pictures of each.",
        avoid="A few dozen pictures without weights to start from, or where on the picture something is.",
        interpretability="low",
        growth="time linear in epochs × pictures × pixels × layers; memory in mini_batch_size × pixels",
        source="He et al. (2016), CVPR, doi:10.1109/CVPR.2016.90",
        images=(NAME,),
        channels=("train", "validation", "train_lst", "validation_lst", "model"),
        content_types=("application/x-recordio", "application/x-image", "image/jpeg", "image/png"),
        metrics=("train:accuracy", "validation:accuracy"),
        answer=("prediction",),
        extra="deep",
        library="torch",
    )
    num_classes: Annotated[int, Range(1, 1_000_000, about="Classes there are.")]
    num_training_samples: Annotated[int, Range(1, 2**31 - 1, about="Training pictures there are.")]
    num_layers: Annotated[int, OneOf(DEPTHS, about="More layers learn finer distinctions and take longer.")] = 152
    image_shape: Annotated[str, Text(r"[13],\d{1,4},\d{1,4}", about="Channels, height and width.")] = "3,224,224"
    resize: Annotated[int | None, Range(1, MOST_SIDE, about="Length the shorter side is made before cropping.")] = None
    epochs: Annotated[int, Range(1, 1_000_000, about="Passes over the pictures.")] = 30
    mini_batch_size: Annotated[
        int, Range(1, 100_000, log=True, tune=(8, 512), about="Pictures per step; more are faster and blunter.")
    ] = 32
    learning_rate: Annotated[
        float, Range(0.0, 1.0, open_low=True, log=True, tune=(1e-6, 0.5), about="How far each step goes.")
    ] = 0.1
    lr_scheduler_factor: Annotated[
        float, Range(0.0, 1.0, open_low=True, about="What the rate is multiplied by at each step of the schedule.")
    ] = 0.1
    lr_scheduler_step: Annotated[str | None, Text(r"\[?[\d, ]*\]?", about="Epochs at which the rate falls.")] = None
    optimizer: Annotated[
        str,
        OneOf(("sgd", "adam", "rmsprop", "nag"), tune=("sgd", "adam", "rmsprop", "nag"), about="Rule of the steps."),
    ] = "sgd"
    momentum: Annotated[
        float, Range(0.0, 1.0, open_high=True, tune=(0.0, 0.999), about="Share of the last step kept (sgd, nag).")
    ] = 0.9
    weight_decay: Annotated[
        float, Range(0.0, 1.0, open_high=True, tune=(0.0, 0.999), about="More shrinks the weights (sgd, nag).")
    ] = 0.0001
    beta_1: Annotated[
        float, Range(0.0, 1.0, open_high=True, tune=(1e-6, 0.999), about="Memory of adam's mean gradient.")
    ] = 0.9
    beta_2: Annotated[
        float, Range(0.0, 1.0, open_high=True, tune=(1e-6, 0.999), about="Memory of adam's mean square.")
    ] = 0.999
    eps: Annotated[
        float,
        Range(0.0, 1.0, open_low=True, log=True, tune=(1e-8, 1.0), about="Keeps adam, rmsprop from dividing by 0."),
    ] = 1e-8
    gamma: Annotated[
        float, Range(0.0, 1.0, open_high=True, tune=(1e-8, 0.999), about="Memory of rmsprop's mean square.")
    ] = 0.9
    augmentation_type: Annotated[
        str | None, OneOf(("crop", "crop_color", "crop_color_transform"), about="Random changes to training pictures.")
    ] = None
    use_pretrained_model: Annotated[int, Range(0, 1, about="1: begin from published weights.")] = 0
    multi_label: Annotated[int, Range(0, 1, about="1: a picture may be of several classes.")] = 0
    use_weighted_loss: Annotated[int, Range(0, 1, about="1: rare labels weigh more (multi_label).")] = 0
    top_k: Annotated[int | None, Range(2, 1_000_000, about="Also measure whether the class is among so many.")] = None
    precision_dtype: Annotated[str, OneOf(("float32", "float16"), about="float16 halves the memory on a GPU.")] = (
        "float32"
    )
    checkpoint_frequency: Annotated[
        int | None, Range(1, 1_000_000, about="Epochs after which weights are kept beside the best.")
    ] = None
    early_stopping: Annotated[bool, OneOf((True, False), about="End when validation accuracy no longer grows.")] = False
    early_stopping_min_epochs: Annotated[int, Range(0, 1_000_000, about="Epochs done in any case.")] = 10
    early_stopping_patience: Annotated[int, Range(0, 1_000_000, about="Epochs to wait for better accuracy.")] = 5
    early_stopping_tolerance: Annotated[
        float, Range(0.0, 1.0, about="Share by which accuracy must grow to count as better.")
    ] = 0.0
    kv_store: Annotated[str | None, OneOf(("dist_sync", "dist_async"), about="How hosts share; always in step.")] = None

    epoch_: int = field(default=0, init=False, repr=False)
    kept_: dict[int, Arrays] = field(default_factory=dict, init=False, repr=False)

    def fit(self, data: Pictures, *, valid: Pictures | None = None, context: Context | None = None) -> Self:
        """Train.

        Raises
        ------
        ParameterError, DataError, MissingExtraError
        """
        check(self)
        self._shape()
        listed(self.lr_scheduler_step)
        context = context or Standalone()
        torch = torch_for(TITLE)
        several = bool(self.multi_label)
        task = Classify(data, valid, self.num_classes, self._train_view, self._view, several=several, top_k=self.top_k)
        task.check(TITLE)
        if several and self.use_weighted_loss:
            task.weigh()
        plan = Plan(
            len(data), self.epochs, self.mini_batch_size, self._stepping(),
            stepped(self.learning_rate, self.lr_scheduler_factor, listed(self.lr_scheduler_step)),
            patience(self),
            judged=0 if valid is None else len(valid), keep_every=self.checkpoint_frequency or 0,
            half=self.precision_dtype == "float16",
        )  # fmt: skip
        with steady(torch, context.threads, context.seed):
            net = self._built()
            self._begin(net, without="fc.")
            done = train(net, plan, task, context)
        self.weights_, self.epoch_, self.kept_ = done.weights, max(1, done.epoch), done.kept
        self._net = None
        return self

    def predict(self, data: Pictures) -> Prediction:
        """Answer ``{"probability": (n, K)}``; each picture is resized to the network's shape, proportions or not.

        Raises
        ------
        NotFittedError, DataError
        """
        return {"probability": probabilities(self._network(), data, self._squeezed, several=bool(self.multi_label))}

    def save(self, folder: Path) -> None:
        """Write ``image-classification-NNNN.params`` per epoch kept, the symbol, the shapes and the seal."""
        for epoch, weights in {**self.kept_, self.epoch_: self._fitted("save")}.items():
            write_params(folder / f"{NAME}-{epoch:04d}.params", weights)
        network = {
            "kind": "resnet", "layers": self.num_layers, "shape": list(self._shape()), "classes": self.num_classes,
            "width": self.width, "answer": "sigmoid" if self.multi_label else "softmax",
        }  # fmt: skip
        write_symbol(folder / f"{NAME}-symbol.json", network)
        write_json(folder / "model-shapes.json", [{"name": "data", "shape": [1, *self._shape()]}])
        seal(folder, self, {"epoch": self.epoch_, "width": self.width})

    def _built(self) -> Any:
        return resnet(self.num_layers, channels=self._shape()[0], width=self.width, classes=self.num_classes)

    def _file(self) -> str:
        return f"{NAME}-{self.epoch_:04d}.params"

    def _recall(self, facts: Mapping[str, Any]) -> None:
        super()._recall(facts)
        self.epoch_ = whole(facts, "epoch", 1, 1_000_000)

    def _shape(self) -> tuple[int, int, int]:
        """Channels, height and width. Raises ``ParameterError``."""
        channels, height, width = (int(part) for part in self.image_shape.split(","))
        if not (1 <= height <= MOST_SIDE and 1 <= width <= MOST_SIDE):
            raise ParameterError(
                f"image_shape={self.image_shape!r} is not allowed", why=f"Sides are 1 to {MOST_SIDE}", fix="Change it"
            )
        if self.resize is not None and self.resize < max(height, width):
            raise ParameterError(
                f"resize={self.resize} is not allowed",
                why=f"The part that is cut out has {max(height, width)} pixels",
                fix="Make resize larger than image_shape",
            )
        if self.use_pretrained_model and self.num_layers not in LARGE:
            raise ParameterError(
                f"num_layers={self.num_layers} is not allowed with use_pretrained_model=1",
                why="There are no published weights for it",
                fix=f"Use one of {sorted(LARGE)}",
            )
        return channels, height, width

    def _stepping(self) -> Stepping:
        gentle = self.optimizer in ("sgd", "nag")
        return Stepping(
            self.optimizer, self.learning_rate, self.momentum if gentle else 0.0, self.weight_decay if gentle else 0.0,
            (self.beta_1, self.beta_2), self.gamma, self.eps,
        )  # fmt: skip

    def _view(self, pixels: Pixels, draw: np.random.Generator | None = None) -> Pixels:
        """Resize if asked to, cut out the middle, or any part where a generator is given."""
        channels, height, width = self._shape()
        if self.resize is not None:
            pixels = augment.shortest(pixels, self.resize)
        if pixels.shape[0] < height or pixels.shape[1] < width:
            raise DataError(
                f"A picture of {pixels.shape[1]} × {pixels.shape[0]} pixels is too small",
                why=f"image_shape is {self.image_shape}",
                fix="Set resize, or make image_shape smaller",
            )
        return grey(augment.cropped(pixels, height, width, draw), channels)

    def _train_view(self, pixels: Pixels, draw: np.random.Generator) -> Pixels:
        kind = self.augmentation_type
        if kind is None:
            return self._view(pixels)
        if kind == "crop_color_transform":
            pixels = augment.bent(pixels, draw)
        if kind != "crop" and self._shape()[0] == 3:
            pixels = augment.coloured(pixels, draw)
        pixels = self._view(pixels, draw)
        return pixels[:, ::-1] if draw.random() < 0.5 else pixels

    def _squeezed(self, pixels: Pixels) -> Pixels:
        channels, height, width = self._shape()
        return grey(augment.resized(pixels, height, width), channels)


def grey(pixels: Pixels, channels: int) -> Pixels:
    """Return three channels as they are, or their mean as one."""
    if channels == 3:
        return pixels
    return np.asarray(pixels.mean(axis=2, keepdims=True).round(), np.uint8)


def confirmed(names: Sequence[str], classes: int) -> tuple[str, ...]:
    """Return the classes' names, or their numbers where the data do not name them all."""
    return tuple(names) if len(names) == classes else tuple(map(str, range(classes)))
