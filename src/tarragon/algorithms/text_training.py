"""Train an encoder of texts with a layer of classes on top, in torch: optimisers, epochs, early stopping.

Source: the optimisers as torch has them, by the names of the model hub; the warm-up of Vaswani et al. (2017), §5.3, as
a straight rise and fall.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.protocol import Context
from tarragon.algorithms.text_encoder import Encoder
from tarragon.data import Texts

OPTIMIZERS = ("adamw", "adam", "sgd", "nesterov", "rmsprop", "adagrad", "adadelta")
NEAR_ONE = 1 - 1e-6  # torch takes no 1 where the hub's ranges end with it
ANSWERED = 256  # texts answered at a time
MIXED = 50  # batches within which texts of like lengths are put together
STOP_STEPS = 16
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Steps:
    """How the weights are changed; names as in the hyperparameters."""

    optimizer: str
    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    momentum: float
    rho: float
    initial_accumulator_value: float
    warmup_steps_fraction: float

    def optimiser(self, torch: Any, weights: list[Any]) -> Any:
        """Make the optimiser."""
        rate, eps = self.learning_rate, self.epsilon
        betas = (min(self.beta_1, NEAR_ONE), min(self.beta_2, NEAR_ONE))
        momentum, rho = min(self.momentum, NEAR_ONE), min(self.rho, NEAR_ONE)
        made: dict[str, Callable[[], Any]] = {
            "adamw": lambda: torch.optim.AdamW(weights, rate, betas, eps),
            "adam": lambda: torch.optim.Adam(weights, rate, betas, eps),
            "sgd": lambda: torch.optim.SGD(weights, rate, momentum),
            "nesterov": lambda: torch.optim.SGD(weights, rate, momentum, nesterov=momentum > 0),
            "rmsprop": lambda: torch.optim.RMSprop(weights, rate, rho, eps, momentum=momentum),
            "adagrad": lambda: torch.optim.Adagrad(
                weights, rate, eps=eps, initial_accumulator_value=self.initial_accumulator_value
            ),
            "adadelta": lambda: torch.optim.Adadelta(weights, rate, rho, eps),
        }
        return made[self.optimizer]()

    def factor(self, step: int, total: int) -> float:
        """Return what the rate is multiplied by at a step from 0: with adamw it rises, then falls to 0."""
        if self.optimizer != "adamw":
            return 1.0
        rise = self.warmup_steps_fraction * total
        if step < rise:
            return (step + 1) / max(rise, 1.0)
        return max(0.0, (total - step) / max(total - rise, 1.0))


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train: epochs, texts a step, penalty of the top layer, patience (0: none) and least gain."""

    epochs: int
    batch: int
    l2: float
    patience: int
    gain: float
    top_only: bool


