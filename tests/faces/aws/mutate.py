"""Requests spoilt on purpose, and signed properly so that they come past the door: bodies, members, headers, paths.

A valid request is taken as botocore would send it, one thing about it is changed by chance, and it is signed again.
The same seed makes the same requests.
"""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ParamValidationError
from tests.faces.aws.generate import Generator
from tests.faces.aws.stage import KNOWN

from tarragon.faces.aws.wire.model import function_names, operation_model

WAIT_S = 20.0  # beyond which a request counts as hanging; Describe itself never waits so long for what is not there
RESIGNED = {"authorization", "x-amz-date", "x-amz-content-sha256", "content-length", "host", "x-amz-security-token"}
ODD_TEXTS = (
    "", " ", "\0", "../../etc/passwd", "%2e%2e%2f", "..\\..", "/", "a" * 5000, "-" * 300 + "!", "é" * 40, "\u202e",
    "\ud800", "${jndi:x}", "'; drop table jobs; --", "<x>&amp;", "arn:aws:sagemaker:us-east-1:123456789012:model/x",
    "s3://", "s3://a/../b", "NaN", "1e999", "null", "eu-west-1.stage", "stage/0", "\r\nx: y",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 2**70, -(2**64), 1.5, float("nan"), float("inf"), [], {}, [[]], [None],
    {"": None}, {"a": {"b": [1]}}, [1, "a"], 10**400,
)  # fmt: skip
ODD_BODIES = (
    b"", b"null", b"[]", b"0", b'"a"', b"{", b"{}", b"}{", b"\xff\xfe", b"<a", b"<?xml version='1.0'?><a/>", b"a=b&a=c",
    b'{"a":' * 3000, b"[" * 100_000, b"<a>" * 5000, b'{"ModelName":"a","ModelName":"b"}', b"\xa1\x61\x61\x01",
    b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"\xef\xbb\xbf{}",
)  # fmt: skip
ODD_HEADERS = (
    ("content-type", "application/json"), ("content-type", "text/xml; charset=utf-16"), ("content-type", "a" * 2000),
    ("content-type", "multipart/form-data; boundary=x"), ("content-encoding", "gzip"),
    ("content-encoding", "aws-chunked"),
    ("content-md5", "x"), ("range", "bytes=9-1"), ("range", "bytes=0-1,3-4"), ("range", "cows=1-2"), ("accept", "\xe9"),
    ("range", "bytes=-99999999999999999999"), ("if-match", "*"), ("if-none-match", '"x'), ("if-modified-since", "soon"),
    ("if-modified-since", "Mon, 99 Jan 9999 99:99:99 GMT"), ("x-amz-copy-source", "../x"), ("x-amz-copy-source", "a"),
    ("x-amz-copy-source-range", "bytes=1"), ("x-amz-decoded-content-length", "-1"), ("x-amz-meta-" + "a" * 300, "b"),
    ("x-amz-tagging", "a=b&a=c&=&%zz"), ("x-amz-sdk-checksum-algorithm", "CRC99"), ("x-amz-checksum-crc32", "!!"),
    ("x-amz-checksum-sha256", "AAAA"), ("x-amz-trailer", "x-amz-checksum-crc32"), ("smithy-protocol", "rpc-v2-cbor"),
    ("x-amz-expected-bucket-owner", "000000000000"), ("x-amz-server-side-encryption", "rot13"), ("expect", "a miracle"),
    ("x-amz-target", "SageMaker."), ("x-amz-target", "."), ("x-amz-target", "SageMaker.__init__"),
    ("x-amz-target", "Logs_20140328.GetLogEvents"), ("x-amz-target", "x" * 3000), ("origin", "https://evil.example"),
    ("x-amz-target", "SageMaker.CreateModel"), ("x-amzn-sagemaker-inputlocation", "file:///etc/passwd"),
    ("x-amzn-sagemaker-inference-id", "a" * 500), ("x-amzn-sagemaker-target-model", "../../x"), ("accept", "a/b;q=x"),
)  # fmt: skip
ODD_PATHS = (
    "/..", "/%2e%2e/%2e%2e/etc/passwd", "/%00", "/%", "/%zz", "//", "/a//b", "/" + "a" * 3000, "/%C3%28", "/\\",
    "/a/./b",
    "/.", "/%F0%9F%98%80", "/service/SageMaker/operation/CreateModel", "/_tarragon/health/x", "/a%0Ab", "/~", "/*",
)  # fmt: skip
ODD_QUERIES = (
    "uploads", "uploadId=x", "uploadId=../x&partNumber=1", "partNumber=-1&uploadId=a", "partNumber=99999&uploadId=a",
    "list-type=2&max-keys=-1", "list-type=2&max-keys=x", "list-type=2&continuation-token=x", "list-type=3",
    "versionId=x", "versioning", "acl", "tagging", "delete", "policy", "a=%zz", "&&&=&", "prefix=%00", "delimiter=%FF",
    "encoding-type=rot13", "max-uploads=99999999999999999999", "response-content-type=a%0d%0ab", "x=" + "y" * 5000,
    "attributes", "select&select-type=2", "restore", "torrent", "location", "Action=CreateModel",
)  # fmt: skip
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", "PROPFIND")


