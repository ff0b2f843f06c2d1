"""Steps of a factorization machine: a batch's slopes, summed over hosts, and Adam on the columns that occur in it.

Notation: n rows, d columns, k factors, m columns that occur in a batch; value, first and second moments per term.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tarragon.data import Tabular

Floats = NDArray[np.float32]
Reduce = Callable[[Mapping[str, NDArray[Any]]], Mapping[str, NDArray[Any]]]
ALL = np.zeros(1, np.int64)


@dataclass(slots=True)
class Term:
    """One of bias (1, 1), weights (d, 1) and factors (d, k), with its rate and decay.

    ``used`` is False for a term that is left at zero.
    """

    value: Floats
    rate: float
    wd: float
    used: bool = True
    first: Floats = field(init=False)
    second: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.first, self.second = np.zeros_like(self.value), np.zeros_like(self.value)


@dataclass(frozen=True, slots=True)
class Adam:
    """The optimizer's constants; ``clip`` 0 does not clip, ``scale`` None divides by the rows of the batch."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    clip: float = 0.0
    scale: float | None = None


@dataclass(slots=True)
class Sums:
    """What was seen of an epoch: rows, batches, and sums by name."""

    rows: int = 0
    batches: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, n: int, found: Mapping[str, float]) -> None:
        """Add the sums of a batch."""
        self.rows += n
        self.batches += 1
        for name, value in found.items():
            self.sums[name] = self.sums.get(name, 0.0) + value


@dataclass(slots=True)
class Machine:
    """A factorization machine that learns.

    Parameters
    ----------
    bias, weights, factors : Term
    adam : Adam
    logistic : bool
        Whether labels are 0 and 1; otherwise values, whose squared errors are minimised.
    reduce : callable
    world : int
        Hosts: they step together, each with its rows of a batch, or without any more.
    """

    bias: Term
    weights: Term
    factors: Term
    adam: Adam
    logistic: bool
    reduce: Reduce
    world: int
    t: int = 0
    _place: NDArray[np.int64] = field(init=False)
    _mark: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        d = len(self.factors.value)
        self._place, self._mark = np.zeros(d, np.int64), np.zeros(d, np.uint8)

    def learn(self, batch: Tabular | None, seen: Sums) -> bool:
        """Take one step; returns whether any host had rows. What the batch's rows scored before it is added up."""
        X = None if batch is None else _csr(batch.X)
        n, rows = self._agreed(X)
        if not n:
            return False
        down = np.zeros((len(rows), self.factors.value.shape[1]), np.float32)
        across, bias = np.zeros((len(rows), 1), np.float32), np.zeros((1, 1), np.float32)
        found = {}
        if batch is not None and X is not None:
            found = self._slopes(batch, X, rows, (down, across, bias))
        if self.world > 1:
            shared = self.reduce({"down": down, "across": across, "bias": bias})
            down, across, bias = shared["down"], shared["across"], shared["bias"]
        seen.add(0 if batch is None else batch.n_rows, found)
        self.t += 1
        scale = 1.0 / n if self.adam.scale is None else self.adam.scale
        for term, gradient, at in ((self.factors, down, rows), (self.weights, across, rows), (self.bias, bias, ALL)):
            if term.used:
                self._step(term, gradient, at, scale)
        return True

    def _agreed(self, X: "sp.csr_matrix | None") -> tuple[int, NDArray[np.int64]]:
        """Agree with the other hosts on the rows of a step, and on the columns that occur in them."""
        n, mark = 0, self._mark
        if X is not None:
            n = int(X.shape[0])
            mark[X.indices] = 1
        if self.world > 1:
            found = self.reduce({"n": np.array([n]), "columns": mark.astype(np.int16)})
            n, mark = int(found["n"][0]), found["columns"]
        rows = np.flatnonzero(mark)
        self._mark[:] = 0
        self._place[rows] = np.arange(len(rows))
        return n, rows

    def _slopes(
        self, batch: Tabular, X: "sp.csr_matrix", rows: NDArray[np.int64], into: tuple[Floats, Floats, Floats]
    ) -> dict[str, float]:
        """Fill in the batch's slopes; return what its rows scored."""
        from tarragon.algorithms import factorization_kernels as kernels

        assert batch.y is not None
        v, w = self.factors.value, self.weights.value[:, 0]
        S, z = np.empty((batch.n_rows, v.shape[1]), np.float32), np.empty(batch.n_rows, np.float32)
        kernels.scores((X.indptr, X.indices, X.data), (self.bias.value[0, 0], w, v), S, z)
        y = batch.y.astype(np.float32)
        answer = 1 / (1 + np.exp(-z)) if self.logistic else z
        slope = answer - y
        if batch.weight is not None:
            slope *= batch.weight.astype(np.float32)
        down, across, bias = into
        kernels.slopes((X.indptr, X.indices, X.data), slope, v, S, self._place, (down, across[:, 0]))
        bias[0, 0] = slope.sum()
        return measured(z, answer, y, logistic=self.logistic)

    def _step(self, term: Term, gradient: Floats, rows: NDArray[np.int64], scale: float) -> None:
        from tarragon.algorithms import factorization_kernels as kernels

        f, a = np.float32, self.adam
        rate = term.rate * (1 - a.beta_2**self.t) ** 0.5 / (1 - a.beta_1**self.t)
        step = (f(rate), f(term.wd), f(scale), f(a.clip))
        decay = (f(a.beta_1), f(a.beta_2), f(a.epsilon))
        kernels.adam(rows, gradient, (term.value, term.first, term.second), step, decay)


def measured(z: Any, answer: Any, y: Any, *, logistic: bool) -> dict[str, float]:
    """Sum what is told of rows: scores, answers and labels, (n,) each."""
    if not logistic:
        error = (answer - y).astype(np.float64)
        return {"squares": float((error * error).sum()), "absolute": float(np.abs(error).sum())}
    guess, true = answer >= 0.5, y == 1
    cost = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
    return {
        "right": float((guess == true).sum()),
        "hits": float((guess & true).sum()),
        "guessed": float(guess.sum()),
        "there": float(true.sum()),
        "cost": float(cost.sum(dtype=np.float64)),
    }


def told(sums: Mapping[str, float], n: int, *, logistic: bool) -> dict[str, float]:
    """Turn sums over ``n`` rows into the measures SageMaker logs."""
    n = max(n, 1)
    if not logistic:
        mse = sums.get("squares", 0.0) / n
        return {"rmse": mse**0.5, "mse": mse, "absolute_loss": sums.get("absolute", 0.0) / n}
    below = sums.get("guessed", 0.0) + sums.get("there", 0.0)
    return {
        "binary_classification_accuracy": sums.get("right", 0.0) / n,
        "binary_classification_cross_entropy": sums.get("cost", 0.0) / n,
        "binary_f_1.000": 2 * sums.get("hits", 0.0) / below if below else 0.0,
    }


def _csr(X: Any) -> "sp.csr_matrix":
    found = sp.csr_matrix(X)
    return found if found.dtype == np.float32 else found.astype(np.float32)
