"""The recurrent network behind DeepAR: its arrays, its training, and drawing futures from it.

Training reads each window with the true values as inputs over context and horizon alike, and lowers the mean negative
log density of what was seen. A forecast reads the context once per series, then draws value after value, each drawn
one an input for the next; all series and all draws walk side by side. Only the lags that fall on drawn values are
different from draw to draw, so everything else is multiplied with the weights once per series.

Source: Salinas et al. (2020), doi:10.1016/j.ijforecast.2019.07.001, §3.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms import zoneout_lstm
from tarragon.algorithms.deep import steady
from tarragon.algorithms.flat_parameters import Arrays, FlatParameters, Optimiser, clipped
from tarragon.algorithms.likelihood import LIKELIHOODS
from tarragon.algorithms.protocol import Context
from tarragon.algorithms.series_windows import Shape, Shelf, Windows

CLIP = 10.0  # norm of a gradient: beyond it, one odd window would throw the weights about
PLATEAU = 10  # epochs without progress after which the rate is halved
LOWEST_RATE = 0.02  # of the first rate
LEAST_BATCHES = 10  # an epoch of few series: they are passed over again until it is this many batches
START_ANYWHERE = 0.1  # share of windows that may begin in a series' first steps, as a new series' forecast does
WALKERS = 4_096  # series × draws side by side
Told = Callable[[int, int, float], None]
GAIN = 1e-4  # by which the loss must fall to count


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; names as in :class:`~tarragon.algorithms.deepar.DeepAR`."""

    cells: int
    layers: int
    batch: int
    epochs: int
    rate: float
    zoneout: float
    patience: int
    embedding: int
    likelihood: str
    cardinality: tuple[int, ...]


def shapes(settings: Settings, width: int) -> dict[str, tuple[int, ...]]:
    """Shape of each array, for ``width`` input columns."""
    h, e = settings.cells, settings.embedding
    found: dict[str, tuple[int, ...]] = {f"embedding{k}": (n, e) for k, n in enumerate(settings.cardinality)}
    if settings.cardinality:
        found["embedded"] = (e * len(settings.cardinality), 4 * h)
    for layer in range(settings.layers):
        found[f"input{layer}"] = (h if layer else width, 4 * h)
        found[f"recurrent{layer}"] = (h, 4 * h)
        found[f"bias{layer}"] = (4 * h,)
    outputs = LIKELIHOODS[settings.likelihood].outputs
    return {**found, "out": (h, outputs), "out_bias": (outputs,)}


