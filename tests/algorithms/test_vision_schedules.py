"""Optimisers step as their formulas say; rates fall as drawn."""

import numpy as np
import pytest
import torch

from tarragon.algorithms.vision_schedules import Stepping, cosine, listed, polynomial, stepped
from tarragon.errors import ParameterError


def walked(stepping: Stepping, steps: int = 3) -> np.ndarray:
    """Where w² / 2 leads from 1: the gradient is w."""
    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(net.weight)
    optimiser = stepping.optimiser(net)
    seen = []
    for _ in range(steps):
        optimiser.zero_grad()
        (net.weight**2 / 2).sum().backward()
        optimiser.step()
        seen.append(float(net.weight.detach()))
    return np.array(seen)


def by_hand(name: str, rate: float, momentum: float, decay: float) -> np.ndarray:
    w, v, s, seen = 1.0, 0.0, 0.0, []
    for t in range(1, 4):
        g = w
        if name == "sgd":
            v = momentum * v + g
            w -= rate * v
        elif name == "nag":
            v = momentum * v + g
            w -= rate * (g + momentum * v)
        elif name == "adam":
            v, s = 0.9 * v + 0.1 * g, 0.999 * s + 0.001 * g * g
            w -= rate * (v / (1 - 0.9**t)) / ((s / (1 - 0.999**t)) ** 0.5 + 1e-8)
        elif name == "rmsprop":
            s = decay * s + (1 - decay) * g * g
            v = momentum * v + g / (s**0.5 + 1e-8)
            w -= rate * v
        elif name == "adagrad":
            s += g * g
            w -= rate * g / (s**0.5 + 1e-8)
        seen.append(w)
    return np.array(seen)


@pytest.mark.parametrize("name", ["sgd", "nag", "adam", "rmsprop", "adagrad"])
def test_steps_are_those_of_the_formula(name: str) -> None:
    found = walked(Stepping(name, 0.1, 0.5, decay=0.8))
    np.testing.assert_allclose(found, by_hand(name, 0.1, 0.5, 0.8), rtol=1e-5)


def test_decay_is_on_kernels_only() -> None:
    net = torch.nn.Linear(2, 2)
    groups = Stepping("sgd", 0.1, weight_decay=0.3).optimiser(net).param_groups
    assert [(g["weight_decay"], g["params"][0].ndim) for g in groups] == [(0.3, 2), (0.0, 1)]


def test_rates() -> None:
    assert [stepped(1.0, 0.1, listed("2, 4"))(t) for t in (0, 2, 5)] == pytest.approx([1, 0.1, 0.01])
    assert polynomial(1.0, 10)(5) == pytest.approx(0.5**0.9)
    assert cosine(1.0, 10)(5) == pytest.approx(0.5)
    assert listed("[3,1]") == (1, 3)
    with pytest.raises(ParameterError, match="lr_scheduler_step"):
        listed("1 2")
