"""The hub's dialect of detecting: the suite; the epoch of the lowest losses is kept."""

from typing import Any

import numpy as np

from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.object_detection_tf import MOST, ObjectDetectionTF
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Pictures


def squares(n: int, seed: int = 0) -> Pictures:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (n, 32, 32, 3)).astype(np.uint8)
    boxes = []
    for picture in pixels:
        x, y = rng.integers(0, 16, 2)
        picture[y : y + 16, x : x + 16] = 240
        boxes.append(np.array([[0, x / 32, y / 32, (x + 16) / 32, (y + 16) / 32]], np.float32))
    return Pictures.of(pixels, boxes=boxes, names=("square",))


def small(**more: Any) -> ObjectDetectionTF:
    return ObjectDetectionTF(**{"layers": 18, "side": 32, "width": 4, "batch_size": 4, "epochs": 3, **more})


class TestObjectDetectionTF(ModelContract):
    algorithm = staticmethod(small)
    iterative = True

    def data(self, seed: int) -> Pictures:
        return squares(8, seed)

    def bad(self) -> dict[str, Pictures]:
        one = squares(1).read(0)
        return {
            "no boxes": Pictures.of([one]), "nothing": squares(2).part([]),
            "NaN": Pictures.of([one], boxes=[np.full((1, 5), np.nan, np.float32)]),
        }  # fmt: skip


def test_the_lowest_losses_are_kept_and_heads_can_learn_alone() -> None:
    context = Standalone()
    former = small(learning_rate=0.003).fit(squares(12), valid=squares(6, 1), context=context)
    sums = [epoch["validation:cross_entropy"] + epoch["validation:smooth_l1"] for epoch in context.epochs]
    assert [-epoch["validation:score"] for epoch in context.epochs] == sums
    assert former.predict(squares(2))["detection"].shape == (2, MOST, 6)
    later = small(epochs=1, train_only_on_top_layer=True, start=former.weights_).fit(squares(4))
    assert former.weights_ is not None
    assert later.weights_ is not None
    assert np.array_equal(later.weights_["base.conv1.weight"], former.weights_["base.conv1.weight"])
    assert not np.array_equal(later.weights_["place.0.weight"], former.weights_["place.0.weight"])
