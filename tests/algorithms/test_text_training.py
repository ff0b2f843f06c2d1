"""The optimisers move as torch's do, the rate warms up, every text is seen once an epoch."""

import numpy as np
import pytest

from tarragon.algorithms.text_training import OPTIMIZERS, Steps, _batches
from tarragon.data import Texts

torch = pytest.importorskip("torch")


def steps(optimizer: str, **more: float) -> Steps:
    given = {
        "learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "momentum": 0.9, "rho": 0.95,
        "initial_accumulator_value": 0.1, "warmup_steps_fraction": 0.1,
    }  # fmt: skip
    return Steps(optimizer, **{**given, **more})


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_goes_downhill_also_at_the_ends_of_its_ranges(optimizer: str) -> None:
    for ends in ({}, {"momentum": 1.0, "beta_1": 1.0, "beta_2": 1.0, "rho": 1.0}, {"momentum": 0.0}):
        weight = torch.nn.Parameter(torch.ones(3))
        made = steps(optimizer, **ends).optimiser(torch, [weight])
        (weight**2).sum().backward()
        made.step()
        assert torch.isfinite(weight).all()
        assert (weight <= 1).all()


def test_adam_is_the_published_rule() -> None:
    """Kingma & Ba (2015): the first step of Adam is the rate, whatever the gradient's size."""
    weight = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    made = steps("adam").optimiser(torch, [weight])
    (weight * torch.tensor([5.0, 0.01])).sum().backward()
    made.step()
    np.testing.assert_allclose(weight.detach().numpy(), [0.99, 0.99], atol=1e-6)


def test_the_rate_rises_and_falls_with_adamw_only() -> None:
    found = [steps("adamw").factor(i, 100) for i in range(101)]
    assert found[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert found[10] == 1.0
    assert found[100] == 0.0
    assert {steps("adam").factor(i, 100) for i in range(101)} == {1.0}


def test_every_text_is_seen_once_and_like_lengths_together() -> None:
    texts = Texts(tuple("w " * (i % 17) for i in range(333)), np.zeros(333, np.int64), 2)
    batches = list(_batches(texts, 8, np.random.default_rng(0)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(333))
    spread = [np.ptp([len(texts.texts[i]) for i in batch]) for batch in batches]
    assert np.mean(spread) < 4
