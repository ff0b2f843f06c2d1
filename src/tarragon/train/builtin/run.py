"""From a training job to the algorithm it names: its channels, a listener, and the folder the model goes to."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tarragon.algorithms import cards
from tarragon.errors import ParameterError, near_miss
from tarragon.train.builtin import knn, linear_learner, xgboost
from tarragon.train.builtin.teller import Channel, Listener, Order, Teller
from tarragon.train.protocol import Source, TrainingSpec

CHECKPOINTS = "/opt/ml/checkpoints"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one container trains, and the metrics it is known to print."""

    train: Callable[[Order], None]
    metrics: tuple[tuple[str, str], ...]


RECIPES: Mapping[str, Recipe] = {
    "xgboost": Recipe(xgboost.train, xgboost.METRICS),
    "linear-learner": Recipe(linear_learner.train, linear_learner.METRICS),
    "knn": Recipe(knn.train, knn.METRICS),
}


def names() -> tuple[str, ...]:
    """List the built-in algorithms that can be trained by a job."""
    return tuple(RECIPES)


def default_metrics(algorithm: str) -> tuple[tuple[str, str], ...]:
    """Return the (name, regex) pairs SageMaker watches a built-in algorithm's log with; none for others."""
    recipe = RECIPES.get(algorithm)
    return recipe.metrics if recipe else ()


def learn(
    algorithm: str, hyperparameters: Mapping[str, str], channels: Mapping[str, Channel], folder: Path, teller: Teller
) -> None:
    """Train a built-in algorithm and save its model, as its container would.

    Parameters
    ----------
    algorithm : str
        The catalogue's name.
    hyperparameters : mapping of str to str
        By SageMaker's names.
    channels : mapping of str to Channel
    folder : Path
        Empty; becomes model.tar.gz.
    teller : Teller

    Raises
    ------
    ParameterError
        A hyperparameter is unknown, missing or out of range, or the algorithm is not one of these.
    DataError
        A channel is missing or cannot be read.
    """
    recipe = RECIPES.get(algorithm)
    if recipe is None:
        raise ParameterError(
            f"The algorithm {algorithm} does not train from a job",
            why="It has no recipe",
            fix=near_miss(algorithm, RECIPES),
        )
    recipe.train(Order(hyperparameters, channels, folder, teller))


def fit(algorithm: str, spec: TrainingSpec, root: Path, job: Listener) -> None:
    """Train what a job asks for, in its ``/opt/ml``. Raises as :func:`learn` does."""
    channels = {source.name: _channel(source, root, spec.instances) for source in spec.sources}
    taken = {pattern.name for pattern in spec.patterns}  # the job looks for these itself
    patterns = compiled(tuple(pair for pair in default_metrics(algorithm) if pair[0] not in taken))
    place = (spec.checkpoint_path or CHECKPOINTS).removeprefix("/opt/ml/")
    checkpoints = root / place if not place.startswith("/") and ".." not in Path(place).parts else None
    learn(algorithm, spec.hyperparameters, channels, root / "model", Teller(job, patterns, checkpoints))


def _channel(source: Source, root: Path, instances: int) -> Channel:
    """Find a channel's files: a pipe in Pipe mode; the shares of all hosts (``algo-2/ml`` …) where it is sharded."""
    name = f"{source.name}_0" if source.mode == "Pipe" else source.name
    hosts = range(2, instances + 1) if source.sharded else range(0)
    others = tuple(root.parents[1] / f"algo-{n}" / root.name / "input" / "data" / name for n in hosts)
    return Channel(root / "input" / "data" / name, source.content_type, others)


@lru_cache(maxsize=64)
def compiled(metrics: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Compile the patterns of metrics, once a process."""
    return tuple((name, re.compile(regex)) for name, regex in metrics)


def _warm() -> None:
    """Read the catalogue and compile the patterns where jobs are forked from, instead of in each of them."""
    cards()
    for recipe in RECIPES.values():
        compiled(recipe.metrics)


_warm()
