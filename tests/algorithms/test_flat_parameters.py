"""Steps along one vector are torch's own optimisers'."""

import numpy as np
import pytest

from tarragon.algorithms.flat_parameters import FlatParameters, Optimiser, clipped

torch = pytest.importorskip("torch")
ARRAYS = {"a": np.array([[1.0, -2.0], [0.5, 3.0]], np.float32), "b": np.array([0.3], np.float32)}


@pytest.mark.parametrize("kind", ["adam", "sgd", "rmsprop"])
def test_steps_are_torchs(kind: str) -> None:
    parameters = FlatParameters(torch, ARRAYS)
    own = Optimiser(parameters, kind, momentum=0.9, weight_decay=0.01)
    theirs = [torch.tensor(a, requires_grad=True) for a in ARRAYS.values()]
    made = {
        "adam": lambda: torch.optim.Adam(theirs, lr=0.1, weight_decay=0.01),
        "sgd": lambda: torch.optim.SGD(theirs, lr=0.1, momentum=0.9, weight_decay=0.01),
        "rmsprop": lambda: torch.optim.RMSprop(theirs, lr=0.1, alpha=0.9, weight_decay=0.01),
    }[kind]()

    def loss(a: object, b: object) -> object:
        return ((a**2).sum() + torch.sin(b).sum() * a.sum()) * 0.3

    for _ in range(5):
        own.step(parameters.gradient(loss(*parameters.leaves.values())), 0.1)
        made.zero_grad()
        loss(*theirs).backward()
        made.step()
    for name, other in zip(ARRAYS, theirs, strict=True):
        np.testing.assert_allclose(parameters.arrays()[name], other.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_a_state_goes_on_where_it_was() -> None:
    parameters = FlatParameters(torch, ARRAYS)
    first = Optimiser(parameters)
    slope = torch.ones_like(parameters.vector)
    first.step(slope, 0.1)
    state = first.state()
    first.step(slope, 0.1)
    again = Optimiser(FlatParameters(torch, ARRAYS))
    assert again.restore(state)
    again.step(slope, 0.1)
    torch.testing.assert_close(again.parameters.vector, parameters.vector)
    assert not again.restore({})
    assert not again.restore({**state, "first": np.zeros(3, np.float32)})


def test_parameters_without_influence_have_no_slope() -> None:
    parameters = FlatParameters(torch, ARRAYS)
    assert parameters.gradient(parameters.leaves["b"].sum()).tolist() == [0, 0, 0, 0, 1]


def test_clipping_shortens_only_what_is_long() -> None:
    assert clipped(torch.tensor([3.0, 4.0]), 1.0).norm() == pytest.approx(1.0)
    assert clipped(torch.tensor([3.0, 4.0]), 9.0).tolist() == [3.0, 4.0]
    assert clipped(torch.tensor([3.0, 4.0]), -1.0).tolist() == [3.0, 4.0]
