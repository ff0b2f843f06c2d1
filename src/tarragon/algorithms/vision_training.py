"""One loop for the vision networks: batches of changed pictures, steps, validation, early stopping, checkpoints.

What differs between classifying, detecting and segmenting is a :class:`Task`: how an example is made, its loss, and
how the network is judged. Several hosts share a fit by adding up their gradients at each step; each then holds the same
weights, and decides alike because what it decides by is added up too.

Only functions of this module, and of those that build networks, import torch.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.protocol import Context
from tarragon.algorithms.vision_schedules import Patience, Rate, Stepping
from tarragon.errors import DataError, IntegrityError

Arrays = dict[str, NDArray[Any]]
LOOK = 8  # steps between two looks at whether to stop
MEAN, SPREAD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of ImageNet's red, green, blue
COUNTED = "num_batches_tracked"
ROOM = 1 << 29  # bytes of decoded pictures that are kept between epochs: 3,500 of 224 × 224, 200,000 of 28 × 28
SMALL = 64 * 64  # pixels of an example below which handing it to a thread takes longer than making it


class Task(Protocol):
    """What is learnt."""

    def example(self, i: int, draw: np.random.Generator) -> tuple[Any, ...]:
        """Make training example ``i``: pixels (h, w, c) uint8, then what should be answered."""

    def loss(self, answer: Any, wanted: Sequence[list[Any]], device: Any) -> tuple[Any, dict[str, float]]:
        """Return a batch's loss, and its mean metrics."""

    def judge(self, net: Any, device: Any) -> dict[str, float]:
        """Measure the network on validation data; the first metric decides, and grows with quality; {} without."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train.

    Parameters
    ----------
    count : int
        Training examples here.
    epochs, batch : int
    stepping : Stepping
    rate : callable
        Epochs done -> learning rate.
    patience : Patience, optional
        None trains all epochs; the best are kept all the same.
    judged : int
        Validation examples here; 0 for none.
    keep_every : int
        Epochs after which weights are kept beside the best; 0 for never.
    half : bool
        Whether to compute in float16 where the device can.
    """

    count: int
    epochs: int
    batch: int
    stepping: Stepping
    rate: Rate
    patience: Patience | None = None
    judged: int = 0
    keep_every: int = 0
    half: bool = False


@dataclass(slots=True)
class Trained:
    """What training ended with.

    ``weights`` are those of epoch ``epoch``, the best where there was validation; ``kept`` those kept on the way.
    """

    weights: Arrays
    epoch: int = 0
    score: float = -math.inf
    done: int = 0
    stale: int = 0
    kept: dict[int, Arrays] = field(default_factory=dict)


def device_of(torch: Any, name: str) -> Any:
    """Return the device asked for, or the processor where it is not there."""
    return torch.device(name if name.startswith("cuda") and torch.cuda.is_available() else "cpu")


def tensor(torch: Any, pixels: Sequence[Any], device: Any) -> Any:
    """Stack pictures (h, w, c) as one standardised batch (b, c, h, w).

    It is contiguous: with channels last in memory, torch's convolutions of a few channels end the process (2.13, 2026).
    """
    raw = torch.from_numpy(np.stack(pixels)).to(device).permute(0, 3, 1, 2).float()
    if raw.shape[1] == 3:
        mean, spread = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, SPREAD))
    else:
        mean, spread = sum(MEAN) / 3, sum(SPREAD) / 3
    return ((raw - mean) / spread).contiguous()


def weights_of(net: Any) -> Arrays:
    """Copy a network's weights and running means out, by name."""
    state = net.state_dict().items()
    return {n: np.array(t.detach().cpu().numpy(), order="C") for n, t in state if not n.endswith(COUNTED)}


def install(torch: Any, net: Any, weights: Mapping[str, NDArray[Any]]) -> None:
    """Put weights of matching names and shapes into a network; all must be there. Raises ``IntegrityError``."""
    state = {n: t for n, t in net.state_dict().items() if not n.endswith(COUNTED)}
    for name, there in state.items():
        found = weights.get(name)
        if (
            found is None
            or found.shape != tuple(there.shape)
            or found.dtype.kind != "f"
            or not np.isfinite(found).all()
        ):
            raise IntegrityError(
                "The network's weights cannot be used",
                why=f"{name} should be finite numbers of shape {tuple(there.shape)}"
                f", and is {'missing' if found is None else f'{found.dtype} {found.shape}'}",
                fix="Train it again with the settings of the model it goes on from",
            )
    net.load_state_dict({n: torch.from_numpy(np.array(weights[n], np.float32)) for n in state}, strict=False)


