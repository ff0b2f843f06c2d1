"""The room's values: what a training job and a processing job are asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Source:
    """A named input of a training job.

    Parameters
    ----------
    name : str
        "train", "validation", "model", "code" …
    uri : str
        An object's, or what objects' URIs begin with.
    kind : {"prefix", "manifest", "augmented"}
        What ``uri`` names: objects; a list of them; JSON Lines whose ``attributes`` are the records.
    attributes : tuple of str
    sharded : bool
        Each host gets its share of the objects instead of all.
    content_type : str
    gzip : bool
        The objects are compressed.
    mode : {"File", "FastFile", "Pipe"}
    recordio : bool
        Wrap each object as one record (pipes only).
    shuffle_seed : int, optional
    hosts : tuple of str
        Instance groups that get it; all, when there are none.
    """

    name: str
    uri: str
    kind: Literal["prefix", "manifest", "augmented"] = "prefix"
    attributes: tuple[str, ...] = ()
    sharded: bool = False
    content_type: str = ""
    gzip: bool = False
    mode: Literal["File", "FastFile", "Pipe"] = "File"
    recordio: bool = False
    shuffle_seed: int | None = None
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A metric to be found in what a job prints: the first group of every match is a value."""

    name: str
    regex: str


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """A training job.

    Parameters
    ----------
    arn, region : str
    image : str
        Its URI; see :mod:`tarragon.train.image`.
    hyperparameters : mapping of str to str
    sources : tuple of Source
    output_uri : str
        ``<output_uri>/<job>/output/model.tar.gz`` is the model.
    packed : bool
        False stores the model's files one by one under ``…/output/model/``.
    instances : int
        Hosts, each a process of its own with its rank.
    instance_type : str
    max_runtime_s : float
    environment : mapping of str to str
    entrypoint, arguments : tuple of str
        What to run instead of the image's own command.
    patterns : tuple of Pattern
    checkpoint_uri, checkpoint_path : str
        Kept in step with each other while the job runs; "" for none.
    groups : tuple of (str, str, int)
        Name, instance type and size of each instance group; none for a cluster of equals.
    documents : mapping
        Further files of ``/opt/ml/input/config``, by name without ".json".
    """

    arn: str
    region: str
    image: str
    hyperparameters: Mapping[str, str]
    sources: tuple[Source, ...]
    output_uri: str
    packed: bool = True
    instances: int = 1
    instance_type: str = "ml.m5.large"
    max_runtime_s: float = 86_400
    environment: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    checkpoint_uri: str = ""
    checkpoint_path: str = ""
    groups: tuple[tuple[str, str, int], ...] = ()
    documents: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """An input of a processing job: objects, and the folder they go to."""

    name: str
    uri: str
    path: str
    kind: Literal["prefix", "manifest"] = "prefix"
    sharded: bool = False
    gzip: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output of a processing job: a folder, and where its files go; ``continuous`` while it still runs."""

    name: str
    uri: str
    path: str
    continuous: bool = False


@dataclass(frozen=True, slots=True)
class ProcessingSpec:
    """A processing job.

    Parameters
    ----------
    arn, region, image : str
    entrypoint, arguments : tuple of str
    inputs : tuple of Given
    outputs : tuple of Wanted
    instances : int
    instance_type : str
    max_runtime_s : float
    environment : mapping of str to str
    document : mapping
        What the job finds as ``/opt/ml/config/processingjobconfig.json``.
    """

    arn: str
    region: str
    image: str
    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...]
    inputs: tuple[Given, ...]
    outputs: tuple[Wanted, ...]
    instances: int = 1
    instance_type: str = "ml.m5.large"
    max_runtime_s: float = 86_400
    environment: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, object] = field(default_factory=dict)
