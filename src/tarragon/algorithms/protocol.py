"""What an algorithm is: declared hyperparameters, ``fit``, ``predict``, ``save``, ``load``.

An algorithm knows arrays and what it was handed; never files of data, jobs, clocks or networks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tarragon.data import Data, Prediction

View = Literal["codes", "onehot", "dense"]
"""How tables reach an algorithm (see ``tarragon.data.Encoder``).

codes   dense float32, NaN missing, categories as integer codes named in ``Tabular.categorical``
onehot  imputed, standardised, one column per level, TF-IDF of text; sparse when wide
dense   imputed, standardised, one-hot of frequent levels, text as a few latent components; always dense
"""
Value = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Card:
    """What a reader must know before choosing an algorithm.

    Parameters
    ----------
    name : str
        The catalogue name, as in the entry point.
    title : str
    tasks : frozenset of str
        Of "binary", "multiclass", "regression" (and later "clustering", "forecast", …).
    accepts : str
        What it learns from: "tabular" or "batches" of an encoded table, or "table": raw columns, a `Table`.
    view : {"codes", "onehot", "dense"}
    use, avoid : str
        When to choose it, when not: one sentence each.
    interpretability : {"high", "medium", "low"}
        "high" means the model can be read as a whole: a glass box.
    growth : str
        How time and memory grow.
    source : str
        The paper or book, with a DOI where there is one.
    images : tuple of str
        SageMaker image repository names that mean this algorithm.
    channels, content_types, metrics, answer : tuple of str
        Wire facts: channel names, content types, metric names, fields of an answer.
    extra : str
        The optional extra that must be installed, or "".
    library : str
        A module that is slow to load and needed to fit, so that workers can load it once; "" for none.
    """

    name: str
    title: str
    tasks: frozenset[str]
    view: View
    use: str
    avoid: str
    interpretability: Literal["high", "medium", "low"]
    growth: str
    source: str
    accepts: str = "tabular"
    images: tuple[str, ...] = ()
    channels: tuple[str, ...] = ("train", "validation")
    content_types: tuple[str, ...] = ("text/csv",)
    metrics: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    extra: str = ""
    library: str = ""


@runtime_checkable
class Context(Protocol):
    """All an algorithm may know of the world. The engine, a test or a notebook each hand it their own."""

    seed: int
    threads: int
    device: str
    rank: int
    world: int

    def epoch(self, n: int, *, steps: int, records: int, metrics: Mapping[str, float]) -> None:
        """Report that pass or boosting round ``n`` (from 1) is done, after ``steps`` updates on ``records`` rows."""

    def stop_asked(self) -> bool:
        """Whether to end now with the best so far; asked at least once per epoch."""

    def checkpoint(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Keep enough to go on from here."""

    def resume(self) -> Mapping[str, NDArray[Any]] | None:
        """Return the last checkpoint's state, or None."""

    def reduce(self, arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Return the sum of each array over all workers; the identity for one worker."""


@dataclass(slots=True)
class Standalone:
    """A context for tests and notebooks: no job, no deadline, epochs kept in a list."""

    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    rank: int = 0
    world: int = 1
    epochs: list[dict[str, float]] = field(default_factory=list)

    def epoch(self, n: int, *, steps: int, records: int, metrics: Mapping[str, float]) -> None:
        """Keep the line."""
        self.epochs.append({"epoch": n, "steps": steps, "records": records, **metrics})

    def stop_asked(self) -> bool:
        """Never."""
        return False

    def checkpoint(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Forget it."""

    def resume(self) -> Mapping[str, NDArray[Any]] | None:
        """Return None: nothing to go on from."""
        return None

    def reduce(self, arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Return what was given."""
        return {name: np.asarray(a) for name, a in arrays.items()}


@runtime_checkable
class Algorithm(Protocol):
    """A published method. A dataclass whose annotated fields are its hyperparameters."""

    card: ClassVar[Card]

    def fit(self, data: Data, *, valid: Data | None = None, context: Context = ...) -> Self:
        """Learn from ``data``; ``valid`` is for early stopping only. Returns self."""

    def predict(self, data: Data) -> Prediction:
        """Answer ``{"score": (n,)}`` for regression, ``{"probability": (n, K)}`` for classification."""

    def save(self, folder: Path) -> None:
        """Write the model in safe formats, under SageMaker's artifact names. The folder exists and is empty."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what ``save`` wrote. Runs no code from the files. Raises ``IntegrityError``."""