def begin_from(torch: Any, net: Any, weights: Mapping[str, NDArray[Any]], prefix: str = "") -> int:
    """Put in those weights that fit by name (after ``prefix``) and shape, and leave the rest; say how many fitted."""
    fitting = {}
    for name, there in net.state_dict().items():
        found = weights.get(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if found is not None and found.shape == tuple(there.shape) and np.isfinite(found).all():
            fitting[name] = torch.from_numpy(np.array(found, np.float32))
    net.load_state_dict(fitting, strict=False)
    return len(fitting)


def train(net: Any, plan: Plan, task: Task, context: Context) -> Trained:
    """Train a network in place; see :class:`Plan`.

    Raises
    ------
    DataError
        The loss is no longer a finite number.
    IntegrityError
        A checkpoint does not belong to this network.
    """
    import torch

    run = _Run(torch, net, plan, task, context)
    best = run.resumed()
    while best.done < plan.epochs:
        stopped, means = run.epoch(best.done)
        if stopped and best.done:
            break
        best.done += 1
        measured = run.judged()
        score = next(iter(measured.values())) if measured else float(best.done)
        if plan.patience is None or not measured:
            better = score > best.score
        else:
            better = plan.patience.better(score, best.score)
        best.stale = 0 if better else best.stale + 1
        if score > best.score:
            best.weights, best.epoch, best.score = weights_of(net), best.done, score
        if plan.keep_every and best.done % plan.keep_every == 0:
            best.kept[best.done] = weights_of(net)
        context.epoch(best.done, steps=run.steps, records=plan.count, metrics={**means, **measured})
        run.checkpoint(best)
        if stopped or run.agreed_to_stop() or _tired(plan, best, bool(measured)):
            break
    install(torch, net, best.weights)
    return best


def _tired(plan: Plan, best: Trained, measured: bool) -> bool:
    early = plan.patience
    return measured and early is not None and best.done >= early.least and best.stale >= early.wait


class _Run:
    """The state of one training."""

    def __init__(self, torch: Any, net: Any, plan: Plan, task: Task, context: Context) -> None:
        self.torch, self.plan, self.task, self.context = torch, plan, task, context
        self.device = device_of(torch, context.device)
        self.net = net.to(self.device)
        self.optimiser = plan.stepping.optimiser(net)
        self.half = plan.half and self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler("cuda", enabled=self.half)
        counts = np.zeros(context.world)
        counts[context.rank] = plan.count
        self.most = int(np.asarray(self.shared({"counts": counts})["counts"]).max())
        self.batch = max(1, min(plan.batch, self.most))
        self.steps = -(-self.most // self.batch)
        self.begin_alike()

    def shared(self, arrays: Arrays) -> Mapping[str, NDArray[Any]]:
        """Add up over the hosts."""
        return self.context.reduce(arrays) if self.context.world > 1 else arrays

    def begin_alike(self) -> None:
        """Give all hosts the first one's weights."""
        if self.context.world == 1:
            return
        named = dict(self.net.named_parameters())
        mine = float(self.context.rank == 0)
        total = self.shared({n: mine * w.detach().cpu().numpy() for n, w in named.items()})
        with self.torch.no_grad():
            for name, w in named.items():
                w.copy_(self.torch.from_numpy(np.ascontiguousarray(total[name])))

    def epoch(self, done: int) -> tuple[bool, dict[str, float]]:
        """Pass over the examples once; whether it was stopped on the way, and the mean metrics."""
        torch, context = self.torch, self.context
        self.net.train()
        order = np.random.default_rng([context.seed, done, 17, context.rank]).permutation(self.plan.count)
        size = max(2, self.batch)  # one picture alone has no variance to normalise by
        positions = np.resize(order, (self.steps - 1) * self.batch + size)
        sums: dict[str, float] = {}
        with ThreadPoolExecutor(max(1, context.threads)) as pool:
            for step in range(self.steps):
                if context.world == 1 and step % LOOK == LOOK - 1 and context.stop_asked():
                    return True, {n: v / step for n, v in sums.items()}
                part = positions[step * self.batch : step * self.batch + size]
                draws = (np.random.default_rng([context.seed, done, step, k]) for k in range(len(part)))
                first = self.task.example(int(part[0]), next(draws))
                alone = context.threads == 1 or first[0].shape[0] * first[0].shape[1] < SMALL
                made = [first, *(map if alone else pool.map)(self.task.example, part[1:].tolist(), draws)]
                pixels, *wanted = (list(column) for column in zip(*made, strict=True))
                rate = self.plan.rate(done + step / self.steps)
                for group in self.optimiser.param_groups:
                    group["lr"] = rate
                with torch.autocast(self.device.type, torch.float16, enabled=self.half):
                    answer = self.net(tensor(torch, pixels, self.device))
                    loss, metrics = self.task.loss(answer, wanted, self.device)
                if not math.isfinite(float(loss.detach())):
                    raise DataError(
                        "The loss is no longer a finite number",
                        why=f"It is {float(loss.detach())} in epoch {done + 1}",
                        fix="Lower learning_rate",
                    )
                self.step(loss)
                for name, value in metrics.items():
                    sums[name] = sums.get(name, 0.0) + value
        world, names = self.context.world, sorted(sums)
        total = self.shared({n: np.array([sums[n]]) for n in names})
        self.even_statistics()
        return False, {n: float(total[n][0]) / self.steps / world for n in sums}

    def step(self, loss: Any) -> None:
        """Go one step down the mean gradient of all hosts."""
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if self.context.world > 1:
            self.scaler.unscale_(self.optimiser)
            named = {n: w for n, w in self.net.named_parameters() if w.requires_grad and w.grad is not None}
            total = self.shared({n: w.grad.detach().cpu().numpy() for n, w in named.items()})
            for name, w in named.items():
                mean = np.ascontiguousarray(total[name]) / self.context.world
                w.grad.copy_(self.torch.from_numpy(mean))
        self.scaler.step(self.optimiser)
        self.scaler.update()

    def even_statistics(self) -> None:
        """Give all hosts the mean of their running means."""
        if self.context.world == 1:
            return
        named = {n: b for n, b in self.net.named_buffers() if not n.endswith(COUNTED)}
        total = self.shared({n: b.cpu().numpy() for n, b in named.items()})
        for name, b in named.items():
            b.copy_(self.torch.from_numpy(np.ascontiguousarray(total[name]) / self.context.world))

    def judged(self) -> dict[str, float]:
        """Measure on validation data, each host's counting by its size."""
        self.net.eval()
        with self.torch.no_grad():
            found = self.task.judge(self.net, self.device)
        if self.context.world == 1 or not found:
            return found
        parts = {n: np.array([v * self.plan.judged, self.plan.judged]) for n, v in found.items()}
        total = self.shared(parts)
        return {n: float(total[n][0] / max(total[n][1], 1.0)) for n in found}

    def agreed_to_stop(self) -> bool:
        """Whether any host is asked to end."""
        asked = np.array([float(self.context.stop_asked())])
        return bool(self.shared({"stop": asked})["stop"][0] > 0)

    def checkpoint(self, best: Trained) -> None:
        """Keep enough to go on, when it is due."""
        due: Callable[[], bool] = getattr(self.context, "due", lambda: True)
        if not due():
            return
        state: Arrays = {f"now/{n}": a for n, a in weights_of(self.net).items()}
        state |= {f"best/{n}": a for n, a in best.weights.items()}
        for epoch, weights in best.kept.items():
            state |= {f"kept/{epoch}/{n}": a for n, a in weights.items()}
        for i, (w, held) in enumerate(self._held()):
            for key, value in held.items():
                if value is not None:
                    state[f"step/{i}/{key}"] = np.asarray(value.cpu() if hasattr(value, "cpu") else value)
            del w
        state["epochs"] = np.array([best.done, best.epoch, best.stale])
        state["score"] = np.array([best.score])
        self.context.checkpoint(state)

    def resumed(self) -> Trained:
        """Go on from a checkpoint, where there is one."""
        state = self.context.resume()
        if state is None:
            return Trained(weights_of(self.net))
        try:
            done, epoch, stale = (int(v) for v in state["epochs"])
            found = Trained(_under(state, "best/"), epoch, float(state["score"][0]), done, stale)
            for name in state:
                if name.startswith("kept/"):
                    number, rest = name.removeprefix("kept/").split("/", 1)
                    found.kept.setdefault(int(number), {})[rest] = state[name]
            for i, (w, held) in enumerate(self._held()):
                for key, value in _under(state, f"step/{i}/").items():
                    if value.shape not in ((), tuple(w.shape)):
                        raise ValueError(f"{key} has shape {value.shape}")
                    there = self.torch.from_numpy(np.array(value))
                    held[key] = self.torch.empty_like(w).copy_(there) if value.ndim else there  # laid out as the weight
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise IntegrityError(
                "The checkpoint does not belong to this network", why=str(error), fix="Remove it to start afresh"
            ) from error
        install(self.torch, self.net, _under(state, "now/"))
        return found

    def _held(self) -> list[tuple[Any, Any]]:
        weights = [w for group in self.optimiser.param_groups for w in group["params"]]
        return [(w, self.optimiser.state[w]) for w in weights]


def _under(state: Mapping[str, NDArray[Any]], prefix: str) -> Arrays:
    return {name.removeprefix(prefix): a for name, a in state.items() if name.startswith(prefix)}
