"""Training: the loss, the schedule and the averaged weights, against their formulas."""

from dataclasses import replace

import numpy as np
import pytest

from tarragon.algorithms.net_training import Recipe, Rows, begin, train
from tarragon.algorithms.protocol import Standalone

RECIPE = Recipe(
    hidden=8, layers=1, members=2, outputs=1, epochs=30, batch=50, patience=99, stop_after=99,
    learning_rate=1e-2, weight_decay=0.0, dropout=0.0, label_smoothing=0.0,
)  # fmt: skip


def rows(n: int = 200) -> Rows:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3)).astype(np.float32)
    return Rows(X, X[:, 0].astype(float) - X[:, 1] * X[:, 2], np.ones(n))


def test_shapes_are_those_of_the_first_weights() -> None:
    start = begin(RECIPE, 3, np.zeros(1), 0)
    assert {name: a.shape for name, a in start.items()} == RECIPE.shapes(3)


def test_reported_validation_loss_is_that_of_the_averaged_weights() -> None:
    pytest.importorskip("torch")
    data, context = rows(), Standalone()
    done = train(RECIPE, begin(RECIPE, 3, np.zeros(1), 0), data, data, context)
    w = {name: a.astype(float) for name, a in done.weights.items()}

    def silu(x: np.ndarray) -> np.ndarray:
        return x / (1.0 + np.exp(-x))

    h = silu((data.X * w["scale"]) @ w["first"] + w["first_bias"])
    parts = [silu((h * w["sign"][m]) @ w["layer0"] * w["gain0"][m] + w["bias0"][m]) @ w["head"][m] for m in range(2)]
    answer = np.mean([p[:, 0] + w["head_bias"][m, 0, 0] for m, p in enumerate(parts)], axis=0)
    assert np.mean((answer - data.y) ** 2) == pytest.approx(done.history[done.kept - 1][1], rel=1e-4)
    assert [e["steps"] for e in context.epochs] == [4 * n for n in range(1, 31)]
    assert done.history[-1][0] < 0.2 * data.y.var()


def test_dropout_and_decay_leave_larger_training_loss() -> None:
    pytest.importorskip("torch")
    start = begin(RECIPE, 3, np.zeros(1), 0)
    plain = train(RECIPE, start, rows(), None, Standalone()).history[-1][0]
    held_back = train(replace(RECIPE, dropout=0.5, weight_decay=1.0), start, rows(), None, Standalone()).history[-1][0]
    assert held_back > 1.5 * plain


def test_patience_ends_and_the_best_epoch_is_kept() -> None:
    pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    noise = replace(rows(), y=rng.normal(size=200))
    done = train(replace(RECIPE, patience=3), begin(RECIPE, 3, np.zeros(1), 0), noise, rows(150), Standalone())
    assert done.done == done.kept + 3
