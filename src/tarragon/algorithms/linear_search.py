"""From a grid of linear models to the best of them: epochs, judgement after each, early stopping, checkpoints."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.linear_choice import Criterion
from tarragon.algorithms.linear_training import Classes, SideBySide, Tally
from tarragon.algorithms.minibatch import MiniBatches
from tarragon.algorithms.protocol import Context
from tarragon.algorithms.weights import broken
from tarragon.data import Data, Tabular
from tarragon.errors import DataError

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plan:
    """How models are judged, and how long they are trained.

    Parameters
    ----------
    epochs : int
    patience : int
        Epochs without a better model after which training ends.
    tolerance : float
        Relative gain that counts as better.
    criterion : Criterion, optional
        Of a binary classifier; None: the loss.
    held : Tabular or Batches, optional
        Validation rows; None: training rows.
    sample : Tabular
        Training rows to judge by where nothing is held out and scores must be cut.
    most : int
        Rows whose scores are counted to cut them.
    classes : Classes
        What rows count when models are judged.
    unit : float
        Costs are told times this.
    """

    epochs: int
    patience: int
    tolerance: float
    criterion: Criterion | None
    held: Data | None
    sample: Tabular
    most: int
    classes: Classes
    unit: float

    @property
    def cuts(self) -> bool:
        """Whether models are compared by where their scores are cut."""
        return self.criterion is not None and self.criterion.cuts


@dataclass(slots=True)
class Winner:
    """The best model so far.

    Parameters
    ----------
    badness : float
        What is minimised: the loss, or the criterion's merit with a minus.
    loss : float
        Of the rows it was judged by; decides between equals.
    model : int
        Its number in the grid.
    epoch : int
    weights, offset : ndarray of shape (d, K) and (K,)
    history : list of (train loss, judged loss)
        One line per epoch, of the model that led then.
    """

    weights: Floats
    offset: Floats
    badness: float = math.inf
    loss: float = math.inf
    model: int = 0
    epoch: int = 0
    mark: float = math.inf
    waited: int = 0
    history: list[tuple[float, float]] = field(default_factory=list)

    def consider(self, models: SideBySide, badness: Any, loss: Any, epoch: int) -> int:
        """Keep the best model of an epoch if it is better than those before; returns its number."""
        leader = int(np.lexsort((loss, badness))[0])
        mine = (float(badness[leader]), float(loss[leader]))
        if mine < (self.badness, self.loss):
            self.badness, self.loss = mine
            self.model, self.epoch = leader, epoch
            self.weights, self.offset = models.chosen(leader)
        return leader

    def stalled(self, patience: int, tolerance: float) -> bool:
        """Whether too many epochs brought too little."""
        if self.badness < self.mark - tolerance * abs(self.mark) or not math.isfinite(self.mark):
            self.mark, self.waited = self.badness, 0
        else:
            self.waited += 1
        return self.waited >= patience

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint must hold."""
        numbers = [self.badness, self.loss, self.model, self.epoch, self.mark, self.waited]
        history = np.array(self.history, np.float64).reshape(-1, 2)
        return {"best.weights": self.weights, "best.offset": self.offset, "best": np.array(numbers), "history": history}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a checkpoint. Raises ``IntegrityError`` where it is another model's."""
        try:
            if state["best.weights"].shape != self.weights.shape or state["best.offset"].shape != self.offset.shape:
                raise broken("the checkpoint is of another model")
            self.weights, self.offset = state["best.weights"], state["best.offset"]
            self.badness, self.loss, model, epoch, self.mark, waited = map(float, state["best"])
            self.model, self.epoch, self.waited = int(model), int(epoch), int(waited)
            self.history = [(float(a), float(b)) for a, b in state["history"]]
        except (KeyError, ValueError) as error:
            raise broken(f"the checkpoint cannot be used: {error}") from error


def search(models: SideBySide, source: MiniBatches, plan: Plan, context: Context) -> Winner:
    """Train until the epochs are over, nothing gets better, or someone asks to end.

    Raises
    ------
    DataError
        Rows cannot be learnt from, or no model stayed finite.
    """
    winner = Winner(*models.chosen(0))
    state = context.resume()
    if state is not None:
        models.restore(state)
        winner.restore(state)
    done = len(winner.history)
    while done < plan.epochs:
        done += 1
        before, seen = models.t, models.empty()
        for batch in source.epoch(done):
            models.learn(batch, seen)
        while models.world > 1 and models.learn(None, seen):
            pass  # other hosts have rows left
        seen = seen.over(models.reduce)
        judged = _judged(models, plan, seen)
        badness = judged.loss
        if plan.cuts and plan.criterion is not None and judged.counts is not None:
            badness = -plan.criterion.merits(judged.counts).max(axis=1)
            badness[~np.isfinite(judged.loss)] = np.inf
        leader = winner.consider(models, badness, judged.loss, done)
        train, held = float(seen.loss[leader] * plan.unit), float(judged.loss[leader] * plan.unit)
        winner.history.append((train, held if plan.held is not None else math.nan))
        name = models.loss.objective
        told = {f"train:{name}": train} | ({f"validation:{name}": held} if plan.held is not None else {})
        context.epoch(done, steps=models.t - before, records=seen.rows, metrics=told)
        stop = winner.stalled(plan.patience, plan.tolerance) or context.stop_asked()
        if models.reduce({"stop": np.array([int(stop)])})["stop"][0]:  # all hosts end together
            break
        if done < plan.epochs:
            context.checkpoint({**models.state(), **winner.state()})
    if not math.isfinite(winner.loss):
        raise DataError(
            "No model of the grid stayed finite",
            why="Their steps were too long for these rows",
            fix="Set a smaller learning_rate, or normalize_data to true",
        )
    return winner


def _judged(models: SideBySide, plan: Plan, seen: Tally) -> Tally:
    """Measure by held rows; without, by a sample of the training rows if scores are cut, else by what was seen."""
    if plan.held is not None:
        return models.measured(plan.held, plan.criterion, plan.most, plan.classes)
    if plan.cuts:
        return models.measured(plan.sample, plan.criterion, plan.most, plan.classes)
    return seen
