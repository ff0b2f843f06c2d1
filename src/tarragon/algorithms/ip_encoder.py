"""The network of IP Insights: entities as rows of a table, addresses through layers; trained on pairs against noise.

An address enters as its four octets, one of 256 each, and its 32 bits as ±1: h = Σ octets + bits·W + b. With layers,
h = relu(h), then h = h + relu(h Wᵢ + bᵢ) for each after the first, and the vector is h·out + out_bias; without, it is
h.

Several hosts step together: each draws its part of a batch and its noise from its own rows, and they add up the slopes
of the layers and of those rows of the table that occur in any part.

Notation: N rows of the table, D numbers in a vector, H = 2D units in a layer, L layers.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.protocol import Context
from tarragon.data import AddressPairs, Matrix, Vector
from tarragon.errors import ParameterError
from tarragon.metrics import auc

TITLE = "IP Insights"
ENTITY = "entity"
OCTETS = 4 * 256
BLOCK = 65_536  # pairs answered at a time
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Kingma & Ba (2015), algorithm 1
ASK = 16  # batches between two looks at whether to end

Arrays = Mapping[str, NDArray[np.float32]]
Told = Callable[[int, int, float, float], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train: shape, steps, and noise; names as in :class:`tarragon.algorithms.ip_insights.IPInsights`."""

    vectors: int
    dim: int
    layers: int
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    random: int
    shuffled: int
    publish: int

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array."""
        D = self.dim
        H = 2 * D if self.layers else D
        found: dict[str, tuple[int, ...]] = {ENTITY: (self.vectors, D)}
        found |= {"octets": (OCTETS, H), "bits": (32, H), "bias": (H,)}
        for i in range(1, self.layers):
            found |= {f"layer{i}": (H, H), f"layer_bias{i}": (H,)}
        return found | ({"out": (H, D), "out_bias": (D,)} if self.layers else {})


def begin(recipe: Recipe, seed: int) -> dict[str, NDArray[np.float32]]:
    """Draw the first weights. Entities start at nought: one that never occurs answers log odds of 0."""
    rng = np.random.default_rng([seed, 67])
    made = {}
    for name, shape in recipe.shapes().items():
        # an address sums four octets and 32 bits: variances ½ from each, so that what a layer reads has variance 1
        scale = {"octets": 8**-0.5, "bits": 64**-0.5}.get(name, (1.0 / shape[0]) ** 0.5)
        plain = name == ENTITY or "bias" in name
        made[name] = np.zeros(shape, np.float32) if plain else (scale * rng.normal(size=shape)).astype(np.float32)
    return made


def encoded(weights: Arrays, address: NDArray[np.uint32]) -> Matrix:
    """Encode addresses, (n,) -> (n, D), without torch."""
    octets, bits = inputs(address)
    h = weights["octets"][octets].sum(axis=1) + bits @ weights["bits"] + weights["bias"]
    if "out" in weights:
        h = np.maximum(h, 0.0)
        i = 1
        while f"layer{i}" in weights:
            h = h + np.maximum(h @ weights[f"layer{i}"] + weights[f"layer_bias{i}"], 0.0)
            i += 1
        h = h @ weights["out"] + weights["out_bias"]
    return np.asarray(h, np.float32)


def inputs(address: NDArray[np.uint32]) -> tuple[NDArray[np.int64], Matrix]:
    """Rows of ``octets`` that an address adds, (n, 4), and its bits from the highest as ±1, (n, 32)."""
    wide = address.astype(np.int64)[:, None]
    octets = (wide >> np.array([24, 16, 8, 0])) & 255
    bits = (wide >> np.arange(31, -1, -1)) & 1
    return octets + np.arange(0, OCTETS, 256), (2 * bits - 1).astype(np.float32)


def vectors(weights: Arrays, pairs: AddressPairs) -> Iterator[tuple[Matrix, Matrix]]:
    """Give the vectors of entities and addresses, (m, D) each, block by block."""
    table = weights[ENTITY]
    for start in range(0, pairs.n_rows, BLOCK):
        rows = (pairs.entity[start : start + BLOCK] % np.uint64(len(table))).astype(np.int64)
        yield table[rows], encoded(weights, pairs.address[start : start + BLOCK])


def scores(weights: Arrays, pairs: AddressPairs) -> Vector:
    """Dot products, (n,)."""
    found = [(a.astype(np.float64) * b).sum(axis=1) for a, b in vectors(weights, pairs)]
    return np.concatenate(found) if found else np.empty(0)


def discriminated(weights: Arrays, pairs: AddressPairs, seed: int) -> float:
    """Area under the curve of pairs against one random and one shuffled address for each of their entities."""
    rng = np.random.default_rng([seed, 71])
    n = pairs.n_rows
    drawn = rng.integers(0, 1 << 32, n, dtype=np.uint32)
    mixed = pairs.address[rng.permutation(n)]
    noise = AddressPairs(np.tile(pairs.entity, 2), np.concatenate([drawn, mixed]))
    score = np.concatenate([scores(weights, pairs), scores(weights, noise)])
    return auc(np.repeat([1.0, 0.0], [n, 2 * n]), np.column_stack([-score, score]))


@dataclass(slots=True, eq=False)
class Run:
    """One training: weights on the device, what Adam keeps of them, and the order of the rows."""

    recipe: Recipe
    pairs: AddressPairs
    context: Context
    weights: dict[str, NDArray[np.float32]]
    told: Told | None = None
    step: int = field(default=0, init=False)
    _shares: NDArray[np.int64] = field(init=False)  # rows of each host
    _torch: Any = field(default=None, init=False)
    _net: dict[str, Any] = field(default_factory=dict, init=False)
    _table: tuple[Any, Any, Any] = field(default=(None, None, None), init=False)  # rows, and their two moments
    _adam: Any = field(default=None, init=False)

    def train(self, valid: AddressPairs | None) -> None:
        """Train in place. Raises ``ParameterError`` when the loss is no number any more."""
        self._torch = torch = torch_for(TITLE)
        with steady(torch, self.context.threads):
            device = self.context.device
            table = torch.from_numpy(self.weights[ENTITY]).to(device)
            zeros = [torch.from_numpy(np.zeros_like(self.weights[ENTITY])).to(device) for _ in range(2)]
            self._table = (table, zeros[0], zeros[1])
            inner = {name: array for name, array in self.weights.items() if name != ENTITY}
            self._net = {name: torch.tensor(array, device=device, requires_grad=True) for name, array in inner.items()}
            self._adam = torch.optim.Adam(
                list(self._net.values()), lr=self.recipe.learning_rate, weight_decay=self.recipe.weight_decay,
                betas=(BETA1, BETA2), eps=EPSILON,
            )  # fmt: skip
            host = [self.context.rank] if self.context.world > 1 else []
            rng = np.random.default_rng([self.context.seed, 73, *host])
            self._shares = self._gathered(self.pairs.n_rows)
            for epoch in range(1, self.recipe.epochs + 1):
                measured = self._epoch(epoch, rng)
                self._back()
                if measured is None:
                    break
                if valid is not None:
                    measured["validation:discriminator_auc"] = discriminated(self.weights, valid, self.context.seed)
                steps, records = self._steps, int(self._shares.sum())
                self.context.epoch(epoch, steps=steps, records=records, metrics=measured)
                if self._stop():
                    break

    def _back(self) -> None:
        """Copy the weights to where they are kept."""
        for name, tensor in {**self._net, ENTITY: self._table[0]}.items():
            self.weights[name] = tensor.detach().cpu().numpy()

    def _gathered(self, number: int) -> NDArray[np.int64]:
        """Learn every host's number, (world,)."""
        own = np.zeros(self.context.world, np.int64)
        own[self.context.rank] = number
        return np.asarray(self.context.reduce({"numbers": own})["numbers"])

    def _stop(self) -> bool:
        """Whether any host is asked to end; they ask together."""
        return bool(self._gathered(int(self.context.stop_asked())).any())

    @property
    def _size(self) -> int:
        """Rows of a batch that a host draws."""
        return max(1, self.recipe.batch // self.context.world)

    @property
    def _steps(self) -> int:
        """Batches of an epoch: until the last host has no rows left."""
        return int(-(-self._shares.max() // self._size))

    def _epoch(self, epoch: int, rng: np.random.Generator) -> dict[str, float] | None:
        order, size = rng.permutation(self.pairs.n_rows), self._size
        entropy, right, seen = 0.0, 0.0, 0
        for batch in range(self._steps):
            if batch % ASK == ASK - 1 and self._stop():
                return None
            whole = int(np.clip(self._shares - batch * size, 0, size).sum())  # of all hosts
            loss, accuracy = self._batch(order[batch * size : (batch + 1) * size], whole, rng)
            if not math.isfinite(loss):
                raise ParameterError(
                    f"{TITLE} did not converge",
                    why=f"The loss of epoch {epoch - 1} is {loss} with learning_rate {self.recipe.learning_rate:g}",
                    fix="Use a smaller learning_rate",
                )
            entropy, right, seen = entropy + loss * whole, right + accuracy * whole, seen + whole
            if self.told is not None and (batch + 1) % self.recipe.publish == 0:
                self.told(epoch - 1, batch + 1, accuracy, loss)
        return {
            "train:binary_classification_accuracy": right / seen,
            "train:binary_classification_cross_entropy": entropy / seen,
        }

    def _batch(self, rows: NDArray[np.int64], whole: int, rng: np.random.Generator) -> tuple[float, float]:
        """Take one step on a batch of ``whole`` rows, these of them here; cross entropy and accuracy over them all."""
        torch, r = self._torch, self.recipe
        places = (self.pairs.entity[rows] % np.uint64(r.vectors)).astype(np.int64)
        unique, inverse = np.unique(places, return_inverse=True)
        own = self._table[0][torch.from_numpy(unique).to(self.context.device)].requires_grad_()
        count = whole * (1 + r.random + r.shuffled)
        self._adam.zero_grad()
        loss, right = 0.0, 0.0
        if len(rows):  # a host may have come to its end before the others
            mean, right = self._loss(rows, own[torch.from_numpy(inverse).to(own.device)], count, rng)
            mean.backward()
            loss = float(mean.detach())
        gradient = own.grad
        if self.context.world > 1:
            unique, gradient, loss, right = self._summed(unique, gradient, loss, right)
        self._adam.step()
        self._stepped(torch.from_numpy(unique).to(self.context.device), gradient)
        return loss, right / count

    def _loss(self, rows: NDArray[np.int64], entity: Any, count: int, rng: np.random.Generator) -> tuple[Any, float]:
        """Sum the cross entropy over pairs and noise, divided by ``count``; how many of them are judged rightly."""
        torch, r, b = self._torch, self.recipe, len(rows)
        noise = rng.integers(0, 1 << 32, r.random * b, dtype=np.uint32)
        address = self._encoded(np.concatenate([self.pairs.address[rows], noise]))
        mixed = [torch.from_numpy(rng.permutation(b)).to(entity.device) for _ in range(r.shuffled)]
        others = [*(address[mix] for mix in mixed), *(address[b:].split(b) if r.random else ())]
        yes = (entity * address[:b]).sum(1)
        no = torch.cat([(entity * other).sum(1) for other in others])
        softplus = torch.nn.functional.softplus
        return (softplus(-yes).sum() + softplus(no).sum()) / count, float((yes > 0).sum() + (no < 0).sum())

    def _summed(
        self, unique: NDArray[np.int64], gradient: Any, loss: float, right: float
    ) -> tuple[NDArray[np.int64], Any, float, float]:
        """Add up the hosts' slopes: the network's in place, the table's by the rows that occur on any host."""
        sizes = self._gathered(len(unique))
        start, listed = int(sizes[: self.context.rank].sum()), np.zeros(int(sizes.sum()), np.int64)
        listed[start : start + len(unique)] = unique
        union = np.unique(self.context.reduce({"rows": listed})["rows"])
        table = np.zeros((len(union), self.recipe.dim), np.float32)
        if len(unique):
            table[np.searchsorted(union, unique)] = gradient.cpu().numpy()
        slopes = {
            name: np.zeros(tuple(w.shape), np.float32) if w.grad is None else w.grad.cpu().numpy()
            for name, w in self._net.items()
        }
        shared = self.context.reduce({**slopes, ENTITY: table, "seen": np.array([loss, right])})
        for name, w in self._net.items():
            w.grad = self._torch.from_numpy(shared[name]).to(w.device)
        whole = self._torch.from_numpy(shared[ENTITY]).to(self.context.device)
        return union, whole, float(shared["seen"][0]), float(shared["seen"][1])

    def _encoded(self, address: NDArray[np.uint32]) -> Any:
        torch, w = self._torch, self._net
        octets, bits = (torch.from_numpy(each).to(self.context.device) for each in inputs(address))
        h = torch.nn.functional.embedding_bag(octets, w["octets"], mode="sum") + bits @ w["bits"] + w["bias"]
        if not self.recipe.layers:
            return h
        h = torch.relu(h)
        for i in range(1, self.recipe.layers):
            h = h + torch.relu(h @ w[f"layer{i}"] + w[f"layer_bias{i}"])
        return h @ w["out"] + w["out_bias"]

    def _stepped(self, unique: Any, slope: Any) -> None:
        """Move the rows of the table that occurred; the others, and their moments, stay as they are."""
        table, first, second = self._table
        self.step += 1
        before = table[unique]
        gradient = slope + self.recipe.weight_decay * before
        m = BETA1 * first[unique] + (1 - BETA1) * gradient
        v = BETA2 * second[unique] + (1 - BETA2) * gradient**2
        rate = self.recipe.learning_rate / (1 - BETA1**self.step)
        table[unique] = before - rate * m / ((v / (1 - BETA2**self.step)).sqrt() + EPSILON)
        first[unique], second[unique] = m, v
