"""Train a small network on a table with torch: AdamW, cosine schedule, averaged weights, early stopping.

The network (see :mod:`tarragon.algorithms.tabular_net` for the idea) reads x, (b, D), and answers for each member m:
h = signₘ · silu(x·scale W₀ + b₀), then per layer h = silu(h W · gainₘ + biasₘ), then h headₘ + head_biasₘ.

Only this module imports torch, inside its functions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.protocol import Context
from tarragon.data import Matrix

STOP_STEPS = 32  # steps between two looks at the clock: about a quarter of a second
WARM = 0.05  # share of the steps in which the rate rises
MASK = 2_000_003  # length of the random mask that dropout cuts its masks from: drawing each anew costs 20 times more
GAIN = 2e-4  # by which validation loss must fall: past it, more epochs only make the sure surer
ROWS = 4_096  # validation rows at a time

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    hidden, layers, members, outputs : int
        Shape: width, member layers, members, answers per row.
    epochs, batch, patience : int
    stop_after : int
        Epochs after which to end as if asked to.
    learning_rate, weight_decay, dropout, label_smoothing, average : float
        ``average`` is the decay of the averaged weights.
    """

    hidden: int
    layers: int
    members: int
    outputs: int
    epochs: int
    batch: int
    patience: int
    stop_after: int
    learning_rate: float
    weight_decay: float
    dropout: float
    label_smoothing: float
    average: float = 0.99

    def shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        """Shape of each array, for ``width`` encoded columns."""
        h, m, k = self.hidden, self.members, self.outputs
        deep = {"layer": (h, h), "gain": (m, h), "bias": (m, h)}
        outer = {"scale": (width,), "first": (width, h), "first_bias": (h,), "sign": (m, h), "head": (m, h, k)}
        inner = {f"{name}{i}": shape for i in range(self.layers) for name, shape in deep.items()}
        return {**outer, **inner, "head_bias": (m, 1, k)}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Encoded rows: X (n, D); y (n,), values or positions of classes; weight (n,), mean 1."""

    X: Matrix
    y: NDArray[np.float64]
    weight: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The kept weights by name; epochs kept and done; (training, validation) loss per epoch."""

    weights: Arrays
    kept: int
    done: int
    history: tuple[tuple[float, float], ...]


def begin(recipe: Recipe, width: int, bias: NDArray[np.float64], seed: int) -> dict[str, NDArray[np.float32]]:
    """Draw the first weights: members differ by signs, and all answer ``bias`` until they learn."""
    rng = np.random.default_rng([seed, 31])
    h, m = recipe.hidden, recipe.members
    drawn = {
        "scale": np.ones(width),
        "first": rng.normal(size=(width, h)) / math.sqrt(max(1, width)),
        "first_bias": 0.1 * rng.normal(size=h),
        "sign": rng.choice([-1.0, 1.0], size=(m, h)) if m > 1 else np.ones((1, h)),
        "head": np.zeros((m, h, recipe.outputs)),
        "head_bias": np.broadcast_to(bias, (m, 1, recipe.outputs)),
    }
    for i in range(recipe.layers):
        drawn[f"layer{i}"] = rng.normal(size=(h, h)) * math.sqrt(2.0 / h)
        drawn[f"gain{i}"] = np.ones((m, h))
        drawn[f"bias{i}"] = np.zeros((m, h))
    return {name: np.ascontiguousarray(a, dtype=np.float32) for name, a in drawn.items()}


def train(recipe: Recipe, start: Arrays, rows: Rows, valid: Rows | None, context: Context) -> Trained:
    """Train until the epochs, the patience or the time is over; keep the averaged weights that validate best."""
    torch = torch_for("The network for tables")
    with steady(torch, context.threads):
        run = _Run(torch, recipe, start, rows, context)
        best, kept, lowest, history = dict(start), 0, math.inf, []
        held = None if valid is None else (run.tensor(valid.X), valid)
        for epoch in range(1, min(recipe.epochs, recipe.stop_after) + 1):
            loss = run.epoch()
            if loss is None:
                break
            now = run.averaged()
            score = math.nan if held is None else run.loss_on(*held)
            history.append((loss, score))
            metrics = {"train_loss": loss} if held is None else {"train_loss": loss, "valid_loss": score}
            context.epoch(epoch, steps=run.steps, records=len(rows.y), metrics=metrics)
            if held is None or score < lowest - GAIN:
                best, kept, lowest = now, epoch, score
            if context.stop_asked() or (held is not None and epoch - kept >= recipe.patience):
                break
        return Trained(best, kept, len(history), tuple(history))


