"""Train a variational autoencoder of word counts (see :mod:`tarragon.algorithms.ntm` for the idea) with torch.

x, (b, V), shares of words · SCALE -> h₁ = f(x W₁ + b₁), h₂ = f(h₁ W₂ + b₂) … -> mean and log-variance of z, (b, K);
θ = softmax(z Wₜ + bₜ); p(word) = θ · softmax(base + T) with base (V,) and T (K, V).
Loss of a document: -Σ counts · log p + KL(z ‖ N(0, I)).

Rows are sparse all the way: the first layer sums rows of W₁, and p is worked out for the words that occur.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.algorithms import anchor_words
from tarragon.algorithms.counts import counts_of
from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.protocol import Context
from tarragon.algorithms.torch_steps import agreed, averaged, optimiser
from tarragon.data import Data, Tabular

TITLE = "Neural topic model"
Arrays = Mapping[str, NDArray[np.float32]]
MIXING = 2.0  # size of the first Wₜ: with N(0, I) behind it, mixtures are then neither all alike nor all of one topic
SMOOTH = 0.02  # part of the corpus's own word shares in a first topic: what the guess misses can come back
HELD = 5  # epochs (a tenth of all at most) in which topics stay as guessed while the encoder learns to read them
VALID_ROWS = 2_048
TINY = 1e-10


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the names are the hyperparameters'."""

    topics: int
    layers: tuple[int, ...]
    activation: str
    batch_norm: bool
    epochs: int
    batch: int
    optimiser: str
    rate: float
    decay: float
    patience: int
    tolerance: float
    clip: float
    rescale: float
    sub_sample: float

    def shapes(self, words: int) -> dict[str, tuple[int, ...]]:
        """Shape of each array, for so many words."""
        k, inner = self.topics, words
        found: dict[str, tuple[int, ...]] = {}
        for i, width in enumerate(self.layers):
            found |= {f"layer{i}": (inner, width), f"bias{i}": (width,)}
            if self.batch_norm:
                found |= {f"{name}{i}": (width,) for name in ("gain", "shift", "centre", "spread")}
            inner = width
        found |= {"mean": (inner, k), "mean_bias": (k,), "variance": (inner, k), "variance_bias": (k,)}
        return {**found, "mixing": (k, k), "mixing_bias": (k,), "base": (words,), "topics": (k, words), "scale": (1,)}


def begin(recipe: Recipe, sums: Mapping[str, NDArray[np.float64]], seed: int) -> dict[str, NDArray[np.float32]]:
    """Make the first weights from sums of ``anchor_words``: topics as guessed, and an encoder that looks for them."""
    rng = np.random.default_rng([seed, 13])
    share = sums["words"] / max(float(sums["words"].sum()), 1.0) + 1e-6
    share /= share.sum()
    guess = anchor_words.topics(sums, recipe.topics, seed)
    base = np.log(share)
    T = np.log((1 - SMOOTH) * guess + SMOOTH * share) - base
    made = {}
    for name, shape in recipe.shapes(len(share)).items():
        start = np.zeros(shape)
        if len(shape) == 2:
            start = rng.normal(size=shape) / math.sqrt(shape[0])
        made[name] = start
    seen = (T - T.mean(axis=0)).T
    seen /= max(float(np.sqrt((seen**2 * share[:, None]).sum(axis=0)).mean()), 1e-9)
    width = recipe.layers[0]
    made["layer0"] = made["layer0"] * 0.5 + seen[:, np.arange(width) % recipe.topics]
    made |= {"mixing": np.eye(recipe.topics) * MIXING, "variance": made["variance"] * 0.0, "base": base, "topics": T}
    squares = float(sums["squares"][0]) / max(float(sums["documents"][0]), 1.0)
    made["scale"] = np.array([1.0 / math.sqrt(max(squares, 1e-9))])
    for i in range(len(recipe.layers) if recipe.batch_norm else 0):
        made |= {f"gain{i}": made[f"gain{i}"] + 1.0, f"spread{i}": made[f"spread{i}"] + 1.0}
    return {name: np.ascontiguousarray(array, np.float32) for name, array in made.items()}


