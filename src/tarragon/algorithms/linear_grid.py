"""The models that are trained side by side: what each is set to.

What is asked for holds for all of them; what is left open is spread over a few values that lie a factor of four to
twenty-five apart, the likeliest first. The service's own values are not published. Those here were seen in winners of
its logs (schedules: every 10 or 100 updates times 0.99 down to 1e-5 or 1e-4; wd 0, 1e-4, 1e-2), or fill the range its
documentation gives for tuning.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.gradient_steps import Penalty

Floats = NDArray[np.float32]
AUTO_MODELS = 32
RATES = {"adam": (0.1, 0.02, 0.5, 0.004), "rmsprop": (0.02, 0.1, 0.004, 0.5), "sgd": (0.02, 0.002, 0.2, 0.0002)}
PENALTIES = ((0.0, 0.0), (1e-4, 0.0), (0.01, 0.0), (0.0, 1e-3))  # (wd, l1)
SCHEDULES = ((10, 0.99, 1e-5), (100, 0.99, 1e-4))  # (updates, factor, lowest rate)


@dataclass(frozen=True, slots=True)
class Setting:
    """One model of the grid: its learning rate, penalties and schedule, and what a positive example counts."""

    learning_rate: float
    wd: float
    l1: float
    step: int
    factor: float
    minimum: float
    positive: float

    def words(self, optimizer: str) -> dict[str, Any]:
        """Return it by SageMaker's names, as the winner is logged."""
        return {
            "optimizer": optimizer,
            "learning_rate": self.learning_rate,
            "l1": self.l1,
            "wd": self.wd,
            "lr_scheduler_step": self.step,
            "lr_scheduler_factor": self.factor,
            "lr_scheduler_minimum_lr": self.minimum,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a setting was asked for; None is left open. ``positive`` lists what a positive example may count."""

    optimizer: str
    learning_rate: float | None
    wd: float | None
    l1: float | None
    schedule: tuple[int | None, float | None, float | None]
    scheduled: bool
    positive: tuple[float, ...]


def grid(asked: Asked, n_models: int | None) -> tuple[Setting, ...]:
    """List the models, the likeliest first.

    Parameters
    ----------
    asked : Asked
    n_models : int, optional
        None: 32, or as many as there are different ones. A number beyond that repeats them from other first weights.
    """
    rates = (asked.learning_rate,) if asked.learning_rate is not None else RATES[asked.optimizer]
    penalties = _given(PENALTIES, (asked.wd, asked.l1))
    schedules = _given(SCHEDULES, asked.schedule) if asked.scheduled else ((1, 1.0, 0.0),)
    found = [
        Setting(float(rate), float(wd), float(l1), int(step), float(factor), float(low), positive)
        for (step, factor, low), positive, (wd, l1), rate in product(schedules, asked.positive, penalties, rates)
    ]
    wanted = n_models or min(AUTO_MODELS, len(found))
    return tuple(found[i % len(found)] for i in range(wanted))


def _given(known: tuple[tuple[Any, ...], ...], asked: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    """Replace in every line what was asked for, and drop lines that became equal."""
    lines = (tuple(k if a is None else a for k, a in zip(line, asked, strict=True)) for line in known)
    return tuple(dict.fromkeys(lines))


@dataclass(frozen=True, slots=True)
class Columns:
    """The grid's settings as arrays, one entry per column of the weights: the models once for each class."""

    rate: Floats
    step: NDArray[np.int64]
    factor: NDArray[np.float64]
    minimum: Floats
    penalty: Penalty

    @classmethod
    def of(cls, settings: tuple[Setting, ...], outputs: int) -> "Columns":
        """Lay a grid out for models of ``outputs`` columns each."""

        def each(name: str, kind: Any = np.float32) -> Any:
            return np.tile(np.array([getattr(s, name) for s in settings], kind), outputs)

        penalty = Penalty(each("wd"), each("l1"))
        return cls(each("learning_rate"), each("step", np.int64), each("factor", np.float64), each("minimum"), penalty)

    def rates(self, t: int) -> Floats:
        """Return each column's learning rate at update ``t`` (from 1), (C,)."""
        fallen = self.rate * self.factor ** ((t - 1) // self.step)
        return np.maximum(fallen, np.minimum(self.minimum, self.rate)).astype(np.float32)
