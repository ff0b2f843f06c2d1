"""Steps along gradients for many models at once: Adam, RMSprop and momentum, each column with settings of its own.

Notation: r rows of a weight matrix (features), C columns (one or several per model), t updates so far.

The penalties are those of minimising loss + wd/2 · w² + l1 · |w|: wd enters the gradient, l1 is the proximal step of
the same (preconditioned) length, so that weights become exactly zero.
Source: Kingma & Ba (2015), ICLR, arXiv:1412.6980; Tieleman & Hinton (2012), lecture 6.5; Polyak (1964); proximal steps:
        Duchi & Singer (2009), JMLR 10.
Departure: where only some rows are given, the others rest entirely: neither their moments nor their penalties move
("lazy" updates, as MXNet's for sparse gradients), which is what makes a step cost non-zeros instead of columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.weights import broken

Floats = NDArray[np.float32]
Which = NDArray[np.int64] | None
"""Rows that a gradient is of; None: all of them."""
OPTIMIZERS = ("adam", "sgd", "rmsprop")


@dataclass(slots=True)
class Parameter:
    """A matrix that is learnt, (r, C), with its first and second moments (empty where the optimizer needs none)."""

    value: Floats
    first: Floats
    second: Floats

    @classmethod
    def make(cls, value: Floats, optimizer: str) -> "Parameter":
        """Start from a value."""
        none = np.zeros((0, value.shape[1]), np.float32)
        return cls(
            value,
            np.zeros_like(value) if optimizer in ("adam", "sgd") else none,
            np.zeros_like(value) if optimizer in ("adam", "rmsprop") else none,
        )

    def state(self, name: str) -> dict[str, NDArray[Any]]:
        """Return all arrays for a checkpoint."""
        return {f"{name}.value": self.value, f"{name}.first": self.first, f"{name}.second": self.second}

    def restore(self, name: str, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a checkpoint. Raises ``IntegrityError`` where it is another model's."""
        for part in ("value", "first", "second"):
            found, own = state.get(f"{name}.{part}"), getattr(self, part)
            if found is None or found.shape != own.shape or found.dtype.kind != "f":
                raise broken(f"the checkpoint's {name}.{part} does not fit this model")
            setattr(self, part, np.array(found, np.float32))


@dataclass(frozen=True, slots=True)
class Penalty:
    """What weights cost, per column: (C,) each."""

    wd: Floats
    l1: Floats


@dataclass(frozen=True, slots=True)
class Steps:
    """An optimizer.

    Parameters
    ----------
    optimizer : {"adam", "sgd", "rmsprop"}
    momentum : float in [0, 1)
        Of sgd.
    beta_1, beta_2 : float in [0, 1)
        Decay of the moments; rmsprop has the second only.
    """

    optimizer: str
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def update(self, p: Parameter, gradient: Floats, rate: Floats, penalty: Penalty, at: tuple[int, Which]) -> None:
        """Take one step.

        Parameters
        ----------
        p : Parameter
            Changed in place.
        gradient : ndarray of shape (r, C)
            Of the rows named; used up.
        rate : ndarray of shape (C,)
            Step length of each column.
        penalty : Penalty
        at : (int, ndarray or None)
            The update's number from 1, and the rows.
        """
        t, rows = at
        every: Any = slice(None) if rows is None else rows
        value = p.value[every]
        if penalty.wd.any():
            gradient += penalty.wd * value
        step: Any = rate
        if self.optimizer == "sgd":
            first = p.first[every]
            first *= self.momentum
            first += gradient
            moved = rate * first
            step = rate / np.float32(1 - self.momentum)  # as far as a lasting slope moves it
            if rows is not None:
                p.first[every] = first
        else:
            step, moved = self._scaled(p, gradient, rate, (t, every))
        value -= moved
        if penalty.l1.any():
            value[...] = np.sign(value) * np.maximum(np.abs(value) - step * penalty.l1, 0.0)
        if rows is not None:
            p.value[every] = value

    def _scaled(self, p: Parameter, gradient: Floats, rate: Floats, at: tuple[int, Any]) -> tuple[Floats, Floats]:
        """Return each weight's own step length, and how far it moves."""
        t, every = at
        second = p.second[every]
        second *= np.float32(self.beta_2)
        second += np.float32(1 - self.beta_2) * gradient * gradient
        lengths = np.sqrt(second)
        lengths += np.float32(self.epsilon)
        if self.optimizer == "rmsprop":
            np.divide(rate, lengths, out=lengths)
            moved = lengths * gradient
        else:
            first = p.first[every]
            first *= np.float32(self.beta_1)
            first += np.float32(1 - self.beta_1) * gradient
            whole = rate * np.float32((1 - self.beta_2**t) ** 0.5 / (1 - self.beta_1**t))
            np.divide(whole, lengths, out=lengths)
            moved = lengths * first
            if not isinstance(every, slice):
                p.first[every] = first
        if not isinstance(every, slice):
            p.second[every] = second
        return lengths, moved
