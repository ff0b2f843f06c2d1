"""What every method of vision is beside its hyperparameters: weights, what they begin from, the network they make.

A method adds its declarations, ``fit``, ``predict``, how its network is built, and what else it writes.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from tarragon.algorithms.artifact import opened
from tarragon.algorithms.deep import torch_for
from tarragon.algorithms.protocol import Card
from tarragon.algorithms.vision_artifact import Arrays, read_params
from tarragon.algorithms.vision_training import begin_from, install
from tarragon.algorithms.weights import broken
from tarragon.errors import NotFittedError

MOST_WIDTH = 256
logger = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class VisionModel:
    """A network and its weights.

    Parameters
    ----------
    width : int, default=64
        Channels of the network's first stage; less makes a smaller network than SageMaker's.
    start : mapping of str to ndarray, optional
        Weights of a former model of the same shape to go on from.
    pretrained : mapping of str to ndarray, optional
        Published weights by their names.

    Attributes
    ----------
    weights_ : dict of str to ndarray
    """

    card: ClassVar[Card]
    width: int = field(default=64, repr=False)
    start: Mapping[str, NDArray[Any]] | None = field(default=None, repr=False)
    pretrained: Mapping[str, NDArray[Any]] | None = field(default=None, repr=False)
    weights_: Arrays | None = field(default=None, init=False, repr=False)
    _net: Any = field(default=None, init=False, repr=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Raises ``IntegrityError``."""
        model, facts = opened(folder, cls)
        try:
            model._recall(facts)
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"the facts are spoilt: {error}") from error
        model._restore(read_params(folder / model._file()))
        return model

    def _built(self) -> Any:
        """Build the network, its weights drawn from torch's generator."""
        raise NotImplementedError

    def _file(self) -> str:
        """Name the file of weights."""
        raise NotImplementedError

    def _recall(self, facts: Mapping[str, Any]) -> None:
        """Take back what was sealed beside the hyperparameters.

        Raises
        ------
        KeyError, TypeError, ValueError
        """
        self.width = whole(facts, "width", 1, MOST_WIDTH)

    def _fitted(self, call: str) -> Arrays:
        """Return the weights. Raises ``NotFittedError``."""
        if self.weights_ is None:
            raise NotFittedError(
                f"{self.card.title} is not fitted", why=f"{call} came before fit", fix="Call fit, or load"
            )
        return self.weights_

    def _network(self) -> Any:
        """Return the network that answers; after a fit it is built anew. Raises ``NotFittedError``."""
        weights = self._fitted("predict")
        if self._net is None:
            self._restore(weights)
        return self._net

    def _restore(self, weights: Arrays) -> None:
        torch = torch_for(self.card.title)
        with torch.random.fork_rng():
            net = self._built()
        install(torch, net, weights)
        self._net, self.weights_ = net, weights

    def _begin(self, net: Any, prefix: str = "", without: str = "") -> None:
        """Put in a former model's weights, or published ones after ``prefix``, but those that begin with ``without``.

        Raises
        ------
        IntegrityError
            The former model does not fit.
        """
        torch = torch_for(self.card.title)
        if self.start is not None:
            install(torch, net, self.start)
        elif self.pretrained is not None:
            kept = {n: a for n, a in self.pretrained.items() if not (without and n.startswith(without))}
            self._fit_in(torch, net, kept, prefix)

    def _fit_in(self, torch: Any, net: Any, weights: Mapping[str, NDArray[Any]], prefix: str = "") -> None:
        if not begin_from(torch, net, weights, prefix):
            logger.warning("none of the weights to begin from fits this network of %s", self.card.title.lower())


def whole(facts: Mapping[str, Any], name: str, least: int, most: int) -> int:
    """Read a whole number of sealed facts. Raises ``KeyError``, ``TypeError`` or ``ValueError``.

    Examples
    --------
    >>> whole({"side": 32}, "side", 1, 64)
    32
    """
    value = int(facts[name])
    if not least <= value <= most:
        raise ValueError(f"{name} {value}")
    return value
