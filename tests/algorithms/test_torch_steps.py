"""Optimisers step as their formulas say, and hosts weigh by their rows."""

from collections.abc import Mapping

import numpy as np
import pytest

from tarragon.algorithms import Standalone
from tarragon.algorithms.torch_steps import OPTIMISERS, agreed, averaged, optimiser

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", OPTIMISERS)
def test_every_optimiser_goes_downhill(name: str) -> None:
    weight = torch.tensor([3.0], requires_grad=True)
    steps = optimiser(torch, [weight], name, 0.05, 0.0)
    for _ in range(30):
        steps.zero_grad()
        (weight**2).sum().backward()
        steps.step()
    assert abs(float(weight.detach())) < 3.0


def test_adadelta_steps_as_zeilers() -> None:
    weight = torch.tensor([1.0], requires_grad=True)
    steps = optimiser(torch, [weight], "adadelta", 0.001, 0.0)
    (2 * weight).sum().backward()
    steps.step()
    expected = 1.0 - np.sqrt(1e-5) / np.sqrt(0.1 * 4 + 1e-5) * 2
    assert float(weight.detach()) == pytest.approx(expected, rel=1e-5)


def test_gradients_weigh_by_rows() -> None:
    class Two(Standalone):
        def reduce(self, arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
            return {"count": arrays["count"] + 3, "w": arrays["w"] + 3 * np.array([8.0])}

    weight = torch.tensor([1.0], requires_grad=True)
    weight.sum().backward()
    assert averaged(Two(world=2), {"w": weight}, 1) == 4
    assert float(weight.grad) == pytest.approx((1 + 24) / 4)
    assert agreed(Standalone(), {"stop": 1.0}) == {"stop": 1.0}
