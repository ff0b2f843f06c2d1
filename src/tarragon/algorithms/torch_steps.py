"""What networks trained by mini-batches share: torch when it is there, its threads, optimisers by SageMaker's names.

AdaDelta is MXNet's: its own steps are its learning rate, ρ = 0.9 and ε = 1e-5, so that a learning rate given beside it
has no effect (Zeiler 2012, arXiv:1212.5701). Weight decay is added to the gradient, as there.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.protocol import Context

OPTIMISERS = ("adadelta", "adagrad", "adam", "rmsprop", "sgd")


def optimiser(torch: Any, weights: Iterable[Any], name: str, rate: float, decay: float) -> Any:
    """Make an optimiser of torch by SageMaker's name for it."""
    made, given = {
        "adadelta": (torch.optim.Adadelta, {"lr": 1.0, "rho": 0.9, "eps": 1e-5}),
        "adagrad": (torch.optim.Adagrad, {"lr": rate, "eps": 1e-7}),
        "adam": (torch.optim.Adam, {"lr": rate}),
        "rmsprop": (torch.optim.RMSprop, {"lr": rate, "alpha": 0.9, "eps": 1e-8}),
        "sgd": (torch.optim.SGD, {"lr": rate}),
    }[name]
    return made(list(weights), weight_decay=decay, **given)


def averaged(context: Context, weights: Mapping[str, Any], count: int) -> int:
    """Put the mean gradient over all hosts in the place of this one's, each host weighing as many rows as it had.

    Parameters
    ----------
    context : Context
    weights : mapping of str to tensor
        With gradients of the mean loss over this host's rows; None where it had none.
    count : int
        Rows of this host.

    Returns
    -------
    int
        Rows of all hosts.
    """
    if context.world == 1:
        return count
    mine: dict[str, NDArray[Any]] = {"count": np.array([float(count)])}
    for name, weight in weights.items():
        there = count and weight.grad is not None
        mine[name] = weight.grad.cpu().numpy() * count if there else np.zeros(tuple(weight.shape), np.float32)
    total = context.reduce(mine)
    rows = round(float(total["count"][0]))
    if rows:
        for name, weight in weights.items():
            mean = (np.asarray(total[name]) / rows).astype(np.float32)
            weight.grad = weight.new_tensor(mean)
    return rows


def agreed(context: Context, numbers: Mapping[str, float]) -> dict[str, float]:
    """Add numbers over all hosts, so that all of them decide alike."""
    if context.world == 1:
        return dict(numbers)
    total = context.reduce({name: np.array([value], np.float64) for name, value in numbers.items()})
    return {name: float(array[0]) for name, array in total.items()}
