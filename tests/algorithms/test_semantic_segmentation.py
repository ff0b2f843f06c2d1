"""Squares are told from their background pixel by pixel; the suite holds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.semantic_segmentation import SemanticSegmentation
from tarragon.data import Pictures
from tarragon.errors import DataError, IntegrityError, ParameterError


def drawn(n: int, seed: int = 0, side: int = 32) -> Pictures:
    """Noise (class 0), a red band below (1) and a blue band on the right (2), of any breadth; a border of no class."""
    rng = np.random.default_rng(seed)
    pictures, masks = [], []
    for _ in range(n):
        pixels = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
        mask = np.zeros((side, side), np.uint8)
        down, right = rng.integers(side // 4, side * 3 // 4, 2)
        pixels[down:], mask[down:] = (230, 30, 30), 1
        pixels[:, right:], mask[:, right:] = (30, 30, 230), 2
        mask[0] = 255
        pictures.append(pixels)
        masks.append(mask)
    return Pictures.of(pictures, masks=masks)


def small(**more: Any) -> SemanticSegmentation:
    asked = {"num_classes": 3, "num_training_samples": 8, "base_size": 32, "crop_size": 24, "width": 4, "epochs": 3}
    return SemanticSegmentation(**{**asked, "use_pretrained_model": False, "mini_batch_size": 8, **more})


class TestSemanticSegmentation(ModelContract):
    algorithm = staticmethod(small)
    iterative = True

    def data(self, seed: int) -> Pictures:
        return drawn(10, seed)

    def bad(self) -> dict[str, Pictures]:
        good = drawn(2)
        assert good.mask is not None
        return {
            "no masks": Pictures.of([good.read(0)]),
            "nothing": good.part([]),
            "a class too many": Pictures.of([good.read(0)], masks=[np.full((32, 32), 3, np.uint8)]),
            "a mask of another size": Pictures.of([good.read(0)], masks=[np.zeros((31, 32), np.uint8)]),
        }


@pytest.mark.parametrize("algorithm", ["fcn", "psp", "deeplab"])
def test_it_learns_outlines(algorithm: str) -> None:
    context = Standalone()
    held = drawn(16, 1)
    model = small(algorithm=algorithm, epochs=9, optimizer="adam", learning_rate=0.01, crop_size=32, width=8)
    model.fit(drawn(48), valid=held, context=context)
    best = max(context.epochs, key=lambda epoch: epoch["validation:mIOU"])
    assert best["validation:mIOU"] > 0.5
    assert best["validation:pixel_accuracy"] > 0.7
    answer = model.predict(held)
    assert answer["mask"].shape == (16, 32, 32)
    np.testing.assert_allclose(answer["probability"].sum(axis=1), 1, atol=1e-5)
    truth = np.stack([held.mask(i) for i in range(16)])  # type: ignore[misc]
    right = (answer["mask"] == truth)[truth != 255].mean()
    assert right == pytest.approx(best["validation:pixel_accuracy"], abs=1e-3)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "nag", "rmsprop", "adadelta"])
def test_every_optimiser_and_schedule_runs(optimizer: str) -> None:
    schedule = {"sgd": "poly", "nag": "step"}.get(optimizer, "cosine")
    context = Standalone()
    small(optimizer=optimizer, lr_scheduler=schedule, lr_scheduler_step="1,2", epochs=2).fit(drawn(8), context=context)
    assert len(context.epochs) == 2


def test_pictures_of_any_size_are_answered_in_their_size() -> None:
    model = small(epochs=1).fit(drawn(8))
    odd = np.zeros((19, 45, 3), np.uint8)
    assert model.predict(Pictures.of([odd]))["mask"].shape == (1, 19, 45)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="lr_scheduler_step"):
        small(lr_scheduler="step").fit(drawn(2))
    former = small(epochs=1).fit(drawn(4))
    with pytest.raises(IntegrityError):
        small(algorithm="psp", start=former.weights_).fit(drawn(4))
    with pytest.raises(DataError, match="255 is for pixels of none"):
        small(num_classes=2).fit(drawn(4))
