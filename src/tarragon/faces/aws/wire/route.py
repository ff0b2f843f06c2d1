"""Which service, protocol and operation a request means: every service answers on one address.

In this order: the CBOR protocol's path, the ``X-Amz-Target`` header, the service a signature names, S3 by path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.wire.model import match, operation_model, service_model

TARGETED = ("sagemaker", "logs", "cloudwatch", "kms")  # services whose requests carry a target
SIGNED: Mapping[str, str] = {"monitoring": "cloudwatch"}  # signing names that are not the service's
FORMS = ("sts", "iam", "cloudwatch")  # the query protocol
CBOR = "smithy-rpc-v2-cbor"


@dataclass(slots=True)
class Incoming:
    """A request's head.

    Parameters
    ----------
    method : str
    path : str
        Percent-encoded, as it was received.
    query : str
    headers : sequence of (str, str)
        Names in lower case.
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]

    def header(self, name: str) -> str:
        """Return the first value of a header; "" when there is none."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(slots=True)
class Route:
    """Where a request goes.

    Parameters
    ----------
    service : str
        botocore's name.
    protocol : str
    operation : str
        "" for a form, whose body names it.
    labels : mapping of str to str
        Members in the path.
    bucket : str
        The bucket, when the host's name holds it.
    """

    service: str
    protocol: str
    operation: str
    labels: Mapping[str, str]
    bucket: str = ""


def signing_name(incoming: Incoming) -> str:
    """Read which service the sender signed for; "" for a request that does not say."""
    authorization = incoming.header("authorization")
    _, found, rest = authorization.partition("Credential=")
    if not found and "X-Amz-Credential=" in incoming.query:
        rest = parse_qs(incoming.query).get("X-Amz-Credential", [""])[0]
    parts = rest.partition(",")[0].strip().split("/")
    return parts[-2] if len(parts) >= 5 else ""


def route(incoming: Incoming) -> Route:
    """Find where a request goes. Raises ``AwsError`` naming what is not answered here."""
    if incoming.header("smithy-protocol") == "rpc-v2-cbor" and incoming.path.startswith("/service/"):
        return _by_cbor_path(incoming.path)
    if target := incoming.header("x-amz-target"):
        return _by_target(target, signing_name(incoming))
    named = signing_name(incoming)
    service = SIGNED.get(named, named) or "s3"
    if service == "sagemaker":
        service = "sagemaker-metrics" if incoming.path.startswith("/Batch") else "sagemaker-runtime"
        return _by_uri(service, "rest-json", incoming)
    if service in FORMS:
        return Route(service, "query", "", {})
    if service != "s3":
        raise _unserved(named)
    return _by_uri("s3", "rest-xml", incoming)


def _by_cbor_path(path: str) -> Route:
    parts = path.strip("/").split("/")
    service = _targets().get(parts[1]) if len(parts) == 4 and parts[2] == "operation" else None
    if service is None:
        raise _unserved(parts[1] if len(parts) > 1 else path)
    return Route(service, CBOR, _known(service, parts[3]), {})


def _by_target(target: str, named: str) -> Route:
    prefix, _, operation = target.rpartition(".")
    service = _targets().get(prefix)
    if service is None:
        raise _unserved(named or prefix or target)
    return Route(service, "json", _known(service, operation), {})


def _by_uri(service: str, protocol: str, incoming: Incoming) -> Route:
    query = parse_qs(incoming.query, keep_blank_values=True)
    bucket = bucket_of(incoming.header("host")) if service == "s3" else ""
    path = f"/{bucket}{incoming.path}" if bucket else incoming.path
    found = match(service, incoming.method, path, query, dict(incoming.headers))
    if found is None:
        if service == "s3":
            raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", status=405)
        raise AwsError(
            "UnknownOperationException", f"{incoming.method} {incoming.path[:200]} is no operation", status=404
        )
    return Route(service, protocol, found[0], found[1], bucket)


def bucket_of(host: str) -> str:
    """Read the bucket out of a host's name: ``b.localhost``, ``b.s3.amazonaws.com``; "" for a plain address.

    Examples
    --------
    >>> bucket_of("data.localhost:4747"), bucket_of("127.0.0.1:4747"), bucket_of("b.s3.eu-west-1.amazonaws.com")
    ('data', '', 'b')
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name.endswith(".localhost"):
        return name.removesuffix(".localhost")
    if name.endswith(".amazonaws.com"):
        for mark in (".s3.", ".s3-"):
            if mark in name:
                return name.partition(mark)[0]
    return ""


@lru_cache(maxsize=1)
def _targets() -> Mapping[str, str]:
    return {str(service_model(name).metadata["targetPrefix"]): name for name in TARGETED}


def _known(service: str, operation: str) -> str:
    if operation_model(service, operation) is None:
        raise AwsError("UnknownOperationException", f"{service} has no operation {operation[:100]!r}")
    return operation


def _unserved(name: str) -> AwsError:
    return AwsError(
        "UnknownOperationException",
        f"Tarragon does not answer the service {name[:100]!r}. It answers SageMaker, its runtime and its metrics, S3, "
        "STS, IAM, CloudWatch, CloudWatch Logs and KMS.",
    )  # fmt: skip
