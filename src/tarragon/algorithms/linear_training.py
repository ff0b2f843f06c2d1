"""Many linear models trained side by side on one stream: one matrix product per mini-batch serves all of them.

Notation: n rows of a batch, d columns, M models, K outputs each (1, or one per class), C = M · K columns of weights;
column k · M + m is output k of model m. Rows and targets are seen through the scaler.

Models are judged by an average of their weights in which late steps count most (t⁷), which takes the noise of the steps
out of them: Shamir & Zhang (2013), ICML, arXiv:1212.1824. Where steps are lazy it would cost more than the steps; there
the last weights are judged.

Hosts that share a fit step together: each brings its share of a mini-batch, gradients are summed. A host that has run
out of rows goes on with empty batches until all have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.algorithms.gradient_steps import Parameter, Penalty, Steps, Which
from tarragon.algorithms.linear_choice import COARSE, Criterion, counted
from tarragon.algorithms.linear_grid import Columns, Setting
from tarragon.algorithms.linear_loss import Loss
from tarragon.algorithms.linear_scaler import Reduce, Scaler
from tarragon.algorithms.minibatch import blocks
from tarragon.data import Data, Tabular

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
BLOCK_ROWS = 4_096
LATE = 8  # an average counts about the last eighth of the steps


@dataclass(frozen=True, slots=True)
class Bias:
    """Whether there is one, and what multiplies its learning rate and its decay."""

    used: bool = True
    rate: float = 1.0
    wd: float = 0.0


@dataclass(frozen=True, slots=True)
class Classes:
    """What rows of each class count: one weight a class, (K,), and for two classes another factor in each model."""

    weight: Floats | None = None
    positive: Floats | None = None

    def of(self, batch: Tabular, y: Floats) -> Floats | None:
        """Return what rows count, (n,) or (n, M); None: alike."""
        found = None if batch.weight is None else batch.weight.astype(np.float32)
        if self.weight is not None:
            own = self.weight[y.astype(np.int64)]
            found = own if found is None else found * own
        if self.positive is None:
            return found
        factor = np.where(y[:, None] == 1, self.positive, np.float32(1))
        return factor if found is None else factor * found[:, None]


@dataclass(slots=True)
class Tally:
    """Costs of rows seen, summed: (M,) each; and scores counted where a criterion cuts them."""

    cost: Numbers
    weight: Numbers
    counts: NDArray[np.int64] | None = None
    rows: int = 0

    @property
    def loss(self) -> Numbers:
        """Mean cost, (M,); infinite for a model that has run away."""
        mean = self.cost / np.maximum(self.weight, 1e-300)
        return np.where(np.isfinite(mean), mean, np.inf)

    def add(self, cost: Floats, weight: Floats | None) -> None:
        """Add the costs of a batch, (n, M)."""
        n = len(cost)
        self.rows += n
        if weight is None:
            self.cost += np.ones(n, np.float32) @ cost
            self.weight += n
        elif weight.ndim == 1:
            self.cost += weight @ cost
            self.weight += float(weight.sum())
        else:
            self.cost += (weight * cost).sum(axis=0)
            self.weight += weight.sum(axis=0)

    def over(self, reduce: Reduce) -> "Tally":
        """Return the sum over all hosts."""
        extra = {} if self.counts is None else {"counts": self.counts}
        found = reduce({"cost": self.cost, "weight": self.weight, "rows": np.array([self.rows]), **extra})
        return Tally(found["cost"], found["weight"], found.get("counts"), int(found["rows"][0]))


@dataclass(slots=True)
class SideBySide:
    """The models of a grid.

    Parameters
    ----------
    settings : tuple of Setting
    outputs : int
        K.
    loss : Loss
    steps : Steps
    scaler : Scaler
    bias, classes : Bias, Classes
    lazy : bool
        Whether a step moves the weights of the columns that occur in the batch, and no others.
    reduce : callable
    world : int
        Hosts.
    """

    settings: tuple[Setting, ...]
    outputs: int
    loss: Loss
    steps: Steps
    scaler: Scaler
    bias: Bias
    classes: Classes
    lazy: bool
    reduce: Reduce
    world: int
    t: int = 0
    weights: Parameter = field(init=False)
    offset: Parameter = field(init=False)
    _columns: Columns = field(init=False)
    _free: Penalty = field(init=False)
    _mark: NDArray[np.bool_] = field(init=False)
    _place: NDArray[np.int64] = field(init=False)
    _mean: tuple[Floats, Floats] = field(init=False)

    @property
    def n_models(self) -> int:
        """M."""
        return len(self.settings)

    def begin(self, first: Floats, offset: float) -> None:
        """Start from first weights, (d, C); columns that do not vary start, and stay, at zero."""
        self._columns = Columns.of(self.settings, self.outputs)
        none = np.zeros_like(self._columns.penalty.l1)
        self._free = Penalty(self._columns.penalty.wd * np.float32(self.bias.wd), none)
        first[~self.scaler.varies] = 0
        start = np.full((1, first.shape[1]), offset if self.bias.used else 0.0, np.float32)
        self.weights = Parameter.make(first, self.steps.optimizer)
        self.offset = Parameter.make(start, self.steps.optimizer)
        self._mean = (first[:0], start) if self.lazy else (first.copy(), start.copy())
        self._mark = np.zeros(len(first) if self.lazy else 0, bool)
        self._place = np.zeros(len(first) if self.lazy else 0, np.int64)

    # Learning.

    def learn(self, batch: Tabular | None, tally: Tally) -> bool:
        """Take one step on a batch, which every host has or has no more; returns whether any had one."""
        n = 0 if batch is None else batch.n_rows
        Z: Any = None
        y: Floats | None = None
        rows: Which = None
        if batch is not None:
            assert batch.y is not None
            Z, y = self.scaler.apply(batch.X), self.scaler.target(batch.y)
        if self.lazy:
            Z = None if Z is None else sp.csr_matrix(Z)
        if self.world > 1 or self.lazy:
            n, rows = self._agreed(n, Z)
        if not n:
            return False
        if rows is not None and Z is not None:
            Z = self._narrow(Z, rows)
        down, across = self._gradient(batch, Z, y, rows, tally)
        down /= n
        across /= n
        self.t += 1
        rate = self._columns.rates(self.t)
        self.steps.update(self.weights, down, rate, self._columns.penalty, (self.t, rows))
        if self.bias.used:
            self.steps.update(self.offset, across, rate * np.float32(self.bias.rate), self._free, (self.t, None))
        if not self.lazy:
            share = np.float32(min(1.0, LATE / (self.t + LATE - 1)))
            for mean, now in zip(self._mean, (self.weights.value, self.offset.value), strict=True):
                mean += share * (now - mean)
        return True

    def _judged(self) -> tuple[Floats, Floats]:
        """Return weights (d, C) and biases (1, C) as they are judged."""
        return (self.weights.value, self.offset.value) if self.lazy else self._mean

    def _agreed(self, n: int, Z: Any) -> tuple[int, Which]:
        """Agree with the other hosts on how many rows a step has, and which columns occur in them."""
        if self.lazy and Z is not None:
            self._mark[Z.indices] = True
        if self.world > 1:
            found = self.reduce({"n": np.array([n]), "columns": self._mark.astype(np.int32)})
            n, marked = int(found["n"][0]), found["columns"] > 0
        else:
            marked = self._mark
        if not self.lazy:
            return n, None
        rows = np.flatnonzero(marked)
        self._mark[:] = False
        return n, rows

    def _narrow(self, Z: "sp.csr_matrix", rows: NDArray[np.int64]) -> "sp.csr_matrix":
        """Drop the columns that do not occur."""
        self._place[rows] = np.arange(len(rows))
        return sp.csr_matrix((Z.data, self._place[Z.indices], Z.indptr), shape=(Z.shape[0], len(rows)))

    def _gradient(
        self, batch: Tabular | None, Z: Any, y: Floats | None, rows: Which, tally: Tally
    ) -> tuple[Floats, Floats]:
        """Return the summed slopes of the weights, (r, C), and of the biases, (1, C), over all hosts."""
        value = self.weights.value if rows is None else self.weights.value[rows]
        if batch is None or y is None:
            down, across = np.zeros_like(value), np.zeros((1, value.shape[1]), np.float32)
        else:
            z = Z @ value
            z += self.offset.value
            cost, slope = self.loss(self._models(z), y)
            weight = self.classes.of(batch, y)
            tally.add(cost, weight)
            if weight is not None:
                slope *= weight.reshape(weight.shape + (1,) * (slope.ndim - weight.ndim))
            flat = slope.reshape(z.shape)
            down = np.asarray(Z.T @ flat, np.float32)
            across = np.ones((1, len(flat)), np.float32) @ flat
        if self.world > 1:
            found = self.reduce({"down": down, "across": across})
            down, across = found["down"], found["across"]
        return down, across

    def _models(self, z: Floats) -> Floats:
        """Lay scores (n, C) out by model: (n, M), or (n, K, M)."""
        return z if self.outputs == 1 else z.reshape(len(z), self.outputs, self.n_models)

    # Judging.

    def empty(self, *, counts: bool = False) -> Tally:
        """Begin a tally."""
        m = self.n_models
        return Tally(np.zeros(m), np.zeros(m), np.zeros((m, 2, COARSE), np.int64) if counts else None)

    def measured(self, data: Data, criterion: Criterion | None, most: int, classes: Classes) -> Tally:
        """Measure all models on rows, those of every host together.

        Parameters
        ----------
        data : Tabular or Batches
        criterion : Criterion, optional
            Counts scores where it cuts them, of the first ``most`` rows.
        most : int
        classes : Classes
        """
        tally = self.empty(counts=criterion is not None and criterion.cuts)
        weights, offset = self._judged()
        for block in blocks(data, most=BLOCK_ROWS):
            assert block.y is not None
            y = self.scaler.target(block.y)
            z = self.scaler.apply(block.X) @ weights
            z += offset
            if tally.counts is not None and tally.rows < most:
                tally.counts += counted(z, y, COARSE)
            cost, _ = self.loss(self._models(z), y)
            tally.add(cost, classes.of(block, y))
        return tally.over(self.reduce)

    def chosen(self, m: int) -> tuple[Floats, Floats]:
        """Return a model's weights, (d, K), and biases, (K,), as the method sees rows."""
        own = slice(m, None, self.n_models)
        weights, offset = self._judged()
        return weights[:, own].copy(), offset[0, own].copy()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint must hold."""
        mean = {} if self.lazy else {"mean.weights": self._mean[0], "mean.offset": self._mean[1]}
        return {**self.weights.state("weights"), **self.offset.state("offset"), **mean, "t": np.array([self.t])}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a checkpoint. Raises ``IntegrityError`` where it is another model's."""
        self.weights.restore("weights", state)
        self.offset.restore("offset", state)
        self.t = int(state["t"][0])
        if not self.lazy:
            self._mean = (np.array(state["mean.weights"]), np.array(state["mean.offset"]))