def mini_batches(
    data: Data, words: int | None, size: int, rng: np.random.Generator | None, part: float = 1.0
) -> Iterator["sp.csr_matrix"]:
    """Cut documents into batches of ``size``: the rest of a block goes into the next; ``rng`` shuffles within."""
    rest: sp.csr_matrix | None = None
    for block in (data,) if isinstance(data, Tabular) else data:
        C = counts_of(block, words, TITLE).astype(np.float32)
        C = C[C.getnnz(axis=1) > 0]
        C = C if rng is None else C[rng.permutation(C.shape[0])]
        if part < 1.0:
            C = C[: max(1, round(part * C.shape[0]))]
        if rest is not None and rest.shape[0]:
            C = sp.vstack([rest, C], format="csr")
        whole = C.shape[0] // size * size
        for start in range(0, whole, size):
            yield C[start : start + size]
        rest = C[whole:]
    if rest is not None and rest.shape[0]:
        yield rest


def train(recipe: Recipe, start: Arrays, data: Data, valid: Data | None, context: Context) -> dict[str, Any]:
    """Train until the epochs, the patience or the time is over.

    Returns
    -------
    dict
        Weights by name: those of the best epoch on ``valid``, the last ones without it.
    """
    torch = torch_for(TITLE)
    with steady(torch, context.threads):
        net = Net(torch, recipe, start, context)
        best, lowest, before, still = net.arrays(), math.inf, math.inf, 0
        for epoch in range(1, recipe.epochs + 1):
            told = net.epoch(data, epoch)
            watched = told["train:total_loss"]
            if valid is not None:
                told["validation:total_loss"] = watched = net.loss(valid)
            context.epoch(epoch, steps=max(net.steps, 1), records=max(net.records, 1), metrics=told)
            if valid is None or watched < lowest:
                best, lowest = net.arrays(), min(watched, lowest)
            still = still + 1 if abs(before - watched) < recipe.tolerance * abs(before) else 0
            before = watched
            if agreed(context, {"stop": float(context.stop_asked())})["stop"] or still >= recipe.patience:
                break
        return best


