"""The context of one fit: a seed, threads, a deadline, and the epochs that went by."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class FitContext:
    """What one fit may know of the world (see ``algorithms.protocol.Context``).

    Parameters
    ----------
    seed, threads : int
    deadline : float or None
        On ``clock``; after it ``stop_asked`` answers True.
    max_epochs : int or None
        A replay stops after as many epochs as the first run did, whatever the clock says.
    """

    seed: int
    threads: int = 1
    deadline: float | None = None
    max_epochs: int | None = None
    clock: Callable[[], float] = time.monotonic
    device: str = "cpu"
    rank: int = 0
    world: int = 1
    epochs: int = 0
    stopped: bool = False
    history: list[tuple[int, float]] = field(default_factory=list)

    def epoch(self, n: int, *, steps: int, records: int, metrics: Mapping[str, float]) -> None:
        """Keep the epoch's number and its validation loss."""
        self.epochs = n
        loss = metrics.get("validation:loss", metrics.get("valid"))
        if loss is not None:
            self.history.append((n, float(loss)))

    def stop_asked(self) -> bool:
        """Whether the deadline, or the recorded number of epochs, has been reached."""
        late = self.deadline is not None and self.clock() > self.deadline
        enough = self.max_epochs is not None and self.epochs >= self.max_epochs
        self.stopped = self.stopped or late
        return late or enough

    def checkpoint(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Forget it: a fold is the unit that is repeated after a crash."""

    def resume(self) -> Mapping[str, NDArray[Any]] | None:
        """Return None: every fit starts afresh."""
        return None

    def reduce(self, arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Return what was given: one worker."""
        return {name: np.asarray(a) for name, a in arrays.items()}
