"""The network of the TabTransformer, with torch: embeddings of categories in context, then a perceptron.

Notation: b rows, c categorical columns, m numbers, d width of an embedding.

A category's embedding is two vectors beside each other, d·s that its column's categories share and d·(1 - s) of its
own. Blocks of self-attention over the c embeddings of a row put each in the context of the others (post-norm, as in
Vaswani et al. 2017); flattened, and joined with the layer-normed numbers, they go through two hidden layers.

Only this module imports torch, inside its functions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.deep import steady, torch_for
from tarragon.algorithms.protocol import Context

WHO = "TabTransformer"
HEADS = 8  # of the paper
WIDEST = (512, 256)  # of the hidden layers: the paper's 4 and 2 times the input get out of hand with many categories
FEED_FORWARD, FEED_DROPOUT = 4, 0.1  # width of a block's own perceptron in d, and what is dropped there
STOP_STEPS = 16  # steps between two looks at the clock
BLOCK_ROWS = 4_096  # rows answered at a time

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network.

    Parameters
    ----------
    levels : tuple of int
        Categories of each categorical column, the first of them standing for what is missing or unknown.
    numbers : int
    width, blocks : int
        Of the embeddings; of attention.
    shared : int
        Components of an embedding that a column's categories share.
    outputs : int
    attn_dropout, mlp_dropout : float
    """

    levels: tuple[int, ...]
    numbers: int
    width: int
    blocks: int
    shared: int
    outputs: int
    attn_dropout: float
    mlp_dropout: float


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Codes (b, c) from 0; standardised numbers (b, m); targets and weights (b,)."""

    codes: NDArray[np.int64]
    numbers: NDArray[np.float32]
    y: NDArray[np.float64]
    weight: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The kept weights by name; epochs kept and done; (training, validation) loss per epoch."""

    weights: dict[str, NDArray[np.float32]]
    kept: int
    done: int
    history: tuple[tuple[float, float], ...]


def network(torch: Any, shape: Shape) -> Any:
    """Build an untrained network: called with codes and numbers, it answers (b, outputs)."""
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        """Self-attention among a row's categories, then a perceptron on each."""

        def __init__(self) -> None:
            super().__init__()
            d = shape.width
            self.attention = nn.MultiheadAttention(d, HEADS, dropout=shape.attn_dropout, batch_first=True)
            wide = FEED_FORWARD * d
            self.feed = nn.Sequential(nn.Linear(d, wide), nn.GELU(), nn.Dropout(FEED_DROPOUT), nn.Linear(wide, d))
            self.first, self.second = nn.LayerNorm(d), nn.LayerNorm(d)
            self.drop = nn.Dropout(shape.attn_dropout)

        def forward(self, x: Any) -> Any:
            """(b, c, d) -> (b, c, d)."""
            context, _ = self.attention(x, x, x, need_weights=False)
            x = self.first(x + self.drop(context))
            return self.second(x + self.drop(self.feed(x)))

    class TabTransformer(nn.Module):  # type: ignore[misc, name-defined]
        """The whole of it."""

        def __init__(self) -> None:
            super().__init__()
            c, d = len(shape.levels), shape.width
            if c:
                self.own = nn.Embedding(sum(shape.levels), d - shape.shared)
                self.common = nn.Parameter(torch.empty(c, shape.shared))
                nn.init.normal_(self.own.weight, std=1 / math.sqrt(d))
                nn.init.normal_(self.common, std=1 / math.sqrt(d))
            start = np.cumsum([0, *shape.levels[:-1]]) if c else np.zeros(0)
            self.register_buffer("start", torch.from_numpy(start.astype(np.int64)), persistent=False)
            self.blocks = nn.Sequential(*(Block() for _ in range(shape.blocks if c else 0)))
            self.norm = nn.LayerNorm(shape.numbers) if shape.numbers else None
            joined = c * d + shape.numbers
            hidden = min(4 * joined, WIDEST[0]), min(2 * joined, WIDEST[1])
            drop = shape.mlp_dropout
            self.head = nn.Sequential(
                nn.Linear(joined, hidden[0]), nn.ReLU(), nn.Dropout(drop), nn.Linear(hidden[0], hidden[1]), nn.ReLU(),
                nn.Dropout(drop), nn.Linear(hidden[1], shape.outputs),
            )  # fmt: skip
            nn.init.zeros_(self.head[-1].weight)  # the first answer is the mean, or the odds are even
            nn.init.zeros_(self.head[-1].bias)

        def forward(self, codes: Any, numbers: Any) -> Any:
            """(b, c), (b, m) -> (b, outputs)."""
            parts = []
            if shape.levels:
                common = self.common.expand(len(codes), *self.common.shape)
                embedded = torch.cat([common, self.own(codes + self.start)], dim=-1)
                parts.append(self.blocks(embedded).flatten(1))
            if self.norm is not None:
                parts.append(self.norm(numbers))
            return self.head(torch.cat(parts, dim=-1))

    return TabTransformer()


