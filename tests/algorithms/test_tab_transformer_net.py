"""The network's answers are those of the formulae, written out with numpy."""

import numpy as np
import pytest
from scipy.special import erf, softmax

torch = pytest.importorskip("torch")

from tarragon.algorithms import tab_transformer_net as net  # noqa: E402
from tarragon.algorithms.protocol import Standalone  # noqa: E402

SHAPE = net.Shape((4, 3), 2, width=16, blocks=2, shared=4, outputs=3, attn_dropout=0.2, mlp_dropout=0.1)


def norm(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def attention(x: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Scaled dot products of heads (Vaswani et al. 2017, equation 1)."""
    b, c, d = x.shape
    joined = x @ w[f"{name}.in_proj_weight"].T + w[f"{name}.in_proj_bias"]
    q, k, v = (part.reshape(b, c, net.HEADS, -1).transpose(0, 2, 1, 3) for part in np.split(joined, 3, axis=-1))
    mixed = softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(d / net.HEADS), axis=-1) @ v
    return linear(mixed.transpose(0, 2, 1, 3).reshape(b, c, d), w, f"{name}.out_proj")


def test_answers_are_the_formulaes() -> None:
    torch.manual_seed(0)
    made = net.network(torch, SHAPE)
    torch.nn.init.normal_(made.head[-1].weight)
    w = {name: array.astype(np.float64) for name, array in net.arrays(made).items()}
    rng = np.random.default_rng(0)
    codes, numbers = rng.integers(0, 3, (7, 2)), rng.normal(size=(7, 2)).astype(np.float32)
    x = np.concatenate([np.broadcast_to(w["common"], (7, 2, 4)), w["own.weight"][codes + np.array([0, 4])]], axis=-1)
    for i in range(2):
        x = norm(x + attention(x, w, f"blocks.{i}.attention"), w, f"blocks.{i}.first")
        h = linear(x, w, f"blocks.{i}.feed.0")
        h = linear(h * 0.5 * (1 + erf(h / np.sqrt(2))), w, f"blocks.{i}.feed.3")
        x = norm(x + h, w, f"blocks.{i}.second")
    z = np.concatenate([x.reshape(7, -1), norm(numbers.astype(np.float64), w, "norm")], axis=-1)
    for layer in ("head.0", "head.3"):
        z = np.maximum(linear(z, w, layer), 0)
    expected = linear(z, w, "head.6")
    found = net.answer(torch, net.loaded(torch, SHAPE, net.arrays(made)), codes, numbers)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_generator_of_the_callers_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    rows = net.Rows(
        rng.integers(0, 3, (20, 2)), rng.normal(size=(20, 2)).astype(np.float32), rng.integers(0, 3, 20) * 1.0,
        np.ones(20),
    )  # fmt: skip
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    how = net.Schedule(epochs=1, patience=2, batch=8, learning_rate=0.01, loss="entropy")
    done = net.train(SHAPE, how, rows, rows, Standalone(), lambda answers: {"rows": float(len(answers))})
    assert torch.equal(before, torch.random.get_rng_state())
    assert (done.kept, done.done) == (1, 1)