@dataclass(frozen=True)
class Sent:
    """One request, unsigned."""

    service: str
    operation: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    changed: str = "nothing"


@dataclass
class Tally:
    """What came of many requests.

    Parameters
    ----------
    classes : mapping of str to int
        How many answers of each class of status.
    faults : list of str
        What must not be: the request and what came back.
    """

    classes: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def count(self, request: Sent, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take an answer in."""
        name = f"{status // 100}xx"
        self.classes[name] = self.classes.get(name, 0) + 1
        if why := _unlike_aws(request, status, headers, body):
            self.faults.append(f"{why}: {status} {body[:300]!r}\n    to {shown(request)}")

    def hung(self, request: Sent, error: Exception) -> None:
        """Take in that no answer came."""
        self.classes["none"] = self.classes.get("none", 0) + 1
        self.faults.append(f"no answer ({error!r})\n    to {shown(request)}")


def shown(request: Sent) -> str:
    """Write a request so that it can be tried again."""
    body = request.body if len(request.body) < 1500 else request.body[:1500] + b"..."
    return (
        f"{request.service}.{request.operation} with {request.changed}: {request.method} {request.target[:300]} "
        f"{[(n, v[:200]) for n, v in request.headers]} {body!r}"
    )


def captured(client: Any, service: str, operation: str, params: Mapping[str, Any]) -> Sent | None:
    """Take what botocore would send; None where its own rules refuse it."""
    taken: list[Sent] = []

    class Kept(Exception):  # noqa: N818 - ends the call before anything is sent
        pass

    def keep(request: Any, **_: Any) -> None:
        parts = urlsplit(request.url)
        body = request.body.read() if hasattr(request.body, "read") else request.body or b""
        headers = tuple(
            (name.lower(), value.decode("latin-1") if isinstance(value, bytes) else str(value))
            for name, value in request.headers.items()
            if name.lower() not in RESIGNED
        )
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = body.encode() if isinstance(body, str) else bytes(body)
        taken.append(Sent(service, operation, request.method, target, headers, sent))
        raise Kept

    event = f"before-send.{client.meta.service_model.service_id.hyphenize()}"
    client.meta.events.register(event, keep)
    try:
        getattr(client, function_names(service)[operation])(**params)
    except (Kept, ParamValidationError):
        pass
    finally:
        client.meta.events.unregister(event, keep)
    return taken[0] if taken else None


def valid_requests(client: Callable[[str], Any], operations: Iterator[tuple[str, str]]) -> list[Sent]:
    """Take every operation's smallest and fullest request, of unknown things and of those on stage."""
    found = []
    for service, name in operations:
        shape = operation_model(service, name).input_shape
        for full in (False, True):
            for known in ({}, KNOWN):
                taken = captured(client(service), service, name, Generator(11, full=full, known=known).input(shape))
                if taken is not None:
                    found.append(taken)
    return found


def mutated(request: Sent, random: Random) -> Sent:
    """Change one thing about a request."""
    ways = [_bytes, _header, _path, _query, _method, _body]
    if request.body[:1] == b"{":
        ways += [_member] * 8
    elif b"=" in request.body and request.service in ("iam", "sts", "cloudwatch"):
        ways += [_form] * 5
    return random.choice(ways)(request, random)


def send(request: Sent, address: tuple[str, int], keys: Credentials) -> tuple[int, dict[str, str], bytes]:
    """Sign a request and send it, on a connection of its own."""
    host = f"{address[0]}:{address[1]}"
    signing = {"cloudwatch": "monitoring", "sagemaker-runtime": "sagemaker", "sagemaker-metrics": "sagemaker"}
    made = AWSRequest(
        request.method, f"http://{host}{request.target}", data=request.body, headers=dict(request.headers)
    )
    signer = S3SigV4Auth if request.service == "s3" else SigV4Auth
    signer(keys, signing.get(request.service, request.service), "us-east-1").add_auth(made)
    connection = http.client.HTTPConnection(*address, timeout=WAIT_S)
    try:
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in made.headers.items():
            if name.lower() not in ("host", "content-length"):
                connection.putheader(name, value.encode("utf-8") if isinstance(value, str) else value)
        connection.putheader("Host", host)
        connection.putheader("Content-Length", str(len(request.body)))
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent: the answer is there
            connection.endheaders(request.body)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def _unlike_aws(request: Sent, status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Say what is wrong with an answer; "" when nothing is."""
    if status < 400 or request.method == "HEAD":
        return "a fault" if status >= 500 and status != 501 else ""
    if status == 501 and b"<Code>NotImplemented</Code>" in body:  # S3's own word for what is not there
        return ""
    if status >= 500:
        return "a fault"
    told = headers.get("x-amzn-errortype") or b"<Code>" in body or b"__type" in body
    return "" if told or status == 304 else "an error that is not AWS's"


def _body(request: Sent, random: Random) -> Sent:
    return replace(request, body=random.choice(ODD_BODIES), changed="another body")


def _bytes(request: Sent, random: Random) -> Sent:
    body = bytearray(request.body or b"x")
    at = random.randrange(len(body))
    way = random.randrange(4)
    if way == 0:
        body[at] = random.randrange(256)
    elif way == 1:
        del body[at:]
    elif way == 2:
        body[at:at] = bytes(random.randrange(256) for _ in range(random.choice((1, 8, 100))))
    else:
        body += body[at:]
    return replace(request, body=bytes(body), changed=f"spoilt bytes ({way} at {at})")


def _header(request: Sent, random: Random) -> Sent:
    name, value = random.choice(ODD_HEADERS)
    kept = [each for each in request.headers if each[0] != name]
    if random.random() < 0.2 and kept:
        gone = kept.pop(random.randrange(len(kept)))
        return replace(request, headers=tuple(kept), changed=f"no header {gone[0]}")
    return replace(request, headers=(*kept, (name, value)), changed=f"header {name}")


def _path(request: Sent, random: Random) -> Sent:
    path, mark, query = request.target.partition("?")
    odd = random.choice(ODD_PATHS)
    path = odd if random.random() < 0.4 else path.rstrip("/") + odd
    return replace(request, target=path + mark + query, changed="another path")


def _query(request: Sent, random: Random) -> Sent:
    path, mark, query = request.target.partition("?")
    odd = random.choice(ODD_QUERIES)
    query = f"{query}&{odd}" if mark and random.random() < 0.5 else odd
    return replace(request, target=f"{path}?{query}", changed="another query")


def _method(request: Sent, random: Random) -> Sent:
    return replace(request, method=random.choice(METHODS), changed="another method")


def _form(request: Sent, random: Random) -> Sent:
    pairs = request.body.decode("latin-1").split("&")
    at = random.randrange(len(pairs))
    name, _, value = pairs[at].partition("=")
    odd = random.choice(ODD_TEXTS).encode("utf-8", "surrogatepass")
    written = "".join(f"%{byte:02X}" for byte in odd)
    pairs[at] = random.choice((f"{name}={written}", f"{written}={value}", f"{name}.member.1={value}", name, ""))
    return replace(request, body="&".join(pairs).encode("latin-1"), changed=f"form member {name}")


def _member(request: Sent, random: Random) -> Sent:
    document = json.loads(request.body)
    places = list(_places(document))
    if not places:
        document["Unknown"] = random.choice(ODD_VALUES)
        return replace(request, body=json.dumps(document).encode(), changed="an unknown member")
    holder, key = random.choice(places)
    way = random.randrange(5)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder["Unknown" if random.random() < 0.5 else "__proto__"] = random.choice(ODD_VALUES)
    elif way == 2 and isinstance(holder[key], str):
        at = random.randrange(len(holder[key]) + 1)
        holder[key] = holder[key][:at] + random.choice(ODD_TEXTS) + holder[key][at:]
    elif way == 3:
        holder[key] = random.choice(ODD_TEXTS)
    else:
        holder[key] = random.choice(ODD_VALUES)
    return replace(request, body=json.dumps(document).encode(), changed=f"member {key} ({way})")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, below in items:
        yield value, key
        yield from _places(below)
