"""The loop's own promises: rates, batches, weights that fit; its epochs and hosts are tested with the classifiers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tarragon.algorithms.protocol import Standalone
from tarragon.algorithms.vision_schedules import Patience, Stepping
from tarragon.algorithms.vision_training import (
    Plan,
    begin_from,
    device_of,
    install,
    tensor,
    train,
    weights_of,
)
from tarragon.errors import IntegrityError


class Counting:
    """A task that learns nothing and remembers what it was asked; its scores are given."""

    def __init__(self, scores: Sequence[float] = ()) -> None:
        self.seen: list[int] = []
        self.scores = list(scores)

    def example(self, i: int, draw: np.random.Generator) -> tuple[Any, ...]:
        self.seen.append(i)
        return np.full((2, 2, 3), i, np.uint8), i

    def loss(self, answer: Any, wanted: Sequence[list[Any]], device: Any) -> tuple[Any, dict[str, float]]:
        return answer.mean(), {"train:loss": 1.0}

    def judge(self, net: Any, device: Any) -> dict[str, float]:
        return {"validation:accuracy": self.scores.pop(0)} if self.scores else {}


def net() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2))


def plan(**more: Any) -> Plan:
    given = {"count": 5, "epochs": 4, "batch": 2, "stepping": Stepping("sgd", 0.1), "rate": lambda done: 0.1}
    return Plan(**{**given, **more})


def test_an_epoch_takes_every_example_and_fills_the_last_batch() -> None:
    task, context = Counting(), Standalone()
    train(net(), plan(epochs=1), task, context)
    assert len(task.seen) == 6
    assert set(task.seen) == set(range(5))
    assert (context.epochs[0]["steps"], context.epochs[0]["records"]) == (3, 5)
    alone = Counting()
    train(net(), plan(epochs=1, count=1), alone, Standalone())
    assert alone.seen == [0, 0]  # one picture alone has no variance


def test_rates_are_asked_for_by_epochs_done() -> None:
    asked: list[float] = []
    train(net(), plan(epochs=2, rate=lambda done: asked.append(done) or 0.1), Counting(), Standalone())
    assert asked == pytest.approx([0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3])


def test_the_best_epoch_is_kept_and_patience_ends_it() -> None:
    scores = [0.1, 0.5, 0.5, 0.4, 0.9]
    context = Standalone()
    done = train(net(), plan(epochs=9, patience=Patience(0, 2, 0.0), judged=1), Counting(scores), context)
    assert (done.epoch, done.score, len(context.epochs)) == (2, 0.5, 4)
    assert done.kept == {}
    kept = train(net(), plan(keep_every=2), Counting(), Standalone())
    assert sorted(kept.kept) == [2, 4]
    assert kept.epoch == 4


def test_weights_fit_by_name_and_shape() -> None:
    made = net()
    weights = weights_of(made)
    assert sorted(weights) == ["0.bias", "0.weight", "1.bias", "1.running_mean", "1.running_var", "1.weight"]
    install(torch, made, {n: a + 1 for n, a in weights.items()})
    np.testing.assert_allclose(weights_of(made)["0.weight"], weights["0.weight"] + 1)
    spoilt = [{}, {**weights, "0.bias": np.zeros(3, np.float32)}, {**weights, "0.bias": np.full(2, np.nan, np.float32)}]
    for bad in (*spoilt, {**weights, "0.bias": np.zeros(2, np.int64)}):
        with pytest.raises(IntegrityError, match=r"0\."):
            install(torch, made, bad)
    assert begin_from(torch, made, {"bias": np.ones(2, np.float32), "weight": np.ones(9)}, "0.") == 1
    assert weights_of(made)["0.bias"].tolist() == [1, 1]


def test_pixels_are_standardised() -> None:
    pixels = np.array([[[124, 116, 104]]], np.uint8)
    batch = tensor(torch, [pixels, pixels], torch.device("cpu"))
    assert batch.shape == (2, 3, 1, 1)
    assert batch.abs().max() < 0.02
    assert tensor(torch, [pixels[..., :1]], torch.device("cpu")).shape == (1, 1, 1, 1)


def test_a_device_is_found() -> None:
    assert device_of(torch, "cpu").type == "cpu"


def test_threads_make_the_same_examples() -> None:
    class Noisy(Counting):
        side = 64

        def example(self, i: int, draw: np.random.Generator) -> tuple[Any, ...]:
            return draw.integers(0, 255, (self.side, self.side, 3)).astype(np.uint8), i

        def loss(self, answer: Any, wanted: Sequence[list[Any]], device: Any) -> tuple[Any, dict[str, float]]:
            self.seen += wanted[0]
            return (answer**2).mean(), {}

    tasks = Noisy(), Noisy()
    one, two = (train(net(), plan(), t, Standalone(threads=n)) for t, n in zip(tasks, (1, 3), strict=True))
    assert tasks[0].seen == tasks[1].seen
    for name, weight in one.weights.items():
        np.testing.assert_allclose(weight, two.weights[name], rtol=1e-5, err_msg=name)
