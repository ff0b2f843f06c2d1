"""Boosting seen round by round: what is reported, which round was best, and when to end."""

import math
from dataclasses import dataclass, field

from tarragon.algorithms.protocol import Context


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
    """

    context: Context
    records: int
    patience: int = 0
    maximize: bool = False
    metric: str = "loss"
    losses: list[float] = field(default_factory=list)
    best: int = 0
    _best_loss: float = math.inf

    @property
    def done(self) -> int:
        """Rounds performed."""
        return len(self.losses)

    @property
    def kept(self) -> int:
        """Rounds of the model: up to the best with early stopping, otherwise all."""
        return self.best if self.patience and self.best else self.done

    @property
    def history(self) -> tuple[tuple[float, float], ...]:
        """(training loss, validation loss) per round; NaN for what was not measured."""
        return tuple((math.nan, loss) for loss in self.losses)

    def over(self, loss: float = math.nan) -> bool:
        """Record a round, report it, and say whether to end.

        Parameters
        ----------
        loss : float
            On the validation rows; NaN without them.
        """
        self.losses.append(loss)
        worth = -loss if self.maximize else loss
        if worth < self._best_loss:
            self._best_loss, self.best = worth, self.done
        metrics = {} if math.isnan(loss) else {f"validation:{self.metric}": loss}
        self.context.epoch(self.done, steps=1, records=self.records, metrics=metrics)
        stalled = self.patience > 0 and not math.isnan(loss) and self.done - self.best >= self.patience
        return stalled or self.context.stop_asked()