def whole(torch: Any, encoder: Encoder, classes: int, dropout: float) -> Any:
    """Make the network: encoder, dropout, a linear layer of classes."""

    class Classifier(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder.module(torch)
            self.dropout = torch.nn.Dropout(min(dropout, NEAR_ONE))
            self.top = torch.nn.Linear(encoder.width, classes)

        def forward(self, ids: Any, mask: Any) -> Any:
            return self.top(self.dropout(self.encoder(ids, mask)))

    return Classifier()


def train(  # noqa: PLR0913
    torch: Any, net: Any, encoder: Encoder, steps: Steps, plan: Plan, data: Texts, valid: Texts | None, context: Context
) -> int:
    """Train in place; return the epoch whose weights the network has: the best with early stopping, else the last."""
    run = _Run(torch, net, encoder, steps, plan, data, context)
    best, kept, state = -math.inf, 0, None
    for epoch in range(1, plan.epochs + 1):
        facts = run.epoch(epoch)
        if facts is None:
            break
        if valid is not None:
            facts |= _judged(torch, net, encoder, valid)
        context.epoch(epoch, steps=run.per_epoch, records=len(data), metrics=facts)
        if valid is not None and plan.patience:
            if facts["validation:accuracy"] > best + plan.gain:
                best, kept = facts["validation:accuracy"], epoch
                state = {name: array.detach().clone() for name, array in net.state_dict().items()}
            elif epoch - kept >= plan.patience:
                break
        if context.stop_asked():
            break
    if state is not None:
        net.load_state_dict(state)
        return kept
    return epoch


class _Run:
    """The state of one training."""

    def __init__(  # noqa: PLR0913
        self, torch: Any, net: Any, encoder: Encoder, steps: Steps, plan: Plan, data: Texts, context: Context
    ) -> None:
        self.torch, self.net, self.encoder, self.steps, self.plan = torch, net, encoder, steps, plan
        self.data, self.context, self.done = data, context, 0
        self.device = next(net.parameters()).device
        if plan.top_only:
            for weight in net.encoder.parameters():
                weight.requires_grad_(False)
        learned = [weight for weight in net.parameters() if weight.requires_grad]
        self.optimiser = steps.optimiser(torch, learned)
        self.rng = np.random.default_rng([context.seed, 43])
        self.per_epoch = math.ceil(len(data) / plan.batch)

    def epoch(self, number: int) -> dict[str, float] | None:
        """Go over the texts once; return loss and accuracy, or None when asked to end on the way."""
        self.net.train()
        if self.plan.top_only:
            self.net.encoder.eval()
        loss = hits = 0.0
        for rows in _batches(self.data, self.plan.batch, self.rng):
            if self.done % STOP_STEPS == 0 and number > 1 and self.context.stop_asked():
                return None
            more, right = self.step(rows)
            loss, hits = loss + more * len(rows), hits + right
        return {"train:loss": loss / len(self.data), "train:accuracy": hits / len(self.data)}

    def step(self, rows: NDArray[np.int64]) -> tuple[float, float]:
        """Learn from one batch; return its loss, without the penalty, and how many were right."""
        torch = self.torch
        for group in self.optimiser.param_groups:
            group["lr"] = self.steps.learning_rate * self.steps.factor(self.done, self.plan.epochs * self.per_epoch)
        assert self.data.y is not None
        numbered = self.encoder.ids([self.data.texts[i] for i in rows.tolist()])
        ids, mask = (torch.from_numpy(array).to(self.device) for array in numbered)
        y = torch.from_numpy(self.data.y[rows]).to(self.device)
        raw = self.net(ids, mask)
        loss = torch.nn.functional.cross_entropy(raw, y)
        self.optimiser.zero_grad(set_to_none=True)
        (loss + self.plan.l2 * (self.net.top.weight**2).sum()).backward()
        self.optimiser.step()
        self.done += 1
        return float(loss.detach()), float((raw.detach().argmax(1) == y).sum())


def _batches(data: Texts, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Draw batches in random order; texts of like lengths are together, so that little padding is computed."""
    order = rng.permutation(len(data))
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), MIXED * size):
        part = order[start : start + MIXED * size]
        part = part[np.argsort([len(data.texts[i]) for i in part.tolist()], kind="stable")]
        batches += [part[i : i + size] for i in range(0, len(part), size)]
    for i in rng.permutation(len(batches)):
        yield batches[i]


def _judged(torch: Any, net: Any, encoder: Encoder, valid: Texts) -> dict[str, float]:
    assert valid.y is not None
    p = probabilities(torch, net, encoder, valid)
    own = np.maximum(p[np.arange(len(p)), valid.y], 1e-12)
    return {
        "validation:loss": float(-np.log(own).mean()),
        "validation:accuracy": float((p.argmax(1) == valid.y).mean()),
    }


def probabilities(torch: Any, net: Any, encoder: Encoder, data: Texts) -> NDArray[np.float64]:
    """Answer (n, K), texts of like lengths together."""
    net.eval()
    device = next(net.parameters()).device
    found = np.empty((len(data), net.top.out_features))
    order = np.argsort([len(text) for text in data.texts], kind="stable")
    with torch.no_grad():
        for start in range(0, len(order), ANSWERED):
            rows = order[start : start + ANSWERED]
            ids, mask = (torch.from_numpy(a).to(device) for a in encoder.ids([data.texts[i] for i in rows.tolist()]))
            found[rows] = torch.softmax(net(ids, mask).double(), dim=1).cpu().numpy()
    return found
