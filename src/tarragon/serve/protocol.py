"""The room's values and seams: what answers (containers, variants, a deployment), what is asked, what comes back."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tarragon.errors import JobError

TIMEOUT_S = 60.0  # SageMaker's for an invocation
FIRST = "container_1"  # what SageMaker calls a model's first container when it has no name


@dataclass(frozen=True, slots=True)
class Container:
    """A model and what serves it.

    Parameters
    ----------
    image : str
        A container image's URI: it says which algorithm or framework.
    model : str
        ``s3://…`` of the model: an archive or an object, or a prefix when not ``packed``; "" for none.
    environment : mapping of str to str
    packed : bool
        Whether ``model`` is a gzipped tar archive.
    several : bool
        Whether ``model`` is a prefix under which each archive is a model of its own, chosen per request.
    name : str
        By which a request may address it.
    """

    image: str
    model: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    packed: bool = True
    several: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the models that share an endpoint's requests.

    Parameters
    ----------
    name : str
    containers : tuple of Container
        Each is given what the one before answered.
    weight : float
        Its share of the requests is this over the sum.
    instances : int
        Workers side by side.
    direct : bool
        Whether each request is for one container instead of all of them in turn.
    """

    name: str
    containers: tuple[Container, ...]
    weight: float = 1.0
    instances: int = 1
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """What an endpoint runs.

    Parameters
    ----------
    config : str
        The name of the configuration it was made from.
    variants : tuple of Variant
    queue : mapping
        Settings of queued invocations: "output", "failure" (``s3://`` prefixes), "concurrency" per instance; empty
        when the endpoint answers at once.
    """

    config: str
    variants: tuple[Variant, ...]
    queue: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Invocation:
    """A request to a model.

    Parameters
    ----------
    body : bytes
    content_type, accept : str
    custom_attributes : str
        Passed through to the model and back.
    target_variant, target_model, target_container : str
        "" leaves the choice to the endpoint.
    inference_id : str
    timeout_s : float
    """

    body: bytes
    content_type: str = "application/octet-stream"
    accept: str = "*/*"
    custom_attributes: str = ""
    target_variant: str = ""
    target_model: str = ""
    target_container: str = ""
    inference_id: str = ""
    timeout_s: float = TIMEOUT_S


@dataclass(slots=True)
class Reply:
    """A model's answer.

    Parameters
    ----------
    body : bytes
    content_type : str
    status : int
        As HTTP has it; 200 for an answer, anything else for a failure whose message is the body.
    variant : str
        Who answered.
    custom_attributes : str
    container : str
        Which container failed.
    pieces : async iterator of bytes, optional
        The body, when it was asked for piece by piece.
    """

    body: bytes
    content_type: str = "application/octet-stream"
    status: int = 200
    variant: str = ""
    custom_attributes: str = ""
    container: str = ""
    pieces: AsyncIterator[bytes] | None = None


class Answerer(Protocol):
    """A loaded model, in the process that runs it."""

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one request: the body and its content type. Raises ``RefusalError`` for what it cannot take."""


class RefusalError(JobError):
    """A model cannot take or answer a request.

    Parameters
    ----------
    status : int
        400, 406, 415 or 500, as a container answers over HTTP.
    message : str
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Endings(Protocol):
    """A worker process, from outside."""

    def done(self) -> bool:
        """Whether it has ended."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """Starts worker processes."""

    def launch(self, argument: Mapping[str, object], folder: Path) -> Endings:
        """Start ``tarragon.serve.host:run`` with an argument; its output goes to files in the folder."""
