"""Boosting seen round by round: what is reported, which round was best, and when to end."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from tarragon.algorithms.protocol import Context

Measure = Callable[[NDArray[Any], NDArray[Any]], float]  # answers and labels, (n,) or (n, K) and (n,) -> a score


@dataclass(frozen=True, slots=True)
class Watch:
    """What else is measured and kept as rounds go by, for whoever follows a long run.

    Parameters
    ----------
    metrics : tuple of str
        The library's names, or names of ``own``; early stopping watches the last. Empty: the objective's own loss.
    own : mapping of str to callable
        Metrics the library lacks, of its answers and the labels.
    maximize : bool
        Whether more of the last metric is better.
    due : callable
        Asked after each round whether to make a checkpoint.
    """

    metrics: tuple[str, ...] = ()
    own: Mapping[str, Measure] = field(default_factory=dict)
    maximize: bool = False
    due: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class Rounds:
    """Follow one run.

    Early stopping keeps the first best round and ends after ``patience`` rounds without a better one. A run cut short
    after r rounds therefore equals a run that was given r rounds from the start: this is what replay relies on.

    Parameters
    ----------
    context : Context
    records : int
        Training rows per round.
    patience : int
        0 keeps every round.
    maximize : bool
        Whether greater is better.
    metric : str
        Name under which the validation loss is reported.
    offset : int
        Rounds done before, by an earlier stage of the same fit; the count reported goes on from there.
    start : float
        Loss before the first round, of that earlier stage: with early stopping, all rounds go if none was better.
    """

    context: Context
    records: int
    patience: int = 0
    maximize: bool = False
    metric: str = "loss"
    offset: int = 0
    start: float = math.inf
    losses: list[float] = field(default_factory=list)
    best: int = 0

    @property
    def done(self) -> int:
        """Rounds performed."""
        return len(self.losses)

    @property
    def best_loss(self) -> float:
        """The validation loss at the best round, or before the first."""
        return self.losses[self.best - 1] if self.best else self.start

    @property
    def kept(self) -> int:
        """Rounds of the model: up to the best with early stopping, otherwise all."""
        return self.best if self.patience and (self.best or math.isfinite(self.start)) else self.done

    @property
    def stalled(self) -> bool:
        """Whether early stopping has waited long enough."""
        return self.patience > 0 and not math.isnan(self.losses[-1]) and self.done - self.best >= self.patience

    @property
    def history(self) -> tuple[tuple[float, float], ...]:
        """(training loss, validation loss) per round; NaN for what was not measured."""
        return tuple((math.nan, loss) for loss in self.losses)

    def over(self, loss: float = math.nan, measured: Mapping[str, float] | None = None) -> bool:
        """Record a round, report it, and say whether to end.

        Parameters
        ----------
        loss : float
            On the validation rows; NaN without them.
        measured : mapping, optional
            What to report instead of the loss alone.
        """
        self.note(loss)
        metrics = {} if math.isnan(loss) else {f"validation:{self.metric}": loss}
        self.context.epoch(self.offset + self.done, steps=1, records=self.records, metrics=measured or metrics)
        return self.stalled or self.context.stop_asked()

    def note(self, loss: float) -> None:
        """Record a round without reporting it: it was reported before a restart."""
        self.losses.append(loss)
        sign = -1.0 if self.maximize else 1.0
        if (not self.best and math.isinf(self.start) and not math.isnan(loss)) or sign * loss < sign * self.best_loss:
            self.best = self.done