def begin(settings: Settings, width: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Draw the first weights; forget gates begin open."""
    rng = np.random.default_rng([seed, 41])
    h = settings.cells
    made = {}
    for name, shape in shapes(settings, width).items():
        if name.startswith("embedding"):
            array = rng.normal(0, 0.1, shape)
        elif "bias" in name:
            array = np.zeros(shape)
            if name != "out_bias":
                array[h : 2 * h] = 1.0
        else:
            most = 1 / math.sqrt(h if name.startswith(("recurrent", "out")) else max(shape[0], h))
            array = rng.uniform(-most, most, shape)
        made[name] = array.astype(np.float32)
    return made


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The kept weights, the epoch they are from, its loss, and the loss of each epoch."""

    weights: Arrays
    best: int
    loss: float
    history: tuple[float, ...]


class Trainer:
    """One training.

    Parameters
    ----------
    torch : module
    settings : Settings
    shelf : Shelf
        This host's series.
    valid : Shelf, optional
        Its loss decides which epoch is best; left out, the training loss does.
    context : Context
    told : callable, optional
        Is handed epoch and batch, from 1 and 0, with the epoch's mean loss so far, over all hosts.
    """

    def __init__(
        self,
        torch: Any,
        settings: Settings,
        shelf: Shelf,
        valid: Shelf | None,
        context: Context,
        told: Told | None = None,
    ) -> None:
        self.torch, self.settings, self.shelf, self.valid, self.context = torch, settings, shelf, valid, context
        self.told = told
        self.likelihood = LIKELIHOODS[settings.likelihood]
        self.parameters = FlatParameters(torch, begin(settings, shelf.shape.width, context.seed), context.device)
        self.optimiser = Optimiser(self.parameters)
        size = shelf.shape.base + shelf.size
        self.chance = np.cumsum(size / size.sum())
        self.rate, self.best, self.lowest, self.stale = settings.rate, 0, math.inf, 0
        self.kept = self.parameters.vector.clone()
        self.history: list[float] = []

    def train(self) -> Trained:
        """Train until the epochs, the patience or the time is over."""
        with steady(self.torch, self.context.threads):
            done = self._resumed()
            per_host = -(-self.settings.batch // self.context.world)
            for epoch in range(done + 1, self.settings.epochs + 1):
                rng = np.random.default_rng([self.context.seed, self.context.rank, epoch])
                batches = max(LEAST_BATCHES, -(-self._everyone(len(self.shelf)) // self.settings.batch))
                loss = self._epoch(epoch, rng, batches, per_host)
                score = loss if self.valid is None else self._held()
                self._judge(epoch, score)
                metrics = {"train:loss": loss} | ({} if self.valid is None else {"validation:loss": score})
                self.context.epoch(epoch, steps=batches, records=batches * self.settings.batch, metrics=metrics)
                self.context.checkpoint(self._state(epoch))
                impatient = 0 < self.settings.patience <= epoch - self.best
                if self._everyone(int(self.context.stop_asked())) or impatient:
                    break
        return Trained(self.parameters.arrays(self.kept), self.best, self.lowest, tuple(self.history))

    def _everyone(self, count: int) -> int:
        """Add a number over all hosts."""
        return int(self.context.reduce({"count": np.array([count], np.int64)})["count"][0])

    def _epoch(self, epoch: int, rng: np.random.Generator, batches: int, per_host: int) -> float:
        drawn = self._drawn(rng, batches * per_host)
        dice = self.torch.Generator().manual_seed(int(rng.integers(1 << 31)))
        total = 0.0
        for n in range(batches):
            part = slice(n * per_host, (n + 1) * per_host)
            loss = self._loss(self.shelf.cut(drawn[0][part], drawn[1][part]), dice)
            gradient = self.parameters.gradient(loss)
            value = float(loss.detach())
            if self.context.world > 1:
                own = {"gradient": gradient.cpu().numpy(), "loss": np.array([value])}
                shared = self.context.reduce(own)
                gradient = self.torch.from_numpy(shared["gradient"]).to(gradient.device) / self.context.world
                value = float(shared["loss"][0]) / self.context.world
            if math.isfinite(value):
                self.optimiser.step(clipped(gradient, CLIP), self.rate)
            total += value
            if self.told is not None:
                self.told(epoch, n, total / (n + 1))
        return total / batches

    def _drawn(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw windows: the series in proportion to their scales, evenly spread over them; then where they begin."""
        even = (np.arange(count) + rng.random()) / count
        which = rng.permutation(np.minimum(np.searchsorted(self.chance, even), len(self.shelf) - 1)).astype(np.int64)
        last = self.shelf.length[which] - self.shelf.shape.horizon
        whole = rng.random(count) >= START_ANYWHERE
        first = np.where(whole, np.minimum(self.shelf.shape.context, last), 0)
        return which, rng.integers(first, last + 1)

    def _loss(self, windows: Windows, dice: Any | None) -> Any:
        """Mean negative log density over what was seen; zoneout is drawn with ``dice``, expected without."""
        torch = self.torch
        device = self.parameters.vector.device
        z, weight = (torch.from_numpy(a).to(device) for a in (windows.target, windows.weight))
        raw = read(torch, self.settings, self.parameters.leaves, windows, dice)[0]
        scale = torch.from_numpy(windows.scale).to(device).expand_as(z)
        return (self.likelihood.loss(raw, z, scale) * weight).sum() / weight.sum().clamp_min(1.0)

    def _held(self) -> float:
        assert self.valid is not None
        which = np.arange(len(self.valid))
        with self.torch.no_grad():
            return float(self._loss(self.valid.cut(which, self.valid.length - self.valid.shape.horizon), None))

    def _judge(self, epoch: int, score: float) -> None:
        self.history.append(score)
        if score < self.lowest - GAIN * abs(self.lowest if math.isfinite(self.lowest) else 0.0) or not self.best:
            self.best, self.lowest, self.stale = epoch, score, 0
            self.kept.copy_(self.parameters.vector)
            return
        self.stale += 1
        if self.stale >= PLATEAU:
            self.stale = 0
            self.rate = max(self.rate / 2, LOWEST_RATE * self.settings.rate)

    def _state(self, epoch: int) -> dict[str, NDArray[Any]]:
        numbers = np.array([epoch, self.best, self.lowest, self.rate, self.stale], np.float64)
        kept = self.kept.cpu().numpy().copy()
        return {**self.optimiser.state(), "kept": kept, "numbers": numbers, "history": np.array(self.history)}

    def _resumed(self) -> int:
        state = self.context.resume()
        fits = state is not None and {"kept", "numbers", "history"} <= set(state)
        if state is None or not fits or state["kept"].shape != tuple(self.kept.shape):
            return 0
        if not self.optimiser.restore(state):
            return 0
        self.kept.copy_(self.torch.from_numpy(np.array(state["kept"], np.float32)))
        epoch, best, self.lowest, self.rate, stale = (float(v) for v in state["numbers"])
        self.best, self.stale, self.history = int(best), int(stale), state["history"].tolist()
        return int(epoch)


def read(
    torch: Any, settings: Settings, weights: Mapping[str, Any], windows: Windows, dice: Any | None
) -> tuple[Any, list[tuple[Any, Any]]]:
    """Read windows with the true values as inputs.

    Returns
    -------
    raw, states
        (T, b, outputs), and each layer's last output and cell state, (b, cells) both.
    """
    device = weights["out"].device
    signal = torch.from_numpy(windows.x).to(device)
    states = []
    for layer in range(settings.layers):
        T, b, width = signal.shape
        flat = torch.addmm(weights[f"bias{layer}"], signal.reshape(T * b, width), weights[f"input{layer}"])
        gates = flat.view(T, b, -1)
        if layer == 0 and settings.cardinality:
            gates = gates + _embedded(torch, settings, weights, windows.cat)
        shape = (T, b, settings.cells)
        mask = None if dice is None else zoneout_lstm.masks(torch, shape, settings.zoneout, dice)
        signal, h, c = zoneout_lstm.run(torch, gates, weights[f"recurrent{layer}"], mask, settings.zoneout)
        states.append((h, c))
    return signal @ weights["out"] + weights["out_bias"], states


def _embedded(torch: Any, settings: Settings, weights: Mapping[str, Any], cat: NDArray[np.int64]) -> Any:
    """Categories' share of the first layer's gates, (b, 4 × cells)."""
    codes = torch.from_numpy(cat).to(weights["out"].device)
    parts = [weights[f"embedding{k}"][codes[:, k]] for k in range(len(settings.cardinality))]
    return torch.cat(parts, dim=1) @ weights["embedded"]


def draw(torch: Any, settings: Settings, arrays: Arrays, shelf: Shelf, draws: int, seed: int) -> NDArray[np.float32]:
    """Draw futures of every series: (n, draws, horizon), in units of the target."""
    weights = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    dice = torch.Generator().manual_seed(seed)
    block = max(1, WALKERS // draws)
    with torch.no_grad():
        parts = [
            _walk(torch, settings, weights, shelf, (np.arange(at, min(at + block, len(shelf))), draws), dice)
            for at in range(0, len(shelf), block)
        ]
    return np.concatenate(parts)


def _walk(
    torch: Any, settings: Settings, weights: Mapping[str, Any], shelf: Shelf, walkers: tuple[Any, int], dice: Any
) -> NDArray[np.float32]:
    which, draws = walkers
    shape: Shape = shelf.shape
    context, horizon, n = shape.context, shape.horizon, len(which)
    windows = shelf.cut(which, shelf.length[which])
    past = Windows(windows.x[:context], windows.target, windows.weight, windows.scale, windows.cat)
    _, states = read(torch, settings, weights, past, None)
    walking = [(h.repeat_interleave(draws, 0), c.repeat_interleave(draws, 0)) for h, c in states]
    future = np.array(windows.x[context:])
    lags = np.array(shape.lags)
    for t in range(horizon):
        future[t][:, : len(lags)][:, lags <= t] = 0.0  # these fall on drawn values
        future[t, :, len(lags)] = 1.0 if t else future[t, :, len(lags)]  # what was drawn was seen
    base = torch.from_numpy(future) @ weights["input0"] + weights["bias0"]
    if settings.cardinality:
        base = base + _embedded(torch, settings, weights, windows.cat)
    likelihood = LIKELIHOODS[settings.likelihood]
    scale = torch.from_numpy(windows.scale).repeat_interleave(draws)
    drawn = torch.zeros(horizon, n * draws)  # in units of the scale
    for t in range(horizon):
        walking = _step(torch, settings, weights, walking, (base[t], drawn, lags[lags <= t], t))
        raw = walking[-1][0] @ weights["out"] + weights["out_bias"]
        drawn[t] = likelihood.draw(raw, scale, dice) / scale
    values = (drawn * scale).view(horizon, n, draws).permute(1, 2, 0)
    found: NDArray[np.float32] = values.contiguous().numpy()
    return found


def _step(
    torch: Any, settings: Settings, weights: Mapping[str, Any], walking: list[tuple[Any, Any]], given: tuple[Any, ...]
) -> list[tuple[Any, Any]]:
    """Take all walkers one step on: the shared part of the input, and the lags that fall on drawn values."""
    base, drawn, near, t = given
    count = len(drawn[0]) // len(base)
    went = []
    signal = None
    for layer, (h, c) in enumerate(walking):
        gates = h @ weights[f"recurrent{layer}"]
        if signal is None:
            gates.view(len(base), count, -1).add_(base[:, None, :])
            if len(near):
                own = weights["input0"][: len(near)]  # lags ascend: the nearest ones come first
                gates.addmm_(drawn[t - torch.from_numpy(near)].t(), own)
        else:
            gates.addmm_(signal, weights[f"input{layer}"]).add_(weights[f"bias{layer}"])
        h, c = zoneout_lstm.step(gates, h, c, settings.zoneout)
        went.append((h, c))
        signal = h
    return went