def arrays(net: Any) -> dict[str, NDArray[np.float32]]:
    """Copy a network's weights out, by name."""
    return {name: np.array(w.detach().cpu().numpy(), np.float32) for name, w in net.state_dict().items()}


def loaded(torch: Any, shape: Shape, weights: Arrays) -> Any:
    """Build a network that answers, from weights by name."""
    net = network(torch, shape)
    net.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in weights.items()})
    return net.eval()


def answer(torch: Any, net: Any, codes: NDArray[np.int64], numbers: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, c), (n, m) -> (n, outputs), in blocks."""
    parts = []
    with torch.inference_mode():
        for i in range(0, max(1, len(codes)), BLOCK_ROWS):
            block = torch.from_numpy(codes[i : i + BLOCK_ROWS]), torch.from_numpy(numbers[i : i + BLOCK_ROWS])
            parts.append(net(*block).double().numpy())
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How to train.

    Parameters
    ----------
    epochs, patience, batch : int
        Most passes; epochs without a lower validation loss before the end; rows per update.
    learning_rate : float
    loss : {"squared", "logistic", "entropy"}
        Of values, of one logit for two classes, of one logit per class.
    """

    epochs: int
    patience: int
    batch: int
    learning_rate: float
    loss: Literal["squared", "logistic", "entropy"]


def train(shape: Shape, how: Schedule, rows: Rows, valid: Rows | None, context: Context, measure: Any) -> Trained:
    """Train until the epochs, the patience or the time is over; keep the weights that validate best.

    Parameters
    ----------
    shape : Shape
    how : Schedule
    rows, valid : Rows
    context : Context
    measure : callable
        Called with the answers to the validation rows, (n, outputs): further metrics of an epoch, by name.
    """
    torch = torch_for(WHO)
    classes, device = how.loss == "entropy", torch.device(context.device)
    with steady(torch, context.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(context.seed)
        net = network(torch, shape).to(device)
        codes, numbers = torch.from_numpy(rows.codes).to(device), torch.from_numpy(rows.numbers).to(device)
        y = torch.from_numpy(rows.y.astype(np.int64 if classes else np.float32)).to(device)
        weight = torch.from_numpy(rows.weight.astype(np.float32)).to(device)
        loss_of = _loss(torch, how.loss)
        optimiser = torch.optim.Adam(net.parameters(), lr=how.learning_rate, fused=True)
        best, kept, lowest, history, steps = arrays(net), 0, math.inf, [], 0
        for epoch in range(1, how.epochs + 1):
            net.train()
            total, ended = 0.0, False
            for part in torch.randperm(len(y)).to(device).split(how.batch):
                if steps % STOP_STEPS == 0 and context.stop_asked():
                    ended = True
                    break
                loss = (loss_of(net(codes[part], numbers[part]), y[part]) * weight[part]).mean()
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                steps += 1
                total += float(loss.detach()) * len(part)
            if ended:
                break
            net.eval()
            metrics, score = {"train:loss": total / len(y)}, math.nan
            if valid is not None:
                answers = answer(torch, net.cpu(), valid.codes, valid.numbers)
                net.to(device)
                aim = torch.from_numpy(valid.y.astype(np.int64 if classes else np.float64))
                losses = loss_of(torch.from_numpy(answers), aim).numpy()
                score = float(np.average(losses, weights=valid.weight))
                metrics |= {"validation:loss": score, **measure(answers)}
            history.append((total / len(y), score))
            context.epoch(epoch, steps=len(y) // how.batch + 1, records=len(y), metrics=metrics)
            if valid is None or score < lowest:
                best, kept, lowest = arrays(net), epoch, score
            if context.stop_asked() or (valid is not None and epoch - kept >= how.patience):
                break
        return Trained(best, kept, len(history), tuple(history))


def _loss(torch: Any, kind: str) -> Any:
    """Return the loss per row."""
    functional = torch.nn.functional
    if kind == "entropy":
        return lambda raw, y: functional.cross_entropy(raw, y, reduction="none")
    if kind == "logistic":
        return lambda raw, y: functional.binary_cross_entropy_with_logits(raw[:, 0], y, reduction="none")
    return lambda raw, y: (raw[:, 0] - y) ** 2