class Net:
    """Weights on a device, and what is done with them.

    Parameters
    ----------
    torch : module
    recipe : Recipe
    start : mapping of str to ndarray
    context : Context
    """

    FIXED = ("scale", "centre", "spread")

    def __init__(self, torch: Any, recipe: Recipe, start: Arrays, context: Context) -> None:
        self.torch, self.recipe, self.context = torch, recipe, context
        self.device = torch.device(context.device)
        self.w = {name: torch.from_numpy(np.array(a, np.float32)).to(self.device) for name, a in start.items()}
        self.learnt = {n: w.requires_grad_() for n, w in self.w.items() if not n.startswith(self.FIXED)}
        self.optimiser = optimiser(torch, self.learnt.values(), recipe.optimiser, recipe.rate, recipe.decay)
        self.draw = torch.Generator().manual_seed(context.seed + 1_000 * context.rank)
        self.order = np.random.default_rng([context.seed, context.rank, 17])
        self.words = start["base"].shape[0]
        self.steps = self.records = 0

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Copy the weights out."""
        return {name: np.array(w.detach().cpu().numpy()) for name, w in self.w.items()}

    def epoch(self, data: Data, number: int) -> dict[str, float]:
        """Go over the documents once; return the mean losses of all hosts' documents."""
        recipe, sums = self.recipe, {"total_loss": 0.0, "recons_loss": 0.0, "kld_loss": 0.0, "records": 0.0}
        held = number <= min(HELD, recipe.epochs // 10)
        self.steps = 0
        batches = mini_batches(data, self.words, recipe.batch, self.order, recipe.sub_sample)
        while True:
            C = next(batches, None)
            count = 0 if C is None else C.shape[0]
            self.optimiser.zero_grad(set_to_none=True)
            if C is not None:
                recons, kld = self.losses(C, self.draw, learning=True)
                (recons + kld).mean().backward()
                for name, value in (("recons_loss", recons), ("kld_loss", kld)):
                    sums[name] += float(value.detach().sum())
                sums["records"] += count
            if not averaged(self.context, self.learnt, count):
                break
            self._step(held)
        self._even()
        total = agreed(self.context, sums)
        self.records = int(total["records"])
        total["total_loss"] = total["recons_loss"] + total["kld_loss"]
        return {f"train:{name}": total[name] / max(self.records, 1) for name in sums if name != "records"}

    def _step(self, held: bool) -> None:
        for name, weight in self.learnt.items():
            if weight.grad is None or (held and name in ("topics", "base")):
                weight.grad = None
                continue
            weight.grad.mul_(self.recipe.rescale)
            if math.isfinite(self.recipe.clip):
                weight.grad.clamp_(-self.recipe.clip, self.recipe.clip)
        self.optimiser.step()
        self.steps += 1

    def _even(self) -> None:
        """Average the running moments of batch normalisation over hosts: each saw documents of its own."""
        for name in [n for n in self.w if n.startswith(self.FIXED[1:])]:
            mean = self.context.reduce({name: self.w[name].cpu().numpy()})[name] / self.context.world
            self.w[name].copy_(self.torch.from_numpy(np.asarray(mean, np.float32)))

    def loss(self, data: Data) -> float:
        """Return the mean loss of documents, the same noise at each call."""
        torch, total, records = self.torch, 0.0, 0
        draw = torch.Generator().manual_seed(self.context.seed)
        with torch.no_grad():
            for C in mini_batches(data, self.words, VALID_ROWS, None):
                recons, kld = self.losses(C, draw, learning=False)
                total, records = total + float((recons + kld).sum()), records + C.shape[0]
        found = agreed(self.context, {"total": total, "records": float(records)})
        return found["total"] / max(found["records"], 1.0)

    def losses(self, C: "sp.csr_matrix", draw: Any, *, learning: bool) -> tuple[Any, Any]:
        """Return reconstruction and divergence of each document, (b,) and (b,)."""
        torch, w = self.torch, self.w
        rows = torch.from_numpy(np.repeat(np.arange(C.shape[0]), np.diff(C.indptr))).to(self.device)
        columns = torch.from_numpy(C.indices.astype(np.int64)).to(self.device)
        counts = torch.from_numpy(C.data).to(self.device)
        mean, variance = self.encoded(C, learning=learning)
        noise = torch.randn(mean.shape, generator=draw).to(self.device)
        theta = torch.softmax((mean + noise * torch.exp(0.5 * variance)) @ w["mixing"] + w["mixing_bias"], dim=1)
        beta = torch.softmax(w["base"] + w["topics"], dim=1).T
        p = (torch.nn.functional.embedding(rows, theta) * torch.nn.functional.embedding(columns, beta)).sum(dim=1)
        recons = torch.zeros(C.shape[0], device=self.device).index_add(0, rows, -counts * torch.log(p + TINY))
        return recons, -0.5 * (1.0 + variance - mean**2 - torch.exp(variance)).sum(dim=1)

    def encoded(self, C: "sp.csr_matrix", *, learning: bool) -> tuple[Any, Any]:
        """Return mean and log-variance of z, (b, K) and (b, K)."""
        torch, w, recipe = self.torch, self.w, self.recipe
        n = np.repeat(np.asarray(C.sum(axis=1), np.float32).ravel(), np.diff(C.indptr))
        weights = torch.from_numpy(C.data / np.maximum(n, 1e-9)).to(self.device) * w["scale"]
        index = torch.from_numpy(C.indices.astype(np.int64)).to(self.device)
        starts = torch.from_numpy(C.indptr[:-1].astype(np.int64)).to(self.device)
        h = torch.nn.functional.embedding_bag(
            index, w["layer0"], starts, mode="sum", per_sample_weights=weights.to(w["layer0"].dtype)
        )
        active = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[recipe.activation]
        for i in range(len(recipe.layers)):
            h = (h if i == 0 else h @ w[f"layer{i}"]) + w[f"bias{i}"]
            if recipe.batch_norm:
                h = self._normed(h, i, learning=learning)
            h = active(h)
        variance = torch.clamp(h @ w["variance"] + w["variance_bias"], -20.0, 10.0)
        return h @ w["mean"] + w["mean_bias"], variance

    def _normed(self, h: Any, i: int, *, learning: bool) -> Any:
        w = self.w
        return self.torch.nn.functional.batch_norm(
            h, w[f"centre{i}"], w[f"spread{i}"], w[f"gain{i}"], w[f"shift{i}"], training=learning and len(h) > 1
        )

    def mixtures(self, C: "sp.csr_matrix") -> NDArray[np.float32]:
        """Return each document's topics at the mean of z, (b, K)."""
        torch = self.torch
        with torch.no_grad():
            mean, _ = self.encoded(C.astype(np.float32), learning=False)
            theta = torch.softmax(mean @ self.w["mixing"] + self.w["mixing_bias"], dim=1)
        return np.asarray(theta.cpu().numpy(), np.float32)
