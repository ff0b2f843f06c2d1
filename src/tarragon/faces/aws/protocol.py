"""The face's values and seams: a call, an answer, an error in AWS's words, and how an operation is declared.

A resource family is one file. It makes an :class:`Operations` and declares its operations with it::

    operations = Operations("sagemaker")

    @operations.answer
    def describe_experiment(call: Call) -> Answer:
        ...

The function's name is the operation's in botocore's spelling (``describe_experiment`` answers ``DescribeExperiment``).
What it is given has been authenticated, parsed and validated against botocore's service model; what it returns is
serialised by the same model. Timestamps are seconds since 1970 as ``float`` on the way in, and ``float`` or aware
``datetime`` on the way out; blobs are ``bytes``; members with no value are left out.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tarragon.faces.aws.server import Server
    from tarragon.faces.aws.wire.chunked import Body

Answer: TypeAlias = Mapping[str, Any] | None
"""An operation's output, in the wire's spelling; None where the model has no output."""
Function: TypeAlias = "Callable[[Call], Answer | Awaitable[Answer]]"


@dataclass(slots=True)
class Call:
    """One request, understood.

    Parameters
    ----------
    service : str
        botocore's name: "sagemaker", "sagemaker-runtime", "s3".
    operation : str
        "CreateTrainingJob".
    params : mapping
        The input, as the service model names it. A streaming blob (S3's Body) is not here but in ``body``.
    region : str
    server : Server
    headers : mapping of str to str
        Lower-case names.
    request_id : str
    body : Body, optional
        The streaming blob as an async iterator of bytes, decoded from ``aws-chunked``; it raises ``AwsError`` when a
        signature or checksum is wrong, so what is read counts only once the iterator has ended by itself. Its
        ``checksums`` are known then.
    principal : str
        The access key's id.
    """

    service: str
    operation: str
    params: Mapping[str, Any]
    region: str
    server: "Server"
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    body: "Body | None" = None
    principal: str = ""

    @property
    def account(self) -> str:
        """Twelve digits."""
        return self.server.account

    def arn(self, kind: str, name: str, service: str = "sagemaker") -> str:
        """Write a resource's ARN: ``arn:aws:sagemaker:<region>:<account>:<kind>/<name>``."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{kind}/{name}"


@dataclass(slots=True)
class Streamed:
    """A body to send piece by piece, as the value of an output's streaming member.

    Parameters
    ----------
    chunks : async iterator of bytes
    length : int, optional
        Bytes in all, for Content-Length; None sends it chunked.
    """

    chunks: AsyncIterator[bytes]
    length: int | None = None


class Operations:
    """The operations that one file answers.

    Parameters
    ----------
    service : str
        botocore's name of the service.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.functions: dict[str, Function] = {}

    def answer(self, function: Function) -> Function:
        """Declare an operation; used as a decorator. A plain function runs in a thread, ``async def`` in the loop."""
        self.functions[getattr(function, "__name__", "")] = function
        return function
