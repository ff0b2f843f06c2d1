"""From a training job to the algorithm it names: its channels, a listener, and the folder the model goes to."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from tarragon.algorithms import cards
from tarragon.algorithms import names as catalogue_names
from tarragon.errors import ParameterError, near_miss
from tarragon.train.builtin.peers import Peers, shared
from tarragon.train.builtin.teller import Channel, Listener, Order, Silent, Teller
from tarragon.train.dialect import built_in
from tarragon.train.protocol import Source, TrainingSpec

CHECKPOINTS = "/opt/ml/checkpoints"


class Recipe(Protocol):
    """How one container trains: a module of this package that bears the algorithm's name.

    ``METRICS`` are the (name, regex) pairs its log is known to hold. ``SHARED`` is True where several hosts share a
    fit: each is given its own rows and calls ``teller.reduce``; without it the first host trains on all of them.
    """

    METRICS: tuple[tuple[str, str], ...]

    def train(self, order: Order) -> None:
        """Train and save."""


@cache
def _recipe(name: str) -> Recipe | None:
    """Find an algorithm's recipe; None where the name is no algorithm's, or it trains from no job."""
    if name not in catalogue_names():
        return None
    module = f"{__package__}.{name.replace('-', '_')}"
    return import_module(module) if find_spec(module) else None


@cache
def names() -> tuple[str, ...]:
    """List the built-in algorithms that can be trained by a job."""
    return tuple(name for name in catalogue_names() if find_spec(f"{__package__}.{name.replace('-', '_')}"))


def default_metrics(algorithm: str) -> tuple[tuple[str, str], ...]:
    """Return the (name, regex) pairs SageMaker watches a built-in algorithm's log with; none for others."""
    recipe = _recipe(algorithm)
    return recipe.METRICS if recipe else ()


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
    known(algorithm).train(Order(hyperparameters, channels, folder, teller))


def known(algorithm: str) -> Recipe:
    """Return an algorithm's recipe. Raises ``ParameterError`` where there is none."""
    recipe = _recipe(algorithm)
    if recipe is None:
        raise ParameterError(
            f"The algorithm {algorithm} does not train from a job",
            why="It has no recipe",
            fix=near_miss(algorithm, names()),
        )
    return recipe


def fit(algorithm: str, spec: TrainingSpec, root: Path, job: Listener, recipe: Recipe | None = None) -> None:
    """Train what a job asks for, in its ``/opt/ml``; several hosts share it where the recipe can.

    Parameters
    ----------
    algorithm : str
        The catalogue's name.
    spec : TrainingSpec
    root : Path
        The first host's ``/opt/ml``.
    job : Listener
    recipe : Recipe, optional
        Of a room above; left out, the algorithm's own.

    Raises as :func:`learn` does, and ``JobError`` when another host failed.
    """
    recipe = recipe or known(algorithm)
    meant = built_in(spec)
    model_id = meant.model_id if meant else ""
    taken = {pattern.name for pattern in spec.patterns}  # the job looks for these itself
    patterns = compiled(tuple(pair for pair in recipe.METRICS if pair[0] not in taken))
    place = (spec.checkpoint_path or CHECKPOINTS).removeprefix("/opt/ml/")
    checkpoints = root / place if not place.startswith("/") and ".." not in Path(place).parts else None
    world = spec.instances if getattr(recipe, "SHARED", False) else 1

    def work(rank: int, peers: Peers | None) -> None:
        own = _root(root, rank)
        channels = {source.name: _channel(source, own, spec.instances if world == 1 else 1) for source in spec.sources}
        teller = Teller(
            Silent(job) if rank else job, () if rank else patterns, checkpoints, rank=rank, world=world, peers=peers
        )
        target = own / ("unused" if rank else "model")  # the hosts that share a fit end with one model
        target.mkdir(exist_ok=True)
        recipe.train(Order(spec.hyperparameters, channels, target, teller, model_id))

    shared(world, work)


def _root(first: Path, rank: int) -> Path:
    """Find a host's ``/opt/ml``: they lie side by side, each in a folder of the host's name."""
    return first.parents[1] / f"algo-{rank + 1}" / first.name if rank else first


def _channel(source: Source, root: Path, instances: int) -> Channel:
    """Find a channel's files: a pipe in Pipe mode; the shares of all hosts (``algo-2/ml`` …) where one host has all."""
    name = f"{source.name}_0" if source.mode == "Pipe" else source.name
    hosts = range(2, instances + 1) if source.sharded else range(0)
    others = tuple(root.parents[1] / f"algo-{n}" / root.name / "input" / "data" / name for n in hosts)
    return Channel(root / "input" / "data" / name, source.content_type, others, source.sharded)


@lru_cache(maxsize=64)
def compiled(metrics: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Compile the patterns of metrics, once a process."""
    return tuple((name, re.compile(regex)) for name, regex in metrics)


def _warm() -> None:
    """Read the catalogue and compile the patterns where jobs are forked from, instead of in each of them."""
    cards()
    for name in names():
        compiled(default_metrics(name))


_warm()