class _Run:
    """The state of one training: weights, their average, the optimiser, random numbers."""

    def __init__(self, torch: Any, recipe: Recipe, start: Arrays, rows: Rows, context: Context) -> None:
        self.torch, self.recipe, self.context = torch, recipe, context
        self.device = torch.device(context.device)
        self.weights = {name: self.tensor(a).requires_grad_() for name, a in start.items() if name != "sign"}
        self.sign = self.tensor(start["sign"])
        self.average = {name: w.detach().clone() for name, w in self.weights.items()}
        self.X = self.tensor(rows.X)
        self.weight = self.tensor(rows.weight.astype(np.float32))
        self.classes = recipe.outputs > 1
        self.y = torch.from_numpy(rows.y.astype(np.int64 if self.classes else np.float32)).to(self.device)
        plain = (
            "scale",
            "first_bias",
            "head_bias",
            *(f"{k}{i}" for k in ("gain", "bias") for i in range(recipe.layers)),
        )
        groups = [
            {"params": [w for n, w in self.weights.items() if n not in plain], "weight_decay": recipe.weight_decay},
            {"params": [w for n, w in self.weights.items() if n in plain], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.95), fused=True)
        self.draw = torch.Generator().manual_seed(context.seed)
        self.mask = None
        if recipe.dropout > 0.0:
            keep = torch.rand(MASK, generator=self.draw) >= recipe.dropout
            self.mask = (keep.float() / (1.0 - recipe.dropout)).to(self.device)
        self.steps = 0
        self.total = recipe.epochs * -(-len(rows.y) // recipe.batch)

    def tensor(self, array: NDArray[np.float32]) -> Any:
        """Copy an array to the device."""
        return self.torch.from_numpy(np.array(array, dtype=np.float32)).to(self.device)

    def epoch(self) -> float | None:
        """One pass over the rows in random order: the mean training loss, or None when asked to end on the way."""
        torch, n, total = self.torch, len(self.y), 0.0
        order = torch.randperm(n, generator=self.draw).to(self.device)
        for start in range(0, n, self.recipe.batch):
            if self.steps % STOP_STEPS == 0 and self.context.stop_asked():
                return None
            part = order[start : start + self.recipe.batch]
            self._rate()
            loss = self._loss(self._forward(self.X[part], self.weights, drop=True), self.y[part], self.weight[part])
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            self.steps += 1
            decay = min(self.recipe.average, self.steps / (self.steps + 10.0))
            current = [w.detach() for w in self.weights.values()]
            torch._foreach_lerp_(list(self.average.values()), current, 1.0 - decay)
            total += float(loss.detach()) * len(part)
        return total / n

    def averaged(self) -> dict[str, NDArray[np.float32]]:
        """Copy the averaged weights out."""
        found = {name: np.array(w.cpu().numpy()) for name, w in self.average.items()}
        return {**found, "sign": np.array(self.sign.cpu().numpy())}

    def loss_on(self, X: Any, rows: Rows) -> float:
        """Loss of the members' mean answer, with the averaged weights."""
        torch, parts = self.torch, []
        with torch.no_grad():
            for start in range(0, len(X), ROWS):
                raw = self._forward(X[start : start + ROWS], self.average, drop=False)
                parts.append((torch.softmax(raw, dim=-1) if self.classes else raw).mean(dim=0).cpu())
        p = torch.cat(parts).numpy().astype(np.float64)
        if self.classes:
            losses = -np.log(np.maximum(p[np.arange(len(p)), rows.y.astype(np.int64)], 1e-7))
        else:
            losses = (p[:, 0] - rows.y) ** 2
        return float(np.average(losses, weights=rows.weight))

    def _rate(self) -> None:
        """Set the learning rate: up in the first steps, then down along a cosine."""
        done = self.steps / max(1, self.total)
        rate = self.recipe.learning_rate * min(1.0, (self.steps + 1) / max(1.0, WARM * self.total))
        rate *= 0.5 * (1.0 + math.cos(math.pi * min(1.0, done))) + 1e-3
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _forward(self, x: Any, w: Mapping[str, Any], *, drop: bool) -> Any:
        """(b, D) -> (members, b, outputs)."""
        torch = self.torch
        silu = torch.nn.functional.silu
        h = silu(torch.addmm(w["first_bias"], x * w["scale"], w["first"])).unsqueeze(0) * self.sign.unsqueeze(1)
        for i in range(self.recipe.layers):
            if drop:
                h = self._dropped(h)
            h = silu((h @ w[f"layer{i}"]) * w[f"gain{i}"].unsqueeze(1) + w[f"bias{i}"].unsqueeze(1))
        if drop:
            h = self._dropped(h)
        return torch.baddbmm(w["head_bias"], h, w["head"])

    def _dropped(self, h: Any) -> Any:
        """Multiply by a piece of the random mask that starts at a random place."""
        if self.mask is None:
            return h
        n = h.numel()
        if n >= MASK:
            mask = self.mask.repeat(-(-n // MASK) + 1)
            return h * mask[:n].view(h.shape)
        start = int(self.torch.randint(0, MASK - n, (1,), generator=self.draw))
        return h * self.mask[start : start + n].view(h.shape)

    def _loss(self, raw: Any, y: Any, weight: Any) -> Any:
        """Mean over rows and members: each member learns on its own."""
        functional = self.torch.nn.functional
        m = self.recipe.members
        if not self.classes:
            return (((raw[..., 0] - y) ** 2) * weight).mean()
        smooth = self.recipe.label_smoothing
        losses = functional.cross_entropy(
            raw.reshape(-1, self.recipe.outputs), y.repeat(m), reduction="none", label_smoothing=smooth
        )
        return (losses * weight.repeat(m)).mean()
