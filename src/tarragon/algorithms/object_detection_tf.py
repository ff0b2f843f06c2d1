"""Object detection in the TensorFlow dialect of SageMaker's model hub: SSD, tuned to objects of your own.

Idea:   as :mod:`tarragon.algorithms.object_detection`; names, defaults and answers are the hub's.
Source: Liu et al. (2016), SSD: Single shot multibox detector, ECCV.
Cost:   fit O(epochs · n · pixels · layers).

Decisions where the documentation is silent: SSD on a residual network stands for every family of the hub (see
:mod:`tarragon.algorithms.hub_vision`); training pictures are changed as in the paper; the best epoch is that of the
lowest sum of both validation losses; up to 100 boxes are answered, as the hub's detectors do.
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
from tarragon.algorithms.hub_vision import OPTIMIZERS, TOP, patience, stand_for, stepping
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.ssd import detector
from tarragon.algorithms.vision_artifact import Arrays, read_params, write_json, write_params, write_symbol
from tarragon.algorithms.vision_detect import Detect, found_on
from tarragon.algorithms.vision_training import Plan, begin_from, install, train
from tarragon.data import Boxes, Pictures, Pixels, Prediction
from tarragon.errors import NotFittedError

TITLE = "Object detection (TensorFlow dialect)"
PARAMS, SYMBOL, LABELS = "model.params", "model-symbol.json", "class_label_to_prediction_index.json"
MOST = 100
HEADS = ("kind.", "place.")
logger = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class ObjectDetectionTF:
    """Tune SSD to pictures with boxes; the declarations below say what each setting does.

    Parameters
    ----------
    layers, side, width : int
        Layers of the base network, side of its pictures, channels of its first stage.
    start : mapping of str to ndarray, optional
        Weights of a former model to go on from.
    pretrained : mapping of str to ndarray, optional
        Published weights of the base network by their names.

    Attributes
    ----------
    weights_ : dict of str to ndarray
    names_ : tuple of str
        The classes.
    """

    card: ClassVar[Card] = Card(
        name="object-detection-tf",
        title=TITLE,
        tasks=frozenset({"object-detection"}),
        view="dense",
        accepts="pictures",
        use="As object detection, for jobs that were written for the model hub's tensorflow-od models.",
        avoid="New work: object detection has more settings and the same network.",
        interpretability="low",
        growth="time linear in epochs × pictures × pixels; memory in batch_size × pixels",
        source="Liu et al. (2016), ECCV, doi:10.1007/978-3-319-46448-0_2",
        channels=("training", "validation", "model"),
        content_types=("application/x-image",),
        metrics=("validation:localization_loss", "validation:classification_loss"),
        answer=("normalized_boxes", "classes", "scores", "labels"),
        extra="deep",
        library="torch",
    )
    batch_size: Annotated[int, Range(1, 100_000, log=True, tune=(8, 512), about="Pictures per step.")] = 3
    epochs: Annotated[int, Range(1, 1_000_000, about="Passes over the pictures.")] = 5
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
    initial_accumulator_value: Annotated[float, Range(0.0, 1.0, about="Where adagrad's sums begin.")] = 0.1
    reinitialize_top_layer: Annotated[str, OneOf(TOP, about="Whether the heads begin anew.")] = "Auto"
    train_only_on_top_layer: Annotated[
        bool, OneOf((True, False), tune=(True, False), about="Learn the heads only.")
    ] = False
    early_stopping: Annotated[bool, OneOf((True, False), about="End when validation no longer improves.")] = False
    early_stopping_patience: Annotated[int, Range(1, 1_000_000, about="Epochs to wait for better.")] = 5
    early_stopping_min_delta: Annotated[float, Range(0.0, 1.0, about="Difference that counts as better.")] = 0.0

    layers: int = field(default=50, repr=False)
    side: int = field(default=320, repr=False)
    width: int = field(default=64, repr=False)
    start: Mapping[str, NDArray[Any]] | None = field(default=None, repr=False)
    pretrained: Mapping[str, NDArray[Any]] | None = field(default=None, repr=False)
    overlap_threshold: float = field(default=0.5, repr=False)
    nms_threshold: float = field(default=0.45, repr=False)
    num_classes: int = field(default=0, init=False, repr=False)
    weights_: Arrays | None = field(default=None, init=False, repr=False)
    names_: tuple[str, ...] = field(default=(), init=False, repr=False)
    _net: Any = field(default=None, init=False, repr=False)

    def stand_for(self, model_id: str) -> None:
        """Take layers and side from the hub's model id; see :mod:`tarragon.algorithms.hub_vision`."""
        stand = stand_for(model_id or "tensorflow-od")
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
        most = max((float(b[:, 0].max()) for b in data.boxes or () if len(b) and np.isfinite(b).all()), default=-1.0)
        names = data.names or tuple(map(str, range(int(most) + 1)))
        self.num_classes = max(1, len(names))
        plan = Plan(
            len(data), self.epochs, self.batch_size, stepping(self), lambda done: self.learning_rate, patience(self),
            judged=0 if valid is None else len(valid),
        )  # fmt: skip
        with steady(torch, context.threads, context.seed):
            net = self._built()
            task = _ByLoss(data, valid, self, net)
            task.check(TITLE)
            self._begin(torch, net)
            self.weights_, self.names_ = train(net, plan, task, context).weights, tuple(names)
        self._net = None
        return self

    def predict(self, data: Pictures) -> Prediction:
        """Answer ``{"detection": (n, 100, 6)}``: class, score, xmin, ymin, xmax, ymax; rows of -1 fill up.

        Raises
        ------
        NotFittedError, DataError
        """
        if self.weights_ is None:
            raise NotFittedError(f"{TITLE} is not fitted", why="predict came before fit", fix="Call fit, or load")
        torch = torch_for(TITLE)
        if self._net is None:
            self._net = self._restored(torch, self.weights_)
        answer = np.full((len(data), MOST, 6), -1.0, np.float32)
        for i, rows in enumerate(found_on(self._net, data, self, torch.device("cpu"))):
            answer[i, : min(len(rows), MOST)] = rows[:MOST]
        return {"detection": answer}

    def save(self, folder: Path) -> None:
        """Write the weights, their description, the classes' names and the seal."""
        fitted(None if self.weights_ is None else 1, TITLE)
        assert self.weights_ is not None
        write_params(folder / PARAMS, self.weights_)
        network = {"kind": "ssd", "base": f"resnet-{self.layers}", "side": self.side, "width": self.width}
        write_symbol(folder / SYMBOL, {**network, "classes": len(self.names_)})
        write_json(folder / LABELS, {name: i for i, name in enumerate(self.names_)})
        facts = {"names": list(self.names_), "layers": self.layers, "side": self.side, "width": self.width}
        seal(folder, self, facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        from tarragon.algorithms.resnet import LARGE
        from tarragon.algorithms.weights import broken

        model, facts = opened(folder, cls)
        try:
            model.layers, model.side, model.width = (int(facts[k]) for k in ("layers", "side", "width"))
            model.names_ = tuple(str(name) for name in facts["names"])
            model.num_classes = len(model.names_)
            if model.layers not in LARGE or not (1 <= model.width <= 256 and 32 <= model.side <= 4096):
                raise ValueError(f"layers {model.layers}, width {model.width}, side {model.side}")
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"the facts are spoilt: {error}") from error
        weights = read_params(folder / PARAMS)
        model._net = model._restored(torch_for(TITLE), weights)
        model.weights_ = weights
        return model

    def changed(self, pixels: Pixels, boxes: Boxes, draw: np.random.Generator) -> tuple[Pixels, Boxes]:
        """Change a training picture and its boxes as the paper does."""
        return augment.sampled(pixels, boxes, draw)

    def _built(self) -> Any:
        return detector(self.num_classes, f"resnet-{self.layers}", self.side, self.width)

    def _restored(self, torch: Any, weights: Mapping[str, NDArray[Any]]) -> Any:
        with torch.random.fork_rng():
            net = self._built()
        install(torch, net, weights)
        return net

    def _begin(self, torch: Any, net: Any) -> None:
        if self.start is not None:
            anew = self.reinitialize_top_layer == "True"
            begin_from(torch, net, {n: a for n, a in self.start.items() if not (anew and n.startswith(HEADS))})
        elif self.pretrained is not None and not begin_from(torch, net, self.pretrained, "base."):
            logger.warning("none of the weights to begin from fits a network of %d layers", self.layers)
        if self.train_only_on_top_layer:
            for name, weight in net.named_parameters():
                weight.requires_grad = name.startswith(HEADS)


class _ByLoss(Detect):
    """Detecting, judged by the losses on validation pictures instead of by what was found."""

    def judge(self, net: Any, device: Any) -> dict[str, float]:
        """Return the negative sum of both losses, then each."""
        if self.valid is None:
            return {}
        found = self.losses_on(net, device)
        return {"validation:score": -sum(found.values()), **found}
