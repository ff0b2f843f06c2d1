"""Image classification in the TensorFlow dialect of SageMaker's model hub: a network is tuned to classes of your own.

Idea:   as :mod:`tarragon.algorithms.image_classification`; names, defaults and changes of pictures are the hub's.
Source: He, Zhang, Ren & Sun (2016), CVPR; Szegedy et al. (2016), Rethinking the Inception architecture, CVPR, §7
        (smoothed labels).
Cost:   fit O(epochs · n · pixels · layers).

Decisions where the documentation is silent: a residual network stands for every family of the hub (see
:mod:`tarragon.algorithms.hub_vision`); the L2 penalty is on the last layer; binary_mode wants two classes, and its
metrics are of the second; "Auto" learns the last layer anew unless a former model goes on.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import augment
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.hub_vision import INTERPOLATIONS, OPTIMIZERS, TOP, HubModel
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.resnet import resnet
from tarragon.algorithms.vision_classify import Classify, probabilities
from tarragon.algorithms.vision_training import train
from tarragon.data import Pictures, Pixels, Prediction
from tarragon.errors import ParameterError

TITLE = "Image classification (TensorFlow dialect)"


@dataclass(eq=False, kw_only=True)
class ImageClassificationTF(HubModel):
    """Tune a residual network to pictures with classes; the declarations below say what each setting does.

    Parameters
    ----------
    layers, side, width : int
        Layers of the network, side of its pictures, channels of its first stage.
    start, pretrained : mapping of str to ndarray, optional
        Weights to begin from: a former model's, published ones by their names.

    Attributes
    ----------
    weights_ : dict of str to ndarray
    names_ : tuple of str
        The classes.
    """

    card: ClassVar[Card] = Card(
        name="image-classification-tf",
        title=TITLE,
        tasks=frozenset({"image-classification"}),
        view="dense",
        accepts="pictures",
        use="As image classification, for jobs that were written for the model hub's tensorflow-ic models.",
        avoid="New work: image classification has more settings and the same network.",
        interpretability="low",
        growth="time linear in epochs × pictures × pixels × layers; memory in batch_size × pixels",
        source="He et al. (2016), CVPR, doi:10.1109/CVPR.2016.90",
        channels=("training", "validation", "model"),
        content_types=("application/x-image",),
        metrics=("validation:accuracy",),
        answer=("probabilities", "labels", "predicted_label"),
        extra="deep",
        library="torch",
    )
    epochs: Annotated[int, Range(1, 1_000_000, about="Passes over the pictures.")] = 3
    batch_size: Annotated[int, Range(1, 100_000, log=True, tune=(8, 512), about="Pictures per step.")] = 32
    learning_rate: Annotated[
        float, Range(0.0, 1.0, open_low=True, log=True, tune=(1e-6, 0.5), about="How far each step goes.")
    ] = 0.001
    optimizer: Annotated[str, OneOf(OPTIMIZERS, tune=OPTIMIZERS, about="Rule of the steps.")] = "adam"
    momentum: Annotated[
        float, Range(0.0, 1.0, tune=(0.0, 0.999), about="Share of the last step kept (sgd, nesterov, rmsprop).")
    ] = 0.9
    beta_1: Annotated[float, Range(0.0, 1.0, tune=(1e-6, 0.999), about="Memory of adam's mean gradient.")] = 0.9
    beta_2: Annotated[float, Range(0.0, 1.0, tune=(1e-6, 0.999), about="Memory of adam's mean square.")] = 0.999
    rho: Annotated[float, Range(0.0, 1.0, about="Memory of rmsprop's and adadelta's mean square.")] = 0.95
    epsilon: Annotated[float, Range(0.0, 1.0, tune=(1e-8, 1.0), about="Keeps steps from dividing by 0.")] = 1e-7
    initial_accumulator_value: Annotated[float, Range(0.0, 1.0, about="Where adagrad's sums begin.")] = 0.0001
    dropout_rate: Annotated[
        float, Range(0.0, 1.0, open_high=True, about="Share of the last layer's inputs silenced in training.")
    ] = 0.2
    regularizers_l2: Annotated[float, Range(0.0, 1.0, tune=(0.0, 0.999), about="Shrinks the last layer.")] = 0.0001
    label_smoothing: Annotated[
        float, Range(0.0, 1.0, open_high=True, about="More keeps probabilities from the ends.")
    ] = 0.1
    train_only_on_top_layer: Annotated[
        bool, OneOf((True, False), tune=(True, False), about="Learn the last layer only.")
    ] = False
    reinitialize_top_layer: Annotated[str, OneOf(TOP, about="Whether the last layer begins anew.")] = "Auto"
    augmentation: Annotated[bool, OneOf((True, False), about="Whether training pictures are changed.")] = False
    augmentation_random_flip: Annotated[
        str, OneOf(("horizontal_and_vertical", "horizontal", "vertical", "None"), about="How they are mirrored.")
    ] = "horizontal_and_vertical"
    augmentation_random_rotation: Annotated[float, Range(-1.0, 1.0, about="Most they are turned, full turns.")] = 0.2
    augmentation_random_zoom: Annotated[float, Range(-1.0, 1.0, about="Most they are zoomed, a share.")] = 0.1
    binary_mode: Annotated[bool, OneOf((True, False), about="Two classes, judged by the second.")] = False
    eval_metric: Annotated[
        str, OneOf(("accuracy", "precision", "recall", "auc", "prc"), about="What validation goes by.")
    ] = "accuracy"
    image_resize_interpolation: Annotated[str, OneOf(INTERPOLATIONS, about="How pictures are resized.")] = "bilinear"
    early_stopping: Annotated[bool, OneOf((True, False), about="End when validation no longer improves.")] = False
    early_stopping_patience: Annotated[int, Range(1, 1_000_000, about="Epochs to wait for better.")] = 5
    early_stopping_min_delta: Annotated[float, Range(0.0, 1.0, about="Difference that counts as better.")] = 0.0

    def fit(self, data: Pictures, *, valid: Pictures | None = None, context: Context | None = None) -> Self:
        """Train on pictures whose classes have names, or codes up to the largest.

        Raises
        ------
        ParameterError, DataError, MissingExtraError
        """
        check(self)
        context = context or Standalone()
        torch = torch_for(TITLE)
        count = int(data.labels.max()) + 1 if data.labels is not None and data.labels.size else 0
        names = data.names or tuple(map(str, range(count)))
        if self.eval_metric != "accuracy" and not self.binary_mode:
            raise ParameterError(
                f"eval_metric={self.eval_metric} is not allowed", why="binary_mode is False", fix="Use accuracy"
            )
        task = _Judged(data, valid, len(names), self._changed, self._view, smoothing=self.label_smoothing)
        task.check(TITLE)
        if self.binary_mode and len(names) != 2:
            raise ParameterError(
                "binary_mode=True wants two classes", why=f"There are {len(names)}", fix="Set binary_mode to False"
            )
        self.num_classes = len(names)
        with steady(torch, context.threads, context.seed):
            net = self._built()
            self._begin(net)
            task.by(net, self.eval_metric, self.regularizers_l2)
            done = train(net, self._plan(data, valid), task, context)
        self.weights_, self.names_ = done.weights, tuple(names)
        self._net = None
        return self

    def predict(self, data: Pictures) -> Prediction:
        """Answer ``{"probability": (n, K)}``. Raises ``NotFittedError`` or ``DataError``."""
        return {"probability": probabilities(self._network(), data, self._view, several=False)}

    def _built(self) -> Any:
        return resnet(self.layers, width=self.width, classes=self.num_classes, dropout=self.dropout_rate)

    def _described(self) -> dict[str, object]:
        return {"kind": "resnet"}

    def _begin(self, net: Any, prefix: str = "", without: str = "fc.") -> None:
        """Begin from a former model's or published weights, the last layer anew if so asked; freeze the others."""
        former = self.start if self.start is not None else self.pretrained
        if former is not None:
            asked = self.reinitialize_top_layer
            anew = asked == "True" or (asked == "Auto" and self.start is None)
            kept = {n: a for n, a in former.items() if not (anew and n.startswith(without))}
            self._fit_in(torch_for(TITLE), net, kept, prefix)
        if self.train_only_on_top_layer:
            for name, weight in net.named_parameters():
                weight.requires_grad = name.startswith(without)

    def _view(self, pixels: Pixels) -> Pixels:
        return augment.resized(pixels, self.side, self.side, self.image_resize_interpolation)

    def _changed(self, pixels: Pixels, draw: np.random.Generator) -> Pixels:
        pixels = self._view(pixels)
        if not self.augmentation:
            return pixels
        flip = self.augmentation_random_flip
        if flip.startswith("horizontal") and draw.random() < 0.5:
            pixels = pixels[:, ::-1]
        if flip.endswith("vertical") and draw.random() < 0.5:
            pixels = pixels[::-1]
        if self.augmentation_random_rotation or self.augmentation_random_zoom:
            pixels = augment.turned(
                np.ascontiguousarray(pixels), draw, self.augmentation_random_rotation, self.augmentation_random_zoom
            )
        return pixels


