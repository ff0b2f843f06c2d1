"""The address network without torch is the one that is trained; steps are Adam's; noise is drawn as asked."""

import numpy as np
import pytest

from tarragon.algorithms import Standalone
from tarragon.algorithms.ip_encoder import ENTITY, Recipe, Run, begin, discriminated, encoded, inputs, scores
from tarragon.data import AddressPairs

torch = pytest.importorskip("torch")


def recipe(**changed: float) -> Recipe:
    plain = {
        "vectors": 5, "dim": 4, "layers": 1, "epochs": 1, "batch": 100, "learning_rate": 0.01, "weight_decay": 0.0,
        "random": 1, "shuffled": 1, "publish": 1,
    }  # fmt: skip
    return Recipe(**{**plain, **changed})


def pairs(n: int = 6) -> AddressPairs:
    rng = np.random.default_rng(0)
    return AddressPairs(rng.integers(0, 1 << 63, n, dtype=np.uint64), rng.integers(0, 1 << 32, n, dtype=np.uint32))


def test_an_address_is_its_octets_and_bits() -> None:
    octets, bits = inputs(np.array([0xC0000201], np.uint32))
    assert octets.tolist() == [[192, 256, 514, 769]]
    assert "".join("1" if bit > 0 else "0" for bit in bits[0]) == f"{0xC0000201:032b}"


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_encoding_without_torch_is_the_networks(layers: int) -> None:
    asked = recipe(layers=layers)
    run = Run(asked, pairs(), Standalone(), begin(asked, 0))
    run.train(None)
    expected = run._encoded(pairs().address).detach().numpy()
    np.testing.assert_allclose(encoded(run.weights, pairs().address), expected, rtol=1e-4, atol=1e-5)
    assert {name: array.shape for name, array in run.weights.items()} == asked.shapes()


def test_encoded_addresses_begin_with_variance_one() -> None:
    found = encoded(begin(recipe(dim=64, layers=0), 0), np.random.default_rng(0).integers(0, 1 << 32, 2_000, np.uint32))
    assert found.var() == pytest.approx(1.0, rel=0.1)


def test_a_step_of_the_table_is_torchs_adam() -> None:
    asked = recipe(weight_decay=0.1, epochs=1, random=0)
    rng = np.random.default_rng(0)
    start = begin(asked, 0)
    start[ENTITY] = rng.normal(size=(5, 4)).astype(np.float32)
    table = torch.nn.Parameter(torch.tensor(start[ENTITY]))
    adam = torch.optim.Adam([table], lr=0.01, weight_decay=0.1)
    run = Run(asked, pairs(), Standalone(), {name: array.copy() for name, array in start.items()})
    run._torch, run._table = torch, tuple(torch.tensor(a) for a in (start[ENTITY], *np.zeros((2, 5, 4), np.float32)))
    for _ in range(3):
        rows = torch.arange(5)
        own = run._table[0][rows].requires_grad_()
        (own**3).sum().backward()
        run._stepped(rows, own.grad)
        adam.zero_grad()
        (table**3).sum().backward()
        adam.step()
    np.testing.assert_allclose(run._table[0].numpy(), table.detach().numpy(), rtol=1e-5)


def test_rows_that_do_not_occur_stay_at_nought() -> None:
    asked = recipe(vectors=1_000)
    run = Run(asked, pairs(), Standalone(), begin(asked, 0))
    run.train(None)
    moved = np.flatnonzero(np.abs(run.weights[ENTITY]).sum(axis=1))
    assert set(moved.tolist()) == set((pairs().entity % np.uint64(1_000)).tolist())


def test_scores_are_dot_products_and_tell_pairs_from_noise() -> None:
    weights = begin(recipe(layers=0), 0)
    weights[ENTITY] = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    found = pairs(50)
    a, b = weights[ENTITY][found.entity % np.uint64(5)], encoded(weights, found.address)
    np.testing.assert_allclose(scores(weights, found), (a * b).sum(axis=1), rtol=1e-4, atol=1e-5)
    assert discriminated(weights, pairs(2_000), 0) == pytest.approx(0.5, abs=0.05)
    weights[ENTITY] = np.tile(encoded(weights, found.address[:1]), (5, 1))  # everyone likes the first address
    same = AddressPairs(found.entity, np.repeat(found.address[:1], 50))
    assert discriminated(weights, same, 0) == pytest.approx(0.72, abs=0.04)  # half of the noise is that address too
