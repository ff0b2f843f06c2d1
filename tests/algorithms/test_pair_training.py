"""Encoders never see padding, are what their definitions say, and batches hold every pair once."""

from typing import Any

import numpy as np
import pytest

from tarragon.algorithms import Standalone
from tarragon.algorithms.object2vec import Object2Vec
from tarragon.algorithms.pair_training import Net, begin, clipped, orders, with_negatives
from tarragon.data import LabelledPairs, Tokens

torch = pytest.importorskip("torch")


def net(network: str, **more: Any) -> Net:
    made = Object2Vec(
        enc0_max_seq_len=9, enc0_vocab_size=12, enc_dim=6, enc0_token_embedding_dim=4, enc0_network=network, **more
    )
    recipe = made.recipe()
    return Net(torch, recipe, begin(recipe, {}, np.zeros(2), 0), Standalone())


@pytest.mark.parametrize("network", ["pooled_embedding", "bilstm", "hcnn"])
def test_a_sequence_is_encoded_alone_as_among_longer_ones(network: str) -> None:
    model = net(network)
    short, long = [3, 5], [1, 2, 3, 4, 5, 6, 7]
    with torch.no_grad():
        together = model.encoded(0, Tokens.of([short, long])).numpy()
        np.testing.assert_allclose(model.encoded(0, Tokens.of([short])).numpy()[0], together[0], atol=1e-6)
        np.testing.assert_allclose(model.encoded(0, Tokens.of([[*short, 0, 0]])).numpy()[0], together[0], atol=1e-6)


def test_pooling_is_the_mean() -> None:
    model = net("pooled_embedding")
    table = model.arrays()["table0"]
    found = model.encoded(0, Tokens.of([[3, 5, 5]])).detach().numpy()
    np.testing.assert_allclose(found[0], (table[3] + 2 * table[5]) / 3, atol=1e-6)


def test_a_bilstm_is_torchs_own_with_the_greatest_over_time() -> None:
    model = net("bilstm", enc0_layers=2)
    arrays = model.arrays()
    own = torch.nn.LSTM(4, 3, num_layers=2, bidirectional=True, batch_first=True)
    for layer in range(2):
        for way, end in (("f", ""), ("b", "_reverse")):
            for ours, theirs in (("in", "weight_ih"), ("state", "weight_hh"), ("bias", "bias_ih")):
                getattr(own, f"{theirs}_l{layer}{end}").data = torch.from_numpy(arrays[f"0.{layer}{way}.{ours}"])
            getattr(own, f"bias_hh_l{layer}{end}").data.zero_()
    tokens = [3, 1, 4]
    expected = own(torch.from_numpy(arrays["table0"][tokens])[None])[0].amax(dim=1)
    np.testing.assert_allclose(model.encoded(0, Tokens.of([tokens])).detach(), expected.detach(), atol=1e-6)


def test_a_convolution_is_its_definition() -> None:
    model = net("hcnn", enc0_layers=1)
    arrays = model.arrays()
    x = np.pad(arrays["table0"][[3, 1, 4]], ((1, 1), (0, 0)))
    W = arrays["0.0.conv"]
    steps = np.stack([np.einsum("oif,fi->o", W, x[t : t + 3]) for t in range(3)])
    found = model.encoded(0, Tokens.of([[3, 1, 4]])).detach().numpy()[0]
    np.testing.assert_allclose(found, np.maximum(steps, 0).max(axis=0), atol=1e-6)


def test_padding_at_the_end_is_cut_and_a_lone_zero_is_a_token() -> None:
    found = clipped(Tokens.of([[1, 0, 2, 0, 0], [0], [0, 0], [1, 2, 3, 4], [5]]), 3)
    assert [found.flat[a:b].tolist() for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)] == [
        [1, 0, 2], [0], [0], [1, 2, 3], [5],
    ]  # fmt: skip


@pytest.mark.parametrize("bucket", [0, 3])
def test_batches_hold_every_pair_once(bucket: int) -> None:
    rng = np.random.default_rng(0)
    sides = [Tokens.of([[1] * n for n in rng.integers(1, 10, 50)]) for _ in range(2)]
    pairs = LabelledPairs(*sides, np.zeros(50))
    recipe = net("bilstm", bucket_width=bucket, mini_batch_size=8).recipe
    found = list(orders(recipe, pairs, rng))
    assert sorted(np.concatenate(found)) == list(range(50))
    longest = np.maximum(sides[0].lengths, sides[1].lengths)
    spread = np.mean([np.ptp(longest[rows]) for rows in found])
    assert (spread < 3) == bool(bucket)


def test_negatives_are_labelled_zero_and_keep_the_first_sequence() -> None:
    pairs = LabelledPairs(Tokens.of([[1], [2], [3]]), Tokens.of([[4], [5], [6]]), np.ones(3))
    found = with_negatives(pairs, 2, np.random.default_rng(0))
    assert found.y is not None
    assert found.in0 is not None
    assert found.in1 is not None
    assert found.y.tolist() == [1] * 3 + [0] * 6
    assert found.in0.flat.tolist() == [1, 2, 3] * 3
    assert set(found.in1.flat[3:]) <= {4, 5, 6}