class _Judged(Classify):
    """Classifying with a penalty on the last layer, and a choice of what validation goes by."""

    def by(self, net: Any, metric: str, penalty: float) -> None:
        """Set network, metric and penalty."""
        self.net, self.metric, self.penalty = net, metric, penalty

    def loss(self, answer: Any, wanted: Any, device: Any) -> tuple[Any, dict[str, float]]:
        """Return cross-entropy and the penalty."""
        loss, found = super().loss(answer, wanted, device)
        return loss + self.penalty * (self.net.fc.weight**2).sum(), found

    def measures(self, raw: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
        """Put the metric asked for first."""
        found = super().measures(raw, y)
        if self.metric == "accuracy":
            return found
        return {self.metric: binary(raw[:, 1] - raw[:, 0], y == 1, self.metric), **found}


def binary(score: NDArray[Any], true: NDArray[Any], metric: str) -> float:
    """Precision or recall from score 0 on, or the area under the curve of rates (auc) or of precision (prc).

    Examples
    --------
    >>> binary(np.array([1.0, 2.0, -1.0]), np.array([False, True, True]), "precision")
    0.5
    """
    from tarragon.algorithms.boxes import average_precision

    hits, guessed, there = float((true & (score > 0)).sum()), float((score > 0).sum()), float(true.sum())
    if metric == "precision":
        return hits / guessed if guessed else 0.0
    if metric == "recall":
        return hits / there if there else 0.0
    if metric == "prc":
        return average_precision(true, score, int(there)) if there else 0.0
    from scipy.stats import rankdata

    if not 0 < there < len(true):
        return 0.5
    return float((rankdata(score)[true].sum() - there * (there + 1) / 2) / (there * (len(true) - there)))
