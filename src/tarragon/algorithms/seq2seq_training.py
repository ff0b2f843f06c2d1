"""Training Seq2Seq: buckets of sentences of like length, checkpoints that judge, schedules of the learning rate.

A checkpoint measures the validation sentences; the best one's weights are kept, and so many without a better one end
the training. Imports torch, and is imported late.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tarragon.algorithms.beam_search import BEGIN, END, search
from tarragon.algorithms.bleu import bleu
from tarragon.algorithms.deep import steady
from tarragon.algorithms.flat_parameters import FlatParameters, Optimiser
from tarragon.algorithms.protocol import Context
from tarragon.algorithms.seq2seq_net import Translator, initial
from tarragon.algorithms.seq2seq_plan import Plan

Tokens = NDArray[np.int64]
STOP_BATCHES = 10  # batches between two looks at whether to end
SENTENCES = 64  # translated or measured together


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; names as in :class:`~tarragon.algorithms.seq2seq.Seq2Seq`, 0 or less for no limit."""

    batch: int
    bucket: int
    optimiser: str
    rate: float
    momentum: float
    weight_decay: float
    clip: float
    schedule: str
    factor: float
    threshold: int
    half_life: int
    metric: str
    frequency: int
    patience: int
    most_batches: int
    most_epochs: int
    least_epochs: int
    beams: int
    bleu_sample: int


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Sentences to learn from; an END is put after each."""

    source: tuple[Tokens, ...]
    target: tuple[Tokens, ...]

    def __len__(self) -> int:
        return len(self.source)


def padded(sentences: Sequence[Tokens]) -> Any:
    """Lay sentences side by side, (n, longest + 1), an END after each and 0 after that."""
    table = np.zeros((len(sentences), max(map(len, sentences), default=0) + 1), np.int64)
    for row, tokens in zip(table, sentences, strict=True):
        row[: len(tokens)] = tokens
        row[len(tokens)] = END
    return torch.from_numpy(table)


def buckets(pairs: Pairs, batch: int, width: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Put sentences into batches, in random order; with a width, only such as are alike in length by it share one."""
    order = rng.permutation(len(pairs))
    if width > 0:
        lengths = np.array([[len(s), len(t)] for s, t in zip(pairs.source, pairs.target, strict=True)])[order]
        order = order[np.lexsort(tuple((-(-lengths // width)).T))]
    parts = [order[at : at + batch] for at in range(0, len(order), batch)]
    return [parts[i] for i in rng.permutation(len(parts))]


class Trainer:
    """One training.

    Parameters
    ----------
    plan : Plan
    settings : Settings
    pairs : Pairs
    valid : Pairs, optional
        Judges; without it the training loss since the last checkpoint does.
    context : Context
    """

    def __init__(self, plan: Plan, settings: Settings, pairs: Pairs, valid: Pairs | None, context: Context) -> None:
        self.plan, self.settings, self.pairs, self.valid, self.context = plan, settings, pairs, valid, context
        self.net = Translator(plan)
        initial(self.net, plan, context.seed)
        named = dict(self.net.named_parameters())
        self.parameters = FlatParameters(torch, {name: w.detach().numpy() for name, w in named.items()})
        for name, leaf in self.parameters.leaves.items():
            named[name].data = leaf.data
        self.parameters.leaves = named
        self.optimiser = Optimiser(
            self.parameters, settings.optimiser, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
        self.kept = self.parameters.vector.clone()
        self.best: dict[str, float] = {}
        self.batches = self.checkpoints = self.stale = self.since = 0
        self.reduced = 1.0
        self.seen = np.zeros(3)  # negative log likelihood, hits, words since the last checkpoint
        self.steps_at_best = 0

    def train(self) -> dict[str, NDArray[np.float32]]:
        """Train; return the kept weights."""
        with steady(torch, self.context.threads):
            torch.manual_seed(self.context.seed)
            epoch = self._resumed()
            going = True
            while going:
                epoch += 1
                going = self._epoch(epoch) and not 0 < self.settings.most_epochs <= epoch
                self.context.checkpoint(self._state(epoch))
            if self.since or not self.best:
                self._judge()
            return self.parameters.arrays(self.kept)

    def _epoch(self, epoch: int) -> bool:
        """Pass over the pairs once; return whether to go on."""
        rng = np.random.default_rng([self.context.seed, epoch])
        torch.manual_seed(int(rng.integers(1 << 31)))
        total, steps, judged, going = np.zeros(3), 0, {}, True
        for rows in buckets(self.pairs, self.settings.batch, self.settings.bucket, rng):
            total += self._step(rows)
            steps += 1
            if self.since >= self.settings.frequency:
                judged = self._judge()
                going = self.stale < self.settings.patience or epoch < self.settings.least_epochs
            going = going and not 0 < self.settings.most_batches <= self.batches
            if not going or (steps % STOP_BATCHES == 0 and self.context.stop_asked()):
                going = False
                break
        metrics = {f"train:{name}": value for name, value in measured(total).items()}
        metrics |= {f"validation:{name}": value for name, value in judged.items()}
        self.context.epoch(epoch, steps=steps, records=len(self.pairs), metrics=metrics)
        return going and not self.context.stop_asked()

    def _rate(self) -> float:
        """Say the learning rate now; the fixed schedules halve it in their half-life, counted in checkpoints."""
        s, t = self.settings, self.checkpoints / max(1, self.settings.half_life)
        if s.schedule == "fixed_rate_inv_t":
            return s.rate / (1 + t)
        if s.schedule == "fixed_rate_inv_sqrt_t":
            return s.rate / math.sqrt(1 + 3 * t)
        return s.rate * self.reduced

    def _step(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        self.net.train()
        loss, sums = losses(self.net, self.pairs, rows)
        gradient = self.parameters.gradient(loss)
        if self.settings.clip > 0:
            gradient = gradient.clamp(-self.settings.clip, self.settings.clip)
        if math.isfinite(sums[0]):
            self.optimiser.step(gradient, self._rate())
        self.batches += 1
        self.since += 1
        self.seen += sums
        return sums

    def _judge(self) -> dict[str, float]:
        """Measure a checkpoint, keep it if it is the best, and let the schedule know."""
        s = self.settings
        self.checkpoints += 1
        found = measured(self.seen) if self.valid is None else validate(self.net, self.valid, s, self.plan)
        self.seen, self.since = np.zeros(3), 0
        metric = s.metric if s.metric in found else "perplexity"
        sign = -1.0 if metric == "perplexity" else 1.0
        if not self.best or sign * found[metric] > sign * self.best[metric]:
            self.best, self.stale = found, 0
            self.kept.copy_(self.parameters.vector)
            return found
        self.stale += 1
        if self.stale % max(1, s.threshold) == 0:
            self.reduced *= s.factor
        return found

    def _state(self, epoch: int) -> dict[str, NDArray[Any]]:
        numbers = [epoch, self.batches, self.checkpoints, self.stale, self.since, self.reduced]
        best = [self.best.get(name, np.nan) for name in ("perplexity", "accuracy", "bleu")]
        own = {"kept": self.kept.numpy().copy(), "numbers": np.array([*numbers, *best]), "seen": self.seen.copy()}
        return {**self.optimiser.state(), **own}

    def _resumed(self) -> int:
        state = self.context.resume()
        if state is None or not {"kept", "numbers", "seen"} <= set(state) or len(state["numbers"]) != 9:
            return 0
        if state["kept"].shape != tuple(self.kept.shape) or not self.optimiser.restore(state):
            return 0
        self.kept.copy_(torch.from_numpy(np.array(state["kept"], np.float32)))
        self.seen = np.array(state["seen"], np.float64)
        epoch, self.batches, self.checkpoints, self.stale, self.since = (int(v) for v in state["numbers"][:5])
        self.reduced = float(state["numbers"][5])
        best = zip(("perplexity", "accuracy", "bleu"), state["numbers"][6:].tolist(), strict=True)
        self.best = {name: value for name, value in best if not math.isnan(value)}
        return epoch


def losses(net: Any, pairs: Pairs, rows: NDArray[np.int64]) -> tuple[Any, NDArray[np.float64]]:
    """Mean negative log likelihood of a batch's words; its sum, words that were likeliest, words."""
    source, target = padded([pairs.source[i] for i in rows]), padded([pairs.target[i] for i in rows])
    given = torch.cat(
        [torch.full((len(target), 1), BEGIN), target[:, :-1].masked_fill(target[:, :-1] == END, 0)], dim=1
    )
    logits = net(source, given)
    there = target != 0
    nll = torch.nn.functional.cross_entropy(logits[there], target[there], reduction="sum")
    words = int(there.sum())
    hits = float((logits.detach().argmax(dim=-1) == target)[there].sum())
    return nll / words, np.array([float(nll.detach()), hits, words])


def measured(sums: NDArray[np.float64]) -> dict[str, float]:
    """Turn sums into perplexity and accuracy."""
    words = max(1.0, float(sums[2]))
    return {"perplexity": math.exp(min(float(sums[0]) / words, 700.0)), "accuracy": float(sums[1]) / words}


def validate(net: Any, pairs: Pairs, settings: Settings, plan: Plan) -> dict[str, float]:
    """Measure held-out sentences; BLEU only where it is asked for."""
    net.eval()
    sums = np.zeros(3)
    with torch.no_grad():
        for at in range(0, len(pairs), SENTENCES):
            sums += losses(net, pairs, np.arange(at, min(at + SENTENCES, len(pairs))))[1]
    found = measured(sums)
    count = settings.bleu_sample if settings.bleu_sample > 0 else len(pairs)
    if settings.bleu_sample != 0 or settings.metric == "bleu":
        made = translated(net, pairs.source[:count], settings.beams, plan.longest_target)
        found["bleu"] = bleu([words.tolist() for words, _, _ in made], [t.tolist() for t in pairs.target[:count]])
    return found


def translated(
    net: Any, sentences: Sequence[Tokens], beams: int, most: int
) -> list[tuple[Tokens, float, NDArray[np.float32]]]:
    """Translate sentences: words, log probability per word, attention (words, source words) of each."""
    net.eval()
    found: list[Any] = [None] * len(sentences)
    order = np.argsort([len(s) for s in sentences], kind="stable")
    with torch.no_grad():
        for at in range(0, len(order), SENTENCES):
            part = order[at : at + SENTENCES]
            made = search(net, padded([sentences[i] for i in part]), beams, most)
            for n, i in enumerate(part):
                words = made.words[n].numpy()
                words = words[words != 0]
                looked = made.attention[n, : len(words), : len(sentences[i])].numpy()
                found[i] = (words, float(made.score[n]), looked)
    return found
