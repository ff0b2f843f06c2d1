"""Train two encoders of token sequences and a network that compares them, with torch (idea: ``object2vec``).

Encoders, (b, t) tokens of width d with their lengths -> (b, e):

pooled_embedding   mean of the tokens' vectors; e = d
bilstm             an LSTM in each direction, the greatest value over time of each; e = enc_dim
hcnn               convolutions over convolutions, the greatest value over time of every layer; e = enc_dim

Source of the last two: Conneau, Kiela, Schwenk, Barrault & Bordes (2017), EMNLP, arXiv:1705.02364, section 3.2.
Padding is by length and never seen: it adds nothing to a mean, a maximum, a convolution or an LSTM's state.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.protocol import Context
from tarragon.algorithms.torch_steps import optimiser
from tarragon.data import LabelledPairs, Tokens

TITLE = "Object2Vec"
Arrays = Mapping[str, NDArray[np.float32]]
FIRST = 0.1  # spread of first token vectors
STOP_STEPS = 64  # steps between two looks at whether to end
SORTED = 64  # buckets of lengths at most
LOWEST = -1e30  # what padding is before a maximum is taken


@dataclass(frozen=True, slots=True)
class Encoder:
    """One side: its network and sizes."""

    network: str
    words: int
    width: int
    layers: int
    filter: int
    longest: int
    frozen: bool

    def size(self, dim: int) -> int:
        """Length of what it makes, where ``enc_dim`` is ``dim``."""
        return self.width if self.network == "pooled_embedding" else dim

    def shapes(self, side: int, dim: int, *, tied: bool) -> dict[str, tuple[int, ...]]:
        """Shape of each array; a tied side has no table of its own."""
        found: dict[str, tuple[int, ...]] = {} if tied and side else {f"table{side}": (self.words, self.width)}
        if self.network == "bilstm":
            half, inner = -(-dim // 2), self.width
            for layer in range(self.layers):
                for way in "fb":
                    found |= {
                        f"{side}.{layer}{way}.in": (4 * half, inner),
                        f"{side}.{layer}{way}.state": (4 * half, half),
                    }
                    found |= {f"{side}.{layer}{way}.bias": (4 * half,)}
                inner = 2 * half
        elif self.network == "hcnn":
            inner, each = self.width, -(-dim // self.layers)
            for layer in range(self.layers):
                found |= {f"{side}.{layer}.conv": (each, inner, self.filter), f"{side}.{layer}.bias": (each,)}
                inner = each
        return found


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the names are the hyperparameters'."""

    encoders: tuple[Encoder, Encoder]
    dim: int
    comparators: tuple[str, ...]
    mlp: tuple[int, ...]
    activation: str
    outputs: int
    classify: bool
    epochs: int
    batch: int
    optimiser: str
    rate: float
    decay: float
    dropout: float
    patience: int
    tolerance: float
    bucket: int
    negatives: int
    tied: bool
    sparse: bool

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array."""
        found: dict[str, tuple[int, ...]] = {}
        for side, encoder in enumerate(self.encoders):
            found |= encoder.shapes(side, self.dim, tied=self.tied)
        e0, e1 = (encoder.size(self.dim) for encoder in self.encoders)
        inner = sum(e0 + e1 if c == "concat" else e0 for c in self.comparators)
        for i, width in enumerate(self.mlp):
            found |= {f"mlp{i}": (inner, width), f"mlp_bias{i}": (width,)}
            inner = width
        return {**found, "out": (inner, self.outputs), "out_bias": (self.outputs,)}


def begin(recipe: Recipe, tables: Arrays, bias: NDArray[np.float64], seed: int) -> dict[str, NDArray[np.float32]]:
    """Draw the first weights; ``tables`` are given ones by name, ``bias`` (outputs,) is what to answer at first."""
    rng, made = np.random.default_rng([seed, 19]), {}
    for name, shape in recipe.shapes().items():
        if name.startswith("table"):
            start = FIRST * rng.normal(size=shape)
        elif len(shape) == 1:
            start = np.zeros(shape)
        else:
            inner = math.prod(shape[1:]) if "." in name else shape[0]
            start = rng.normal(size=shape) / math.sqrt(inner)
        made[name] = start
    made["out_bias"] = bias
    return {name: np.ascontiguousarray(tables.get(name, array), np.float32) for name, array in made.items()}


def clipped(tokens: Tokens, longest: int) -> Tokens:
    """Cut sequences at a length, and zeros off their ends: those are padding, unless nothing else is there."""
    lengths = np.minimum(tokens.lengths, longest)
    live = np.flatnonzero(tokens.flat)
    last = np.searchsorted(live, tokens.starts[:-1] + lengths) - 1  # the last token that is not 0
    ends = np.where(last >= 0, live[np.maximum(last, 0)] + 1 if len(live) else 0, 0)
    lengths = np.maximum(np.minimum(ends - tokens.starts[:-1], lengths), 1)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    where = np.arange(int(starts[-1])) + np.repeat(tokens.starts[:-1] - starts[:-1], lengths)
    return Tokens(tokens.flat[where], starts)


def orders(recipe: Recipe, pairs: LabelledPairs, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Cut rows into batches in random order; with buckets, of sequences about equally long."""
    n = pairs.n_rows
    order = rng.permutation(n)
    if recipe.bucket and not recipe.sparse:
        assert pairs.in0 is not None
        assert pairs.in1 is not None
        longest = np.maximum(pairs.in0.lengths, pairs.in1.lengths)
        order = order[np.argsort(-(-longest[order] // recipe.bucket), kind="stable")]
    batches = [order[start : start + recipe.batch] for start in range(0, n, recipe.batch)]
    return (batches[i] for i in rng.permutation(len(batches)))


def with_negatives(pairs: LabelledPairs, rate: int, rng: np.random.Generator) -> LabelledPairs:
    """Add to each pair ``rate`` others whose second sequence is another pair's, labelled 0."""
    if not rate:
        return pairs
    assert pairs.in0 is not None
    assert pairs.in1 is not None
    assert pairs.y is not None
    n = pairs.n_rows
    kept, drawn = np.tile(np.arange(n), 1 + rate), rng.integers(0, n, n * rate)
    y = np.concatenate([pairs.y, np.zeros(n * rate)])
    return LabelledPairs(pairs.in0.take(kept), pairs.in1.take(np.concatenate([np.arange(n), drawn])), y)


def train(recipe: Recipe, start: Arrays, pairs: LabelledPairs, valid: LabelledPairs | None, context: Context) -> Arrays:
    """Train until the epochs, the patience or the time is over; keep the epoch of the lowest watched loss."""
    torch = torch_for(TITLE)
    with steady(torch, context.threads):
        net = Net(torch, recipe, start, context)
        best, lowest, before, still = net.arrays(), math.inf, math.inf, 0
        rng = np.random.default_rng([context.seed, 23])
        for epoch in range(1, recipe.epochs + 1):
            seen = with_negatives(pairs, recipe.negatives, rng)
            told, steps = net.epoch(seen, rng), -(-seen.n_rows // recipe.batch)
            if told is None:
                break
            metrics = {f"train:{name}": value for name, value in told.items()}
            if valid is not None:
                told = net.measured(valid)
                metrics |= {f"validation:{name}": value for name, value in told.items()}
            context.epoch(epoch, steps=steps, records=seen.n_rows, metrics=metrics)
            watched = told["cross_entropy" if recipe.classify else "mean_squared_error"]
            still = 0 if before - watched >= recipe.tolerance else still + 1
            before = min(before, watched)
            if watched < lowest:
                best, lowest = net.arrays(), watched
            if still >= recipe.patience or context.stop_asked():
                break
        return best


class Net:
    """Weights on a device, and what is done with them."""

    def __init__(self, torch: Any, recipe: Recipe, start: Arrays, context: Context) -> None:
        self.torch, self.recipe, self.context = torch, recipe, context
        self.device = torch.device(context.device)
        self.w = {name: torch.from_numpy(np.array(a, np.float32)).to(self.device) for name, a in start.items()}
        frozen = {f"table{side}" for side, encoder in enumerate(recipe.encoders) if encoder.frozen}
        self.learnt = {n: w.requires_grad_() for n, w in self.w.items() if n not in frozen}
        tables = [w for n, w in self.learnt.items() if n.startswith("table") and recipe.sparse]
        rest = [w for n, w in self.learnt.items() if not (n.startswith("table") and recipe.sparse)]
        self.optimisers = [optimiser(torch, rest, recipe.optimiser, recipe.rate, recipe.decay)]
        if tables and recipe.optimiser == "adam":
            self.optimisers.append(torch.optim.SparseAdam(tables, lr=recipe.rate))
        elif tables:
            self.optimisers.append(optimiser(torch, tables, recipe.optimiser, recipe.rate, 0.0))
        self.draw = torch.Generator().manual_seed(context.seed)
        self.longest = tuple(encoder.longest for encoder in recipe.encoders)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Copy the weights out."""
        return {name: np.array(w.detach().cpu().numpy()) for name, w in self.w.items()}

    def epoch(self, pairs: LabelledPairs, rng: np.random.Generator) -> dict[str, float] | None:
        """Go over the pairs once; the mean losses, or None when asked to end on the way."""
        assert pairs.y is not None
        total, hits = 0.0, 0
        for step, rows in enumerate(orders(self.recipe, pairs, rng)):
            if step and step % STOP_STEPS == 0 and self.context.stop_asked():
                return None
            raw = self.scores(pairs, rows, learning=True)
            losses, right = self._judged(raw, pairs.y[rows])
            for each in self.optimisers:
                each.zero_grad(set_to_none=True)
            losses.mean().backward()
            for each in self.optimisers:
                each.step()
            total, hits = total + float(losses.detach().sum()), hits + right
        return self._told(total, hits, pairs.n_rows)

    def measured(self, pairs: LabelledPairs) -> dict[str, float]:
        """Return the mean loss, and the accuracy of a classifier."""
        assert pairs.y is not None
        total, hits = 0.0, 0
        with self.torch.no_grad():
            for start in range(0, pairs.n_rows, self.recipe.batch):
                rows = np.arange(start, min(start + self.recipe.batch, pairs.n_rows))
                losses, right = self._judged(self.scores(pairs, rows, learning=False), pairs.y[rows])
                total, hits = total + float(losses.sum()), hits + right
        return self._told(total, hits, pairs.n_rows)

    def _told(self, total: float, hits: int, n: int) -> dict[str, float]:
        if not self.recipe.classify:
            return {"mean_squared_error": total / n}
        return {"cross_entropy": total / n, "accuracy": hits / n}

    def _judged(self, raw: Any, y: NDArray[np.float64]) -> tuple[Any, int]:
        torch = self.torch
        if not self.recipe.classify:
            return (raw[:, 0] - torch.from_numpy(y.astype(np.float32)).to(self.device)) ** 2, 0
        goal = torch.from_numpy(y.astype(np.int64)).to(self.device)
        losses = torch.nn.functional.cross_entropy(raw, goal, reduction="none")
        return losses, int((raw.detach().argmax(dim=1) == goal).sum())

    def scores(self, pairs: LabelledPairs, rows: NDArray[np.int64], *, learning: bool) -> Any:
        """Compare pairs: (b, outputs), before softmax."""
        torch = self.torch
        assert pairs.in0 is not None
        assert pairs.in1 is not None
        a, b = (self.encoded(side, tokens.take(rows)) for side, tokens in enumerate((pairs.in0, pairs.in1)))
        parts = {"concat": lambda: torch.cat([a, b], 1), "hadamard": lambda: a * b, "abs_diff": lambda: (a - b).abs()}
        h = torch.cat([parts[name]() for name in self.recipe.comparators], dim=1)
        active = {"tanh": torch.tanh, "relu": torch.relu, "linear": lambda x: x}[self.recipe.activation]
        for i in range(len(self.recipe.mlp)):
            h = self._dropped(active(h @ self.w[f"mlp{i}"] + self.w[f"mlp_bias{i}"]), learning=learning)
        return h @ self.w["out"] + self.w["out_bias"]

    def _dropped(self, h: Any, *, learning: bool) -> Any:
        rate = self.recipe.dropout
        if not learning or not rate:
            return h
        if rate >= 1.0:
            return h * 0.0
        keep = (self.torch.rand(h.shape, generator=self.draw) >= rate).to(h)
        return h * keep / (1.0 - rate)

    def encoded(self, side: int, tokens: Tokens) -> Any:
        """Encode one side: (b, e)."""
        torch, encoder = self.torch, self.recipe.encoders[side]
        tokens = clipped(tokens, self.longest[side])
        table = self.w[f"table{0 if self.recipe.tied else side}"]
        flat = torch.from_numpy(tokens.flat).to(self.device)
        starts = torch.from_numpy(tokens.starts[:-1].astype(np.int64)).to(self.device)
        if encoder.network == "pooled_embedding":
            return torch.nn.functional.embedding_bag(flat, table, starts, mode="mean", sparse=self.recipe.sparse)
        vectors = torch.nn.functional.embedding(flat, table, sparse=self.recipe.sparse)
        lengths = tokens.lengths
        steps = torch.from_numpy(np.arange(len(tokens.flat)) - np.repeat(tokens.starts[:-1], lengths)).to(self.device)
        rows = torch.from_numpy(np.repeat(np.arange(len(tokens)), lengths)).to(self.device)
        padded = vectors.new_zeros(len(tokens), int(lengths.max()), encoder.width).index_put((rows, steps), vectors)
        size = torch.from_numpy(lengths).to(self.device)
        there = (torch.arange(padded.shape[1], device=self.device)[None] < size[:, None])[:, :, None]
        made = self._lstm(side, padded, size, there) if encoder.network == "bilstm" else self._cnn(side, padded, there)
        return made[:, : self.recipe.dim]

    def _cnn(self, side: int, x: Any, there: Any) -> Any:
        """(b, t, d) -> (b, layers × width): the greatest value over time of each layer."""
        torch, encoder, found = self.torch, self.recipe.encoders[side], []
        for layer in range(encoder.layers):
            left = (encoder.filter - 1) // 2
            h = torch.nn.functional.pad(x.transpose(1, 2), (left, encoder.filter - 1 - left))
            h = torch.nn.functional.conv1d(h, self.w[f"{side}.{layer}.conv"], self.w[f"{side}.{layer}.bias"])
            x = torch.relu(h).transpose(1, 2) * there
            found.append(x.amax(dim=1))  # nothing is below 0, so that padding is never the greatest
        return torch.cat(found, dim=1)

    def _lstm(self, side: int, x: Any, size: Any, there: Any) -> Any:
        """(b, t, d) -> (b, 2 × half): the greatest value over time of both directions."""
        torch, layers = self.torch, self.recipe.encoders[side].layers
        half = -(-self.recipe.dim // 2)
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, size.cpu(), batch_first=True, enforce_sorted=False)
        flat: list[Any] = []
        for layer in range(layers):
            for way in "fb":
                name = f"{side}.{layer}{way}"
                bias = self.w[f"{name}.bias"]
                flat += [self.w[f"{name}.in"], self.w[f"{name}.state"], bias, torch.zeros_like(bias)]
        state = x.new_zeros(2 * layers, len(x), half)
        made = torch.lstm(packed.data, packed.batch_sizes, (state, state), flat, True, layers, 0.0, False, True)
        out, _ = torch.nn.utils.rnn.pad_packed_sequence(
            torch.nn.utils.rnn.PackedSequence(
                made[0], packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices
            ),
            batch_first=True,
        )
        return out.masked_fill(~there, LOWEST).amax(dim=1)
