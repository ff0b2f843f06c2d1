"""Batches hold every document once, losses are their formulas, and hosts that share a fit make one step."""

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tarragon.algorithms import Standalone, anchor_words
from tarragon.algorithms.ntm import NTM
from tarragon.algorithms.ntm_training import Net, begin, mini_batches
from tarragon.data import Batches, Tabular

from .test_lda import corpus, distance

torch = pytest.importorskip("torch")


class Shared(Standalone):
    """One of several hosts, each a thread, whose arrays are summed at a barrier."""

    __slots__ = ("room",)

    def reduce(self, arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        self.room.brought[self.rank] = {name: np.array(a) for name, a in arrays.items()}
        self.room.barrier.wait(60)
        total = {name: sum(b[name] for b in self.room.brought) for name in arrays}
        self.room.barrier.wait(60)
        return total


class Room:
    def __init__(self, world: int) -> None:
        self.barrier, self.brought = threading.Barrier(world), [{} for _ in range(world)]


def fitted_on(parts: list[sp.csr_matrix], **asked: Any) -> list[NTM]:
    """Fit a model on several hosts at once."""
    room, models = Room(len(parts)), [NTM(**asked) for _ in parts]

    def host(rank: int) -> None:
        context = Shared(rank=rank, world=len(parts))
        context.room = room
        models[rank].fit(Tabular(parts[rank]), context=context)

    threads = [threading.Thread(target=host, args=(rank,)) for rank in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return models


def test_four_shares_come_out_as_one() -> None:
    counts, beta = corpus(1, 800)
    asked: dict[str, Any] = {
        "num_topics": 3, "epochs": 12, "optimizer": "adam", "learning_rate": 0.02, "tolerance": 1e-6,
        "encoder_layers_activation": "relu",
    }  # fmt: skip
    parts = [counts[:100], counts[100:350], counts[350:600], counts[600:]]
    several = fitted_on(parts, mini_batch_size=32, **asked)
    for other in several[1:]:
        np.testing.assert_array_equal(other.topics(), several[0].topics())
    one = NTM(mini_batch_size=128, **asked).fit(Tabular(counts))
    assert distance(several[0].topics(), one.topics()) < 0.08
    assert abs(distance(several[0].topics(), beta) - distance(one.topics(), beta)) < 0.05
    assert several[0].loss(Tabular(counts)) == pytest.approx(one.loss(Tabular(counts)), rel=0.02)


def test_every_document_comes_once_whatever_the_blocks() -> None:
    X = sp.csr_matrix(np.arange(1, 24, dtype=np.float32).reshape(-1, 1))
    for size in (5, 23, 100):
        for data in (Tabular(X), Batches(lambda: iter([Tabular(X[:10]), Tabular(X[10:])]), 1)):
            found = list(mini_batches(data, 1, size, np.random.default_rng(0)))
            assert sorted(np.concatenate([C.toarray().ravel() for C in found])) == list(range(1, 24))
            assert all(C.shape[0] == size for C in found[:-1])


def test_a_share_of_the_documents_is_drawn_anew() -> None:
    X = sp.csr_matrix(np.arange(1, 101, dtype=np.float32).reshape(-1, 1))
    rng = np.random.default_rng(0)
    first, second = (
        {v for C in mini_batches(Tabular(X), 1, 7, rng, 0.3) for v in C.toarray().ravel()} for _ in range(2)
    )
    assert len(first) == len(second) == 30
    assert first != second


def test_losses_are_their_formulas() -> None:
    counts, _ = corpus(0, 20)
    model = NTM(num_topics=3)
    sums = anchor_words.gathered(counts.astype(np.float64), anchor_words.projection(counts.shape[1], 3, 0))
    net = Net(torch, model._recipe(), begin(model._recipe(), sums, 0), Standalone())
    draw = torch.Generator().manual_seed(1)
    recons, kld = net.losses(counts, draw, learning=False)
    w = {name: array.astype(float) for name, array in net.arrays().items()}
    X = counts.toarray().astype(float)
    h = X / X.sum(axis=1, keepdims=True) * w["scale"]
    for i in range(2):
        h = 1 / (1 + np.exp(-(h @ w[f"layer{i}"] + w[f"bias{i}"])))
    mean, variance = h @ w["mean"] + w["mean_bias"], h @ w["variance"] + w["variance_bias"]
    noise = torch.randn((20, 3), generator=torch.Generator().manual_seed(1)).numpy()
    z = (mean + noise * np.exp(variance / 2)) @ w["mixing"] + w["mixing_bias"]
    theta = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    beta = np.exp(w["base"] + w["topics"])
    beta /= beta.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(recons.detach(), -(X * np.log(theta @ beta)).sum(axis=1), rtol=1e-4)
    np.testing.assert_allclose(
        kld.detach(), 0.5 * (mean**2 + np.exp(variance) - variance - 1).sum(axis=1), rtol=1e-3, atol=1e-5
    )
