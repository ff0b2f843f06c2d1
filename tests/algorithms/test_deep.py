import builtins

import numpy as np
import pytest

from tarragon.algorithms.deep import steady, torch_for
from tarragon.errors import MissingExtraError

torch = pytest.importorskip("torch")


def test_threads_and_the_generator_are_put_back():
    before, state = torch.get_num_threads(), torch.random.get_rng_state()
    strict = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(2)
    try:
        with steady(torch_for("It"), 1, 3):
            first = torch.rand(3)
            assert torch.get_num_threads() == 1
            assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.are_deterministic_algorithms_enabled() == strict
    with steady(torch, 1, 3):
        np.testing.assert_array_equal(first, torch.rand(3))


def test_the_generator_is_left_alone_without_a_seed():
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    with steady(torch, 1):
        seen = torch.rand(2)
    assert torch.equal(torch.cat([seen, torch.rand(2)]), expected)


def test_its_absence_is_explained(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name == "torch":
            raise ImportError("No module named 'torch'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtraError, match=r"Topics.*tarragon\[deep\]"):
        torch_for("Topics")
