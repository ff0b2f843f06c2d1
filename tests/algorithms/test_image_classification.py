"""Pictures of bars are told apart; the suite holds; what training promises, it keeps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tarragon.algorithms.image_classification import ImageClassification
from tarragon.algorithms.model_contract import ModelContract
from tarragon.algorithms.protocol import Standalone
from tarragon.data import Pictures, read_ndarrays
from tarragon.errors import DataError, IntegrityError, ParameterError


def bars(n: int, seed: int = 0, *, side: int = 12, several: bool = False) -> Pictures:
    """Noise with a bright row (class 0), a bright column (1) or neither (2)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    pixels = rng.integers(0, 60, (n, side, side, 3)).astype(np.uint8)
    for i, kind in enumerate(y):
        place = rng.integers(2, side - 2)
        if kind == 0:
            pixels[i, place] = 250
        elif kind == 1:
            pixels[i, :, place] = 250
    return Pictures.of(pixels, labels=np.eye(3, dtype=np.float32)[y][:, :2] if several else y)


def small(**more: Any) -> ImageClassification:
    asked = {"num_classes": 3, "num_training_samples": 96, "num_layers": 20, "image_shape": "3,12,12", "width": 16}
    return ImageClassification(**{**asked, "epochs": 3, "mini_batch_size": 16, **more})


class TestImageClassification(ModelContract):
    algorithm = staticmethod(small)
    iterative = True

    def data(self, seed: int) -> Pictures:
        return bars(32, seed)

    def bad(self) -> dict[str, Pictures]:
        good = bars(8)
        return {
            "no labels": Pictures.of([good.read(0)]),
            "nothing": good.part([]),
            "a class too many": Pictures.of([good.read(0)], labels=np.array([3])),
            "pictures too small": bars(8, side=10),
            "several classes": bars(8, several=True),
        }


def test_it_learns_and_keeps_the_best_epoch() -> None:
    context = Standalone()
    model = small(epochs=10, learning_rate=0.03).fit(bars(160), valid=bars(60, 1), context=context)
    seen = [epoch["validation:accuracy"] for epoch in context.epochs]
    assert max(seen) > 0.9
    assert model.epoch_ == int(np.argmax(seen)) + 1
    fresh = bars(60, 1)
    accuracy = (model.predict(fresh)["probability"].argmax(axis=1) == fresh.labels).mean()
    assert accuracy == pytest.approx(max(seen))


def test_several_classes_at_once() -> None:
    model = small(num_classes=2, multi_label=1, use_weighted_loss=1, epochs=10, learning_rate=0.03).fit(
        bars(96, several=True)
    )
    fresh = bars(60, 1, several=True)
    p = model.predict(fresh)["probability"]
    assert ((p > 0.5) == (fresh.labels > 0.5)).mean() > 0.9
    assert np.abs(p.sum(axis=1) - 1).max() > 0.1


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "nag"])
def test_every_optimiser_lowers_the_loss(optimizer: str) -> None:
    context = Standalone()
    rate = 0.05 if optimizer in ("sgd", "nag") else 0.003
    small(optimizer=optimizer, learning_rate=rate, augmentation_type="crop_color_transform", top_k=2).fit(
        bars(64), context=context
    )
    losses = [epoch["train:loss"] for epoch in context.epochs]
    assert losses[-1] < losses[0]
    assert context.epochs[0]["train:top_k_accuracy_2"] >= context.epochs[0]["train:accuracy"]


def test_early_stopping_waits_as_told() -> None:
    context = Standalone()
    model = small(
        epochs=9, learning_rate=1e-9, early_stopping=True, early_stopping_min_epochs=1, early_stopping_patience=2,
        early_stopping_tolerance=0.9,
    )  # fmt: skip
    model.fit(bars(16), valid=bars(16, 1), context=context)
    assert len(context.epochs) == 3


