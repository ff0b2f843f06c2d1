"""A network's parameters as named views of one vector, with the optimisers that walk along it.

One vector makes a step a handful of operations whatever the number of arrays, the sum over hosts one message, and a
checkpoint three arrays. Needs torch, which its callers hand in.

Source: Kingma & Ba (2015), Adam, arXiv:1412.6980; Polyak (1964) for momentum; Tieleman & Hinton (2012) for RMSProp.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.float32]]
OPTIMISERS = ("adam", "sgd", "rmsprop")


class FlatParameters:
    """Named arrays that share one vector.

    Parameters
    ----------
    torch : module
    arrays : mapping of str to ndarray
        The first values.
    device : str
    """

    def __init__(self, torch: Any, arrays: Arrays, device: str = "cpu") -> None:
        self.torch = torch
        self.shapes = {name: np.shape(array) for name, array in arrays.items()}
        joined = np.concatenate([np.asarray(a, np.float32).ravel() for a in arrays.values()])
        self.vector = torch.from_numpy(joined).to(device)
        self.leaves = {name: view.requires_grad_() for name, view in self._views(self.vector).items()}

    def gradient(self, loss: Any) -> Any:
        """Return the loss's gradient as one vector; parameters it does not depend on have none."""
        leaves = list(self.leaves.values())
        found = self.torch.autograd.grad(loss, leaves, allow_unused=True)
        parts = [
            (leaf.new_zeros(leaf.shape) if g is None else g).reshape(-1) for leaf, g in zip(leaves, found, strict=True)
        ]
        return self.torch.cat(parts)

    def take(self, vector: Any) -> None:
        """Set all parameters."""
        with self.torch.no_grad():
            self.vector.copy_(vector)

    def arrays(self, vector: Any | None = None) -> dict[str, NDArray[np.float32]]:
        """Copy the parameters out, or those another vector of the same layout holds."""
        views = self._views(self.vector if vector is None else vector)
        return {name: np.array(view.detach().cpu().numpy()) for name, view in views.items()}

    def _views(self, vector: Any) -> dict[str, Any]:
        found, at = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape, dtype=np.int64))
            found[name] = vector[at : at + size].view(shape).detach()
            at += size
        return found


class Optimiser:
    """Adam, stochastic gradient descent with momentum, or RMSProp.

    Parameters
    ----------
    parameters : FlatParameters
    kind : {"adam", "sgd", "rmsprop"}
    momentum : float
        Of sgd.
    weight_decay : float
        Added to the gradient as this times the weights.
    """

    def __init__(
        self, parameters: FlatParameters, kind: str = "adam", *, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        self.parameters, self.kind, self.momentum, self.decay = parameters, kind, momentum, weight_decay
        zeros = parameters.torch.zeros_like
        self.first, self.second, self.steps = zeros(parameters.vector), zeros(parameters.vector), 0

    def step(self, gradient: Any, rate: float) -> None:
        """Walk one step."""
        self.steps += 1
        w = self.parameters.vector
        with self.parameters.torch.no_grad():
            if self.decay:
                gradient = gradient + self.decay * w
            if self.kind == "sgd":
                self.first.mul_(self.momentum).add_(gradient)
                w.sub_(self.first, alpha=rate)
                return
            kept = 0.999 if self.kind == "adam" else 0.9
            self.second.mul_(kept).addcmul_(gradient, gradient, value=1 - kept)
            if self.kind == "rmsprop":
                w.addcdiv_(gradient, self.second.sqrt().add_(1e-8), value=-rate)
                return
            self.first.lerp_(gradient, 0.1)
            spread = (self.second / (1 - kept**self.steps)).sqrt_().add_(1e-8)
            w.addcdiv_(self.first, spread, value=-rate / (1 - 0.9**self.steps))

    def state(self) -> dict[str, NDArray[Any]]:
        """Copy out what is needed to go on."""
        own = {"vector": self.parameters.vector, "first": self.first, "second": self.second}
        return {**{k: v.detach().cpu().numpy().copy() for k, v in own.items()}, "steps": np.array(self.steps)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> bool:
        """Take a state back; returns False, and takes nothing, where it is another network's."""
        names = ("vector", "first", "second")
        if "steps" not in state or any(
            n not in state or state[n].shape != tuple(self.first.shape) or state[n].dtype != np.float32 for n in names
        ):
            return False
        take = self.parameters.torch.from_numpy
        self.parameters.take(take(np.array(state["vector"])))
        self.first.copy_(take(np.array(state["first"])))
        self.second.copy_(take(np.array(state["second"])))
        self.steps = int(state["steps"])
        return True


def clipped(gradient: Any, most: float) -> Any:
    """Shorten a gradient to a norm of ``most``; a negative one leaves it."""
    if most < 0:
        return gradient
    return gradient * (most / gradient.norm().clamp_min(most))
