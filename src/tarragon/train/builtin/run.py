"""From a training job to the algorithm it names: its channels, a listener, and the folder the model goes to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
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
    fit: each is given its own rows and calls ``teller.reduce``; without it the first host trains on all of them, and
    so it does where ``alone(hyperparameters)`` says that these need it.
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


def taken(algorithm: str) -> tuple[str, ...]:
    """List the hyperparameters that a recipe takes of its algorithm's (``WIRES``); none where it takes them all."""
    return tuple(getattr(_recipe(algorithm), "WIRES", ()))


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


def shares(algorithm: str, recipe: Recipe | None = None, hyperparameters: Mapping[str, str] | None = None) -> bool:
    """Whether the hosts of a job share the fit, each on what it was given. Raises ``ParameterError``."""
    found = recipe or known(algorithm)
    alone = getattr(found, "alone", None)
    return bool(getattr(found, "SHARED", False)) and not (alone is not None and alone(hyperparameters or {}))


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
    watched = {pattern.name for pattern in spec.patterns}  # the job looks for these itself
    patterns = compiled(tuple(pair for pair in recipe.METRICS if pair[0] not in watched))
    world = spec.instances if shares(algorithm, recipe, spec.hyperparameters) else 1

    def first(peers: Peers | None) -> None:
        teller = Teller(job, patterns, _checkpoints(spec, root), world=world, peers=peers)
        (root / "model").mkdir(exist_ok=True)
        recipe.train(_order(spec, root, root / "model", teller))

    shared(world, first, Other(algorithm, spec, root))


@dataclass(frozen=True, slots=True)
class Other:
    """What a host after the first does in a shared fit: its rows, its part of every sum, and no model of its own."""

    algorithm: str
    spec: TrainingSpec
    root: Path

    def __call__(self, rank: int, peers: Peers) -> None:
        """Train as one of the hosts."""
        own = _root(self.root, rank)
        teller = Teller(
            Silent(), (), _checkpoints(self.spec, self.root), rank=rank, world=self.spec.instances, peers=peers
        )
        unused = own / "unused"
        unused.mkdir(exist_ok=True)
        known(self.algorithm).train(_order(self.spec, own, unused, teller))


def _order(spec: TrainingSpec, root: Path, folder: Path, teller: Teller) -> Order:
    shares = spec.instances if teller.world == 1 else 1
    channels = {source.name: _channel(source, root, shares) for source in spec.sources}
    meant = built_in(spec)
    return Order(spec.hyperparameters, channels, folder, teller, meant.model_id if meant else "")


def _checkpoints(spec: TrainingSpec, root: Path) -> Path | None:
    """Find the folder of checkpoints, which every host reads and the first one writes."""
    place = (spec.checkpoint_path or CHECKPOINTS).removeprefix("/opt/ml/")
    return root / place if not place.startswith("/") and ".." not in Path(place).parts else None


def _root(first: Path, rank: int) -> Path:
    """Find a host's ``/opt/ml``: they lie side by side, each in a folder of the host's name."""
    return first.parents[1] / f"algo-{rank + 1}" / first.name if rank else first


def _channel(source: Source, root: Path, instances: int) -> Channel:
    """Find a channel's files: a pipe where there is one; the shares of all hosts where one host has all."""
    pipe = f"{source.name}_0"
    name = pipe if source.mode == "Pipe" and (root / "input" / "data" / pipe).exists() else source.name
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
