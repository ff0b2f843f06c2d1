"""How vision networks are stepped: optimisers by name, learning rates over the epochs, when to stop early.

Source: Sutskever et al. (2013), ICML (momentum, Nesterov's); Kingma & Ba (2015), ICLR (Adam); Tieleman & Hinton (2012),
        lecture 6.5 (RMSProp); Duchi, Hazan & Singer (2011), JMLR 12 (Adagrad); Zeiler (2012), arXiv:1212.5701
        (Adadelta). Weight decay is on matrices and kernels only, not on biases and normalisations, as in MXNet.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tarragon.errors import ParameterError

Rate = Callable[[float], float]
"""Epochs done, with fractions -> learning rate."""
POWER = 0.9  # of the polynomial decay: DeepLab, §4.1


@dataclass(frozen=True, slots=True)
class Stepping:
    """An optimiser, and what it is told.

    Parameters
    ----------
    name : {"sgd", "nag", "nesterov", "adam", "rmsprop", "adagrad", "adadelta"}
    learning_rate, momentum, weight_decay : float
    betas : (float, float)
        Of Adam.
    decay : float
        Of the running mean of squares: gamma of RMSProp, rho of Adadelta.
    epsilon : float
    begin : float
        Where Adagrad's sums of squares begin.
    """

    name: str
    learning_rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    decay: float = 0.9
    epsilon: float = 1e-8
    begin: float = 0.0

    def optimiser(self, net: Any) -> Any:
        """Make torch's optimiser of a network's weights that are to be learnt.

        On a processor it is torch's fused one where there is one: a pass over the weights instead of one an operation.
        """
        from torch import optim

        learnt = [w for w in net.parameters() if w.requires_grad]
        groups = [
            {"params": [w for w in learnt if w.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [w for w in learnt if w.ndim <= 1], "weight_decay": 0.0},
        ]
        rate, epsilon = self.learning_rate, max(self.epsilon, 1e-12)
        fused = True if learnt and all(w.device.type == "cpu" for w in learnt) else None
        if self.name in ("nag", "nesterov") and self.momentum > 0:
            return optim.SGD(groups, lr=rate, momentum=self.momentum, nesterov=True, fused=fused)
        if self.name in ("sgd", "nag", "nesterov"):
            return optim.SGD(groups, lr=rate, momentum=self.momentum, fused=fused)
        if self.name == "adam":
            return optim.Adam(groups, lr=rate, betas=self.betas, eps=epsilon, fused=fused)
        if self.name == "rmsprop":
            return optim.RMSprop(groups, lr=rate, alpha=self.decay, eps=epsilon, momentum=self.momentum)
        if self.name == "adagrad":
            return optim.Adagrad(groups, lr=rate, eps=epsilon, initial_accumulator_value=self.begin, fused=fused)
        return optim.Adadelta(groups, lr=rate, rho=self.decay, eps=epsilon)


def listed(text: str | None) -> tuple[int, ...]:
    """Read a list of epochs, "10,20". Raises ``ParameterError``."""
    try:
        return tuple(sorted(int(part) for part in (text or "").strip("[] ").split(",") if part.strip()))
    except ValueError as error:
        raise ParameterError(
            f"lr_scheduler_step={text!r} is not allowed", why="It is no list of epochs", fix='Write "10,20"'
        ) from error


def stepped(rate: float, factor: float, steps: Sequence[int]) -> Rate:
    """Multiply the rate by ``factor`` at each of the epochs.

    Examples
    --------
    >>> [stepped(1.0, 0.5, (1, 2))(t) for t in (0.9, 1.0, 2.5)]
    [1.0, 0.5, 0.25]
    """
    return lambda done: rate * factor ** sum(done >= step for step in steps)


def polynomial(rate: float, epochs: int) -> Rate:
    """Fall to 0 as (1 - t/T)^0.9."""
    return lambda done: rate * max(0.0, 1.0 - done / epochs) ** POWER


def cosine(rate: float, epochs: int) -> Rate:
    """Fall to 0 along half a cosine."""
    return lambda done: rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done / epochs)))


@dataclass(frozen=True, slots=True)
class Patience:
    """When to end because the score no longer grows.

    Parameters
    ----------
    least : int
        Epochs that are done in any case.
    wait : int
        Epochs without improvement before the end.
    tolerance : float
        What counts as an improvement: a share of the best score so far, or a difference.
    relative : bool
    """

    least: int
    wait: int
    tolerance: float
    relative: bool = True

    def better(self, score: float, best: float) -> bool:
        """Whether a score improves upon the best so far (greater is better).

        Examples
        --------
        >>> Patience(1, 1, 0.1).better(0.54, 0.5), Patience(1, 1, 0.1).better(0.56, 0.5)
        (False, True)
        """
        if best == -math.inf:
            return True
        return score > best + (self.tolerance * abs(best) if self.relative else self.tolerance)


def patience(model: Any) -> Patience | None:
    """Take early stopping from SageMaker's hyperparameters: the tolerance is a share."""
    if not model.early_stopping:
        return None
    return Patience(model.early_stopping_min_epochs, model.early_stopping_patience, model.early_stopping_tolerance)
