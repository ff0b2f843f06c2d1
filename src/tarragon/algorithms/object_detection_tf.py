"""Object detection in the TensorFlow dialect of SageMaker's model hub: SSD, tuned to objects of your own.

Idea:   as :mod:`tarragon.algorithms.object_detection`; names, defaults and answers are the hub's.
Source: Liu et al. (2016), SSD: Single shot multibox detector, ECCV.
Cost:   fit O(epochs · n · pixels · layers).

Decisions where the documentation is silent: SSD on a residual network stands for every family of the hub (see
:mod:`tarragon.algorithms.hub_vision`); training pictures are changed as in the paper; the best epoch is that of the
lowest sum of both validation losses; up to 100 boxes are answered, as the hub's detectors do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from tarragon.algorithms import augment
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.hub_vision import DETECTOR_SIDE, OPTIMIZERS, TOP, HubModel
from tarragon.algorithms.params import OneOf, Range, check
from tarragon.algorithms.protocol import Card, Context, Standalone
from tarragon.algorithms.resnet import LARGE
from tarragon.algorithms.ssd import detector
from tarragon.algorithms.vision_detect import Detect, found_on
from tarragon.algorithms.vision_training import begin_from, train
from tarragon.data import Boxes, Pictures, Pixels, Prediction

TITLE = "Object detection (TensorFlow dialect)"
MOST = 100
LEAST_SIDE = 32  # pixels: below it there is no second map
HEADS = ("kind.", "place.")


@dataclass(eq=False, kw_only=True)
class ObjectDetectionTF(HubModel):
    """Tune SSD to pictures with boxes; the declarations below say what each setting does.

    Parameters
    ----------
    layers, side, width : int
        Layers of the base network, side of its pictures, channels of its first stage.
    start, pretrained : mapping of str to ndarray, optional
        Weights to begin from: a former model's, published ones of the base network.

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

    side: int = field(default=DETECTOR_SIDE, repr=False)
    overlap_threshold: float = field(default=0.5, repr=False)
    nms_threshold: float = field(default=0.45, repr=False)

    def stand_for(self, model_id: str) -> None:
        """Take layers and side from the hub's model id, a detector's without one."""
        super().stand_for(model_id or "tensorflow-od")

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
        with steady(torch, context.threads, context.seed):
            net = self._built()
            task = _ByLoss(data, valid, self, net)
            task.check(TITLE)
            self._begin(net, "base.")
            done = train(net, self._plan(data, valid), task, context)
        self.weights_, self.names_ = done.weights, tuple(names)
        self._net = None
        return self

    def predict(self, data: Pictures) -> Prediction:
        """Answer ``{"detection": (n, 100, 6)}``: class, score, xmin, ymin, xmax, ymax; rows of -1 fill up.

        Raises
        ------
        NotFittedError, DataError
        """
        found = found_on(self._network(), data, self, torch_for(TITLE).device("cpu"))
        answer = np.full((len(data), MOST, 6), -1.0, np.float32)
        for i, rows in enumerate(found):
            answer[i, : min(len(rows), MOST)] = rows[:MOST]
        return {"detection": answer}

    def changed(self, pixels: Pixels, boxes: Boxes, draw: np.random.Generator) -> tuple[Pixels, Boxes]:
        """Change a training picture and its boxes as the paper does."""
        return augment.sampled(pixels, boxes, draw)

    def _built(self) -> Any:
        return detector(self.num_classes, f"resnet-{self.layers}", self.side, self.width)

    def _described(self) -> dict[str, object]:
        return {"kind": "ssd", "base": f"resnet-{self.layers}"}

    def _recall(self, facts: Mapping[str, Any]) -> None:
        super()._recall(facts)
        if self.layers not in LARGE or self.side < LEAST_SIDE:
            raise ValueError(f"layers {self.layers}, side {self.side}")

    def _begin(self, net: Any, prefix: str = "", without: str = "") -> None:
        """Begin from a former model's weights, the heads anew if so asked, or published ones; freeze the base."""
        if self.start is not None:
            anew = self.reinitialize_top_layer == "True"
            kept = {n: a for n, a in self.start.items() if not (anew and n.startswith(HEADS))}
            begin_from(torch_for(TITLE), net, kept)
        else:
            super()._begin(net, prefix)
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
