"""Between a target as handed in and the numbers a method works with: standardised values, or classes seen."""

from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tarragon.algorithms.weights import broken
from tarragon.data import Prediction, Tabular

Dense: TypeAlias = NDArray[np.float64]
TINY = 1e-12  # a target that varies by less than this share of its size is constant but for rounding


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What is predicted.

    Parameters
    ----------
    n_classes : int
        0 for regression.
    classes : ndarray of int64
        The codes seen in training, ascending; empty for regression.
    offset, unit : float
        Mean and standard deviation of a value.
    rare : float
        Probability of each class that training rows did not have: half a row in all of them.
    """

    n_classes: int
    classes: NDArray[np.int64]
    offset: float
    unit: float
    rare: float

    @classmethod
    def learn(cls, data: Tabular) -> "Target":
        """Read units or classes off training rows."""
        y = data.y
        assert y is not None
        if data.n_classes == 0:
            mean = float(np.average(y, weights=data.weight))
            spread = float(np.sqrt(np.average((y - mean) ** 2, weights=data.weight)))
            return cls(
                0, np.zeros(0, dtype=np.int64), mean, spread if spread > TINY * max(1.0, abs(mean)) else 1.0, 0.0
            )
        return cls(data.n_classes, np.unique(y).astype(np.int64), 0.0, 1.0, 0.5 / (data.n_rows + 1.0))

    @property
    def outputs(self) -> int:
        """Scores per row: 1 for a value and for up to two classes, else one per class seen."""
        return 1 if len(self.classes) <= 2 else len(self.classes)

    def facts(self) -> dict[str, object]:
        """Return JSON values for :meth:`read`."""
        return {**asdict(self), "classes": self.classes.tolist()}

    @classmethod
    def read(cls, facts: dict[str, Any]) -> "Target":
        """Make what :meth:`facts` described. Raises ``IntegrityError``."""
        try:
            classes = np.array([int(c) for c in facts["classes"]], dtype=np.int64)
            made = cls(int(facts["n_classes"]), classes, *(float(facts[k]) for k in ("offset", "unit", "rare")))
        except (KeyError, TypeError, ValueError) as error:
            raise broken(f"the target: {error}") from error
        inside = len(classes) > 0 and classes[0] >= 0 and classes[-1] < made.n_classes and (np.diff(classes) > 0).all()
        if not (inside if made.n_classes else len(classes) == 0):
            raise broken("the classes are not ascending codes")
        return made

    def code(self, y: Dense) -> Dense:
        """(n,) -> (n,): standardised values, or positions in ``classes`` (-1 for a class never seen)."""
        if self.n_classes == 0:
            return (y - self.offset) / self.unit
        table = np.full(self.n_classes, -1.0)
        table[self.classes] = np.arange(len(self.classes))
        return table[y.astype(np.int64)]

    def values(self, scores: Dense) -> Prediction:
        """(n,) standardised values -> ``{"score": (n,)}``."""
        return {"score": scores * self.unit + self.offset}

    def answer(self, scores: Dense) -> Prediction:
        """(n, outputs) standardised values or logits -> the named array."""
        if self.n_classes == 0:
            return self.values(scores[:, 0])
        logits = np.column_stack([np.zeros(len(scores)), scores[:, 0]]) if len(self.classes) == 2 else scores
        top = np.exp(logits - logits.max(axis=1, keepdims=True))
        return self.probabilities(top / top.sum(axis=1, keepdims=True))

    def probabilities(self, p: Dense) -> Prediction:
        """(n, classes seen) probabilities -> ``{"probability": (n, n_classes)}``."""
        full = np.full((len(p), self.n_classes), self.rare)
        full[:, self.classes] = p * (1.0 - self.rare * (self.n_classes - len(self.classes)))
        return {"probability": full}


def shares(data: Tabular) -> Dense:
    """(n,) weights that sum to 1."""
    weight = np.ones(data.n_rows) if data.weight is None else data.weight
    return np.asarray(weight / weight.sum(), dtype=np.float64)
