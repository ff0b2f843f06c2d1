"""Bright squares are found where they are; the suite holds."""

from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.boxes import mean_average_precision
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.object_detection import ObjectDetection, listing
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Pictures
from tarragon.errors import DataError, IntegrityError, ParameterError


def squares(n: int, seed: int = 0, side: int = 48, *, several: bool = False) -> Pictures:
    """Noise with one or two filled squares: red ones (class 0), blue ones (1)."""
    rng = np.random.default_rng(seed)
    pictures, boxes = [], []
    for _ in range(n):
        pixels = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
        own = []
        for _ in range(rng.integers(1, 3) if several else 1):
            kind, size = int(rng.integers(2)), int(rng.integers(side // 3, side * 5 // 9))
            x, y = rng.integers(0, side - size, 2)
            pixels[y : y + size, x : x + size] = (230, 30, 30) if kind == 0 else (30, 30, 230)
            own.append([kind, x / side, y / side, (x + size) / side, (y + size) / side])
        pictures.append(pixels)
        boxes.append(np.array(own, np.float32))
    return Pictures.of(pictures, boxes=boxes)


def small(**more: Any) -> ObjectDetection:
    asked = {"num_classes": 2, "num_training_samples": 16, "base_network": "resnet-50", "image_shape": 48, "width": 4}
    return ObjectDetection(**{**asked, "use_pretrained_model": 0, "epochs": 3, "mini_batch_size": 8, **more})


class TestObjectDetection(ModelContract):
    algorithm = staticmethod(small)
    iterative = True

    def data(self, seed: int) -> Pictures:
        return squares(12, seed)

    def bad(self) -> dict[str, Pictures]:
        good = squares(4)
        assert good.boxes is not None
        return {
            "no boxes": Pictures.of([good.read(0)]),
            "nothing": good.part([]),
            "a class too many": Pictures.of([good.read(0)], boxes=[np.array([[2, 0, 0, 1, 1]], np.float32)]),
            "an empty box": Pictures.of([good.read(0)], boxes=[np.array([[0, 0.5, 0, 0.5, 1]], np.float32)]),
            "no object at all": Pictures.of([good.read(0)], boxes=[np.zeros((0, 5), np.float32)]),
            "NaN": Pictures.of([good.read(0)], boxes=[np.array([[0, np.nan, 0, 0.5, 1]], np.float32)]),
        }


@pytest.mark.parametrize("base", ["vgg-16"])
def test_it_finds_what_it_learnt(base: str) -> None:
    context, data = Standalone(), squares(4, 3, 32)
    model = small(base_network=base, epochs=80, width=4, optimizer="adam", learning_rate=0.005, mini_batch_size=4)
    model.image_shape = 32
    model.changed = lambda pixels, boxes, draw: (pixels, boxes)  # type: ignore[method-assign]
    model.fit(data, valid=data, context=context)
    losses = [epoch["train:cross_entropy"] + epoch["train:smooth_l1"] for epoch in context.epochs]
    assert losses[-1] < 0.5 * losses[0]
    score = max(epoch["validation:mAP"] for epoch in context.epochs)
    found = [np.array(listing(rows), np.float32).reshape(-1, 6) for rows in model.predict(data)["detection"]]
    assert data.boxes is not None
    assert mean_average_precision(found, data.boxes, 0.5) == pytest.approx(score, abs=0.02)
    assert score > 0.5


def test_frozen_layers_stay() -> None:
    former = small(epochs=1).fit(squares(8))
    later = small(epochs=2, learning_rate=0.1, freeze_layer_pattern="^base", start=former.weights_).fit(squares(8))
    assert former.weights_ is not None
    assert later.weights_ is not None
    same = np.array_equal(later.weights_["base.conv1.weight"], former.weights_["base.conv1.weight"])
    assert same
    assert not np.array_equal(later.weights_["kind.0.weight"], former.weights_["kind.0.weight"])
    with pytest.raises(IntegrityError):
        small(num_classes=3, start=former.weights_).fit(squares(8))


def test_a_label_that_has_no_room_is_refused() -> None:
    data = squares(1)
    many = Pictures.of([data.read(0)], boxes=[np.tile(np.array([[0, 0, 0, 1, 1]], np.float32), (3, 1))])
    with pytest.raises(DataError, match="label_width to 17"):
        small(label_width=16).fit(many)
    with pytest.raises(ParameterError, match="freeze_layer_pattern"):
        small(freeze_layer_pattern="(").fit(data)