class Kept(Standalone):
    """Remembers the checkpoint, and asks to stop after an epoch."""

    state: Any = None
    until = 99

    def checkpoint(self, state: Any) -> None:
        self.state = dict(state)

    def resume(self) -> Any:
        return self.state

    def stop_asked(self) -> bool:
        return len(self.epochs) >= self.until


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_what_is_resumed_is_what_would_have_been(optimizer: str) -> None:
    whole = small(optimizer=optimizer, learning_rate=0.01).fit(bars(32))
    context = Kept()
    context.until = 1
    small(optimizer=optimizer, learning_rate=0.01).fit(bars(32), context=context)
    later = Kept()
    later.state = context.state
    again = small(optimizer=optimizer, learning_rate=0.01).fit(bars(32), context=later)
    assert [epoch["epoch"] for epoch in later.epochs] == [2, 3]
    for name, weights in whole.weights_.items():
        np.testing.assert_allclose(again.weights_[name], weights, rtol=1e-5, atol=1e-6)
    other = Kept()
    other.state = context.state
    with pytest.raises(IntegrityError):
        small(num_layers=32).fit(bars(32), context=other)


def test_it_goes_on_from_a_former_model_and_from_published_weights() -> None:
    former = small().fit(bars(32))
    same = small(epochs=1, learning_rate=1e-12, start=former.weights_).fit(bars(32, 5))
    assert np.allclose(same.weights_["fc.weight"], former.weights_["fc.weight"])
    fresh = small(epochs=1, learning_rate=1e-12, pretrained=former.weights_).fit(bars(32, 5))
    assert np.allclose(fresh.weights_["conv1.weight"], former.weights_["conv1.weight"])
    assert not np.allclose(fresh.weights_["fc.weight"], former.weights_["fc.weight"])
    with pytest.raises(IntegrityError, match=r"fc\.weight"):
        small(num_classes=4, start=former.weights_).fit(bars(32))


def test_every_checkpoint_is_in_the_artifact(tmp_path: Path) -> None:
    small(checkpoint_frequency=1).fit(bars(16)).save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
    weights = [f"image-classification-000{i}.params" for i in (1, 2, 3)]
    assert names == [*weights, "image-classification-symbol.json", "model-shapes.json"]
    found = read_ndarrays((tmp_path / weights[0]).read_bytes())
    assert found["arg:fc.weight"].shape == (3, 16)
    assert found["aux:bn1.running_mean"].shape == (4,)


@pytest.mark.parametrize(
    "more", [{"image_shape": "3,0,4"}, {"resize": 5}, {"use_pretrained_model": 1}, {"image_shape": "2,9,9"}]
)
def test_settings_that_do_not_go_together_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        small(**more).fit(bars(8))


def test_a_loss_without_end_is_said() -> None:
    data = bars(8)
    huge = {n: a * np.float32(1e18) for n, a in small(epochs=1).fit(data).weights_.items()}
    with pytest.raises(DataError, match="learning_rate"):
        small(learning_rate=1.0, start=huge).fit(data)


def test_hosts_that_share_a_fit_hold_one_model() -> None:
    from threading import Barrier, Thread

    data, barrier, heap = bars(32), Barrier(2), {}

    class Host(Standalone):
        def reduce(self, arrays: Any) -> Any:
            heap[self.rank] = {n: np.array(a) for n, a in arrays.items()}
            barrier.wait(60)
            total = {n: heap[0][n] + heap[1][n] for n in arrays}
            barrier.wait(60)
            return total

    models = [small(epochs=1, kv_store="dist_sync"), small(epochs=1)]
    contexts = [Host(rank=rank, world=2) for rank in range(2)]
    import torch  # noqa: F401 - threads must not import it at once

    parts = [data.part(range(rank, 32, 2)) for rank in range(2)]
    threads = [
        Thread(target=m.fit, args=(p,), kwargs={"context": c}) for m, p, c in zip(models, parts, contexts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert contexts[0].epochs[0]["train:loss"] == contexts[1].epochs[0]["train:loss"]
    for name, weights in models[0].weights_.items():
        np.testing.assert_allclose(models[1].weights_[name], weights, rtol=1e-5, atol=1e-6)
