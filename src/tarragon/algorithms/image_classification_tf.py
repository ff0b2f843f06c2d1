"""Image classification in the TensorFlow dialect of SageMaker's model hub: a network is tuned to classes of your own.

Idea:   as :mod:`tarragon.algorithms.image_classification`; names, defaults and changes of pictures are the hub's.
Source: He, Zhang, Ren & Sun (2016), CVPR; Szegedy et al. (2016), Rethinking the Inception architecture, CVPR, §7
        (smoothed labels).
Cost:   fit O(epochs · n · pixels · layers).

Decisions where the documentation is silent: a residual network stands for every family of the hub (see
:mod:`tarragon.algorithms.hub_vision`); the L2 penalty is on the last layer; binary_mode wants two classes, and its
metrics are of the second; "Auto" learns the last layer anew unless a former model goes on.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import augment
from tarragon.algorithms.artifact import fitted, opened, seal
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.hub_vision import INTERPOLATIONS, OPTIMIZERS, TOP, patience, stand_for, stepping
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.resnet import DEPTHS, resnet
from tarragon.algorithms.vision_artifact import Arrays, read_params, write_json, write_params, write_symbol
from tarragon.algorithms.vision_classify import Classify, probabilities
from tarragon.algorithms.vision_training import Plan, begin_from, install, train
from tarragon.data import Pictures, Pixels, Prediction
from tarragon.errors import NotFittedError, ParameterError

TITLE = "Image classification (TensorFlow dialect)"
PARAMS, SYMBOL, LABELS = "model.params", "model-symbol.json", "class_label_to_prediction_index.json"
logger = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class ImageClassificationTF:
    """Tune a residual network to pictures with classes; the declarations below say what each setting does.

    Parameters
    ----------
    layers, side, width : int
        Layers of the network, side of its pictures, channels of its first stage.
    start : mapping of str to ndarray, optional
        Weights of a former model to go on from.
    pretrained : mapping of str to ndarray, optional
        Published weights by their names.

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

    layers: int = field(default=50, repr=False)
    side: int = field(default=224, repr=False)
    width: int = field(default=64, repr=False)
    start: Mapping[str, NDArray[Any]] | None = field(default=None, repr=False)
    pretrained: Mapping[str, NDArray[Any]] | None = field(default=None, repr=False)
    weights_: Arrays | None = field(default=None, init=False, repr=False)
    names_: tuple[str, ...] = field(default=(), init=False, repr=False)
    _net: Any = field(default=None, init=False, repr=False)

    def stand_for(self, model_id: str) -> None:
        """Take layers and side from the hub's model id; see :mod:`tarragon.algorithms.hub_vision`."""
        stand = stand_for(model_id)
        self.layers, self.side = stand.layers, stand.side

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
        plan = Plan(
            len(data), self.epochs, self.batch_size, stepping(self), lambda done: self.learning_rate, patience(self),
            judged=0 if valid is None else len(valid),
        )  # fmt: skip
        with steady(torch, context.threads, context.seed):
            net = self._built(len(names))
            self._begin(torch, net)
            task.by(net, self.eval_metric, self.regularizers_l2)
            self.weights_, self.names_ = train(net, plan, task, context).weights, tuple(names)
        self._net = None
        return self

    def predict(self, data: Pictures) -> Prediction:
        """Answer ``{"probability": (n, K)}``. Raises ``NotFittedError`` or ``DataError``."""
        if self.weights_ is None:
            raise NotFittedError(f"{TITLE} is not fitted", why="predict came before fit", fix="Call fit, or load")
        if self._net is None:
            self._net = self._restored(torch_for(TITLE), self.weights_)
        return {"probability": probabilities(self._net, data, self._view, several=False)}

    def save(self, folder: Path) -> None:
        """Write the weights, their description, the classes' names and the seal."""
        fitted(None if self.weights_ is None else 1, TITLE)
        assert self.weights_ is not None
        write_params(folder / PARAMS, self.weights_)
        network = {"kind": "resnet", "layers": self.layers, "side": self.side, "width": self.width}
        write_symbol(folder / SYMBOL, {**network, "classes": len(self.names_)})
        write_json(folder / LABELS, {name: i for i, name in enumerate(self.names_)})
        facts = {"names": list(self.names_), "layers": self.layers, "side": self.side, "width": self.width}
        seal(folder, self, facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        from tarragon.algorithms.weights import broken

        model, facts = opened(folder, cls)
        try:
            model.layers, model.side, model.width = (int(facts[k]) for k in ("layers", "side", "width"))
            model.names_ = tuple(str(name) for name in facts["names"])
            if model.layers not in DEPTHS or not (1 <= model.width <= 256 and 1 <= model.side <= 4096):
                raise ValueError(f"layers {model.layers}, width {model.width}, side {model.side}")
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"the facts are spoilt: {error}") from error
        weights = read_params(folder / PARAMS)
        model._net = model._restored(torch_for(TITLE), weights)
        model.weights_ = weights
        return model

    def _built(self, classes: int) -> Any:
        return resnet(self.layers, width=self.width, classes=classes, dropout=self.dropout_rate)

    def _restored(self, torch: Any, weights: Mapping[str, NDArray[Any]]) -> Any:
        with torch.random.fork_rng():
            net = self._built(len(self.names_))
        install(torch, net, weights)
        return net

    def _begin(self, torch: Any, net: Any) -> None:
        former = self.start if self.start is not None else self.pretrained
        if former is not None:
            asked = self.reinitialize_top_layer
            anew = asked == "True" or (asked == "Auto" and self.start is None)
            kept = {n: a for n, a in former.items() if not (anew and n.startswith("fc."))}
            if not begin_from(torch, net, kept):
                logger.warning("none of the weights to begin from fits a network of %d layers", self.layers)
        if self.train_only_on_top_layer:
            for name, weight in net.named_parameters():
                weight.requires_grad = name.startswith("fc.")

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
