import numpy as np
import pytest

from tarragon.algorithms.gradient_steps import OPTIMIZERS, Parameter, Penalty, Steps
from tarragon.errors import IntegrityError


def penalty(wd: float = 0.0, l1: float = 0.0, columns: int = 2) -> Penalty:
    return Penalty(np.full(columns, wd, np.float32), np.full(columns, l1, np.float32))


def test_adam_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 2)).astype(np.float32)
    p = Parameter.make(start.copy(), "adam")
    theirs = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([theirs], lr=0.05, weight_decay=0.1)
    for t in range(1, 6):
        slope = rng.normal(size=(3, 2)).astype(np.float32)
        Steps("adam").update(p, slope.copy(), np.full(2, 0.05, np.float32), penalty(wd=0.1), (t, None))
        theirs.grad = torch.tensor(slope)
        optimizer.step()
    np.testing.assert_allclose(p.value, theirs.detach().numpy(), rtol=1e-4)


def test_momentum_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    p = Parameter.make(np.ones((2, 2), np.float32), "sgd")
    theirs = torch.ones(2, 2, requires_grad=True)
    optimizer = torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    for t in range(1, 5):
        Steps("sgd").update(p, 2 * p.value, np.full(2, 0.1, np.float32), penalty(), (t, None))
        theirs.grad = 2 * theirs.detach()
        optimizer.step()
    np.testing.assert_allclose(p.value, theirs.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_rows_not_named_rest(optimizer: str) -> None:
    some, every = (Parameter.make(np.ones((4, 2), np.float32), optimizer) for _ in range(2))
    rows = np.array([1, 3])
    rate = np.full(2, 0.1, np.float32)
    for t in range(1, 4):
        Steps(optimizer).update(some, np.ones((2, 2), np.float32), rate, penalty(0.1, 0.01), (t, rows))
        Steps(optimizer).update(every, np.ones((4, 2), np.float32), rate, penalty(0.1, 0.01), (t, None))
    assert (some.value[[0, 2]] == 1).all()
    np.testing.assert_allclose(some.value[rows], every.value[rows])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_minimum_with_both_penalties_is_found(optimizer: str) -> None:
    """Of (w - a)²/2 + wd/2 w² + l1 |w|: soft(a, l1) / (1 + wd)."""
    a = np.array([[2.0], [-1.0], [0.2]], np.float32)
    p = Parameter.make(np.zeros((3, 1), np.float32), optimizer)
    for t in range(1, 3000):
        rate = np.full(1, 0.05 / (1 + t / 50), np.float32)
        Steps(optimizer, 0.5).update(p, p.value - a, rate, penalty(0.5, 0.3, 1), (t, None))
    expected = np.sign(a) * np.maximum(np.abs(a) - 0.3, 0) / 1.5
    np.testing.assert_allclose(p.value, expected, atol=5e-3)
    assert p.value[2, 0] == 0


def test_a_checkpoint_of_another_shape_is_refused() -> None:
    p, other = (Parameter.make(np.ones((n, 2), np.float32), "adam") for n in (2, 3))
    with pytest.raises(IntegrityError):
        p.restore("w", other.state("w"))
    p.restore("w", p.state("w"))
