"""An operation's answer, or an error, becomes a response: status, headers and body, by the service model.

::

    serialize ─┬─ json, rest-json        _plain       numbers for timestamps, base64 for blobs
               ├─ smithy-rpc-v2-cbor     _plain       timestamps as tag 1, blobs as they are
               ├─ query, rest-xml        _inside      elements; lists as <member> or flattened
               └─ event streams          event.py     one frame per event
"""

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, TypeAlias
from xml.sax.saxutils import escape, quoteattr

import cbor2
from botocore.model import OperationModel, Shape

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Streamed
from tarragon.faces.aws.wire.event import frames
from tarragon.faces.aws.wire.model import event_stream

TYPES: Mapping[str, str] = {
    "rest-json": "application/json", "query": "text/xml", "rest-xml": "application/xml",
    "smithy-rpc-v2-cbor": "application/cbor",
}  # fmt: skip
S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
ROOTS: Mapping[str, str] = {
    "ListBuckets": "ListAllMyBucketsResult", "ListObjects": "ListBucketResult", "ListObjectsV2": "ListBucketResult",
    "ListObjectVersions": "ListVersionsResult", "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CompleteMultipartUpload": "CompleteMultipartUploadResult", "ListParts": "ListPartsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult", "DeleteObjects": "DeleteResult",
    "GetObjectTagging": "Tagging", "GetBucketTagging": "Tagging", "GetBucketAcl": "AccessControlPolicy",
    "GetObjectAcl": "AccessControlPolicy", "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketCors": "CORSConfiguration", "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
}  # fmt: skip
"""What S3 calls the root of an answer, where the model does not say."""
SPECIAL = re.compile(r"[&<>\x00-\x08\x0b-\x1f]")
Write: TypeAlias = Callable[[Any], str]
STATUS = "__status__"
"""A key of an answer that sets the HTTP status instead of the model, as a partial read does."""


@dataclass(slots=True)
class Response:
    """What goes out.

    Parameters
    ----------
    status : int
    headers : dict of str to str
        Lower-case names.
    body : bytes or Streamed
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Streamed = b""


def serialize(protocol: str, operation: OperationModel, answer: Answer, request_id: str) -> Response:
    """Write an answer. Raises ``TypeError`` for one that the model does not know: a fault of ours."""
    given = dict(answer or {})
    status = given.pop(STATUS, None) or operation.http.get("responseCode", 200)
    shape = operation.output_shape
    response = Response(status, {"content-type": content_type(protocol, operation), "x-amzn-requestid": request_id})
    stream = event_stream(shape)
    if stream is not None:
        events = given.pop(stream)
        if protocol in ("rest-json", "rest-xml"):
            _rest(response, protocol, operation, given)  # what goes into headers
        _events(response, protocol, shape.members[stream], events)
    elif protocol in ("rest-json", "rest-xml"):
        _rest(response, protocol, operation, given)
    elif protocol == "query":
        response.body = _query(operation, given, request_id)
    elif protocol == "smithy-rpc-v2-cbor":
        response.headers["smithy-protocol"] = "rpc-v2-cbor"
        response.body = cbor2.dumps(_plain(shape, given, cbor=True) if shape is not None else {})
    else:
        response.body = json.dumps(_plain(shape, given) if shape is not None else {}).encode()
    return response


def serialize_error(protocol: str, error: AwsError, request_id: str, *, head: bool = False) -> Response:
    """Write an error in a protocol's form; a HEAD has no body to write it in."""
    response = Response(error.status, {"x-amzn-requestid": request_id, **error.headers})
    response.headers["content-type"] = TYPES.get(protocol, "application/x-amz-json-1.1")
    if protocol in ("json", "rest-json"):
        content = {"message": error.message, **error.fields}
        if protocol == "json":
            content = {"__type": error.code, **content}
        response.headers["x-amzn-errortype"] = error.code
        response.body = json.dumps(content).encode()
    elif protocol == "smithy-rpc-v2-cbor":
        response.headers |= {"smithy-protocol": "rpc-v2-cbor"}
        response.body = cbor2.dumps({"__type": error.code, "message": error.message, **error.fields})
    elif protocol == "ec2":  # a service that is not answered, told so in the form its clients read
        inside = f"<Code>{_escaped(error.code)}</Code><Message>{_escaped(error.message)}</Message>"
        response.headers["content-type"] = "text/xml"
        response.body = (
            f"<Response><Errors><Error>{inside}</Error></Errors><RequestID>{request_id}</RequestID></Response>".encode()
        )
    elif protocol == "query":
        kind = "Sender" if error.status < 500 else "Receiver"
        inside = f"<Type>{kind}</Type><Code>{_escaped(error.code)}</Code><Message>{_escaped(error.message)}</Message>"
        response.body = (
            f"<ErrorResponse><Error>{inside}</Error><RequestId>{request_id}</RequestId></ErrorResponse>".encode()
        )
    else:
        fields = {"Code": error.code, "Message": error.message, **error.fields, "RequestId": request_id}
        inside = "".join(f"<{name}>{_escaped(str(value))}</{name}>" for name, value in fields.items())
        response.body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'.encode()
    if head or error.status in (204, 304):
        response.body = b""
    return response


def content_type(protocol: str, operation: OperationModel) -> str:
    """Say what a protocol's answers are."""
    if protocol == "json":
        return f"application/x-amz-json-{operation.service_model.metadata.get('jsonVersion', '1.1')}"
    return TYPES[protocol]


def _rest(response: Response, protocol: str, operation: OperationModel, given: dict[str, Any]) -> None:
    shape = operation.output_shape
    if shape is None:
        response.headers.pop("content-type")
        return
    payload = shape.serialization.get("payload")
    body: dict[str, Any] = {}
    for name, value in given.items():
        if name not in shape.members:
            raise TypeError(f"{operation.name} has no output {name}")
        member = shape.members[name]
        place, wire = member.serialization.get("location"), str(member.serialization.get("name", name))
        if value is None or name == payload:
            continue
        if place == "header":
            response.headers[wire.lower()] = _header(member, value)
        elif place == "headers":
            response.headers |= {f"{wire}{key}".lower(): str(each) for key, each in value.items()}
        elif place == "statusCode":
            response.status = int(value)
        else:
            body[name] = value
    if payload is not None:
        _payload(response, protocol, shape, given.get(payload))
    elif protocol == "rest-json":
        response.body = json.dumps(_plain(shape, body)).encode()
    elif body or any("location" not in member.serialization for member in shape.members.values()):
        response.body = _document(operation, shape, body)
    elif response.headers.get("content-type") == TYPES[protocol]:  # no member said what it is
        del response.headers["content-type"]


def _payload(response: Response, protocol: str, shape: Shape, value: Any) -> None:
    name = shape.serialization["payload"]
    member = shape.members[name]
    if member.type_name == "structure":
        if protocol == "rest-json":
            response.body = json.dumps(_plain(member, value or {})).encode()
        else:
            root = member.serialization.get("name", name)
            response.body = _xml_document(str(root), _inside(member, value or {}))
        return
    if response.headers.get("content-type") == TYPES[protocol]:
        response.headers["content-type"] = "application/octet-stream"
    response.body = value if isinstance(value, (bytes, Streamed)) else str(value or "").encode()


def _events(response: Response, protocol: str, shape: Shape, given: Any) -> None:
    response.headers["content-type"] = "application/vnd.amazon.eventstream"
    chunks: Any = given.chunks if isinstance(given, Streamed) else given
    response.body = Streamed(frames(protocol, shape, chunks))


def _header(shape: Shape, value: Any) -> str:
    if shape.type_name == "timestamp":
        return format_datetime(_aware(value), usegmt=True)
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "list":
        return ",".join(str(each) for each in value)
    return str(value)


def _plain(shape: Shape, value: Any, *, cbor: bool = False) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return value
        found = {}
        for name, each in value.items():
            if name not in shape.members:
                raise TypeError(f"{shape.name} has no member {name}")
            if each is not None:
                member = shape.members[name]
                found[member.serialization.get("name", name)] = _plain(member, each, cbor=cbor)
        return found
    if kind == "list":
        return [_plain(shape.member, each, cbor=cbor) for each in value]
    if kind == "map":
        return {str(key): _plain(shape.value, each, cbor=cbor) for key, each in value.items() if each is not None}
    if kind == "timestamp":
        return _moment(shape, value, cbor=cbor)
    if kind == "blob":
        return value if cbor else base64.b64encode(value).decode()
    if kind in ("float", "double"):
        return (
            float(value)
            if cbor or math.isfinite(value)
            else str(value).replace("inf", "Infinity").replace("nan", "NaN")
        )
    return int(value) if kind in ("integer", "long") else value


def _moment(shape: Shape, value: Any, *, cbor: bool) -> Any:
    if cbor:
        return cbor2.CBORTag(1, _seconds(value))
    if shape.serialization.get("timestampFormat") == "iso8601":
        return iso(value)
    return round(_seconds(value), 3)


def iso(value: Any) -> str:
    """Write a moment the way XML answers do: ``2026-01-31T12:00:00.000Z``."""
    seconds, microseconds = divmod(round(_seconds(value) * 1e6), 1_000_000)
    return f"{_to_the_second(seconds)}.{microseconds // 1000:03}Z"


@lru_cache(maxsize=1024)  # what one listing names was often made in the same seconds
def _to_the_second(seconds: int) -> str:
    return _aware(seconds).replace(tzinfo=None).isoformat()


def _seconds(value: Any) -> float:
    return value.timestamp() if isinstance(value, datetime) else float(value)


def _aware(value: Any) -> datetime:
    return datetime.fromtimestamp(_seconds(value), UTC)


def _query(operation: OperationModel, given: dict[str, Any], request_id: str) -> bytes:
    shape, name = operation.output_shape, operation.name
    inside = ""
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result")
        inside = f"<{wrapper}>{_inside(shape, given)}</{wrapper}>"
    uri = operation.service_model.metadata.get("xmlNamespace", "")
    uri = uri.get("uri", "") if isinstance(uri, Mapping) else uri
    namespace = f" xmlns={quoteattr(uri)}" if uri else ""
    tail = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return f"<{name}Response{namespace}>{inside}{tail}</{name}Response>".encode()


def _document(operation: OperationModel, shape: Shape, given: dict[str, Any]) -> bytes:
    if operation.name == "GetBucketLocation":  # the one answer whose root is its only value
        return _xml_document("LocationConstraint", _escaped(given.get("LocationConstraint") or ""))
    return _xml_document(ROOTS.get(operation.name, shape.name), _inside(shape, given))


def _xml_document(root: str, inside: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{S3_NAMESPACE}">{inside}</{root}>'.encode()


def _inside(shape: Shape, given: Mapping[str, Any]) -> str:
    written = _members(shape)
    parts = []
    for name, value in given.items():
        if name not in written:
            raise TypeError(f"{shape.name} has no member {name}")
        write = written[name]
        if value is not None and write is not None:
            parts.append(write(value))
    return "".join(parts)


# A page of a listing has thousands of elements of a dozen kinds: what the model says of a kind is looked up once.
@lru_cache(maxsize=4096)
def _members(shape: Shape) -> Mapping[str, Write | None]:
    """Say how each member of a structure is written; None for one that is not in the body."""
    return {
        name: _writer(member, str(member.serialization.get("name", name)))
        if "location" not in member.serialization
        else None
        for name, member in shape.members.items()
    }


def _writer(shape: Shape, name: str) -> Write:
    """Make the function that writes a value as an element of this name."""
    kind, begin, end = shape.type_name, f"<{name}>", f"</{name}>"
    if kind == "structure":  # looked into when one is written: it may hold others of its kind
        if any(member.serialization.get("xmlAttribute") for member in shape.members.values()):
            return lambda value: _attributed(shape, name, value)
        return lambda value: f"{begin}{_inside(shape, value)}{end}"
    if kind == "list":
        if shape.serialization.get("flattened"):
            flat = shape.serialization.get("name") or shape.member.serialization.get("name", name)
            each_flat = _writer(shape.member, str(flat))
            return lambda value: "".join(map(each_flat, value))
        each = _writer(shape.member, str(shape.member.serialization.get("name", "member")))
        return lambda value: f"{begin}{''.join(map(each, value))}{end}"
    if kind == "map":
        key = _writer(shape.key, str(shape.key.serialization.get("name", "key")))
        word = _writer(shape.value, str(shape.value.serialization.get("name", "value")))
        entries = "<entry>{}{}</entry>".format
        return lambda value: f"{begin}{''.join(entries(key(k), word(v)) for k, v in value.items())}{end}"
    if scalar := SCALARS.get(kind):
        return lambda value: f"{begin}{scalar(value)}{end}"
    return lambda value: f"{begin}{_escaped(str(value))}{end}"


def _attributed(shape: Shape, name: str, value: Mapping[str, Any]) -> str:
    """Write a structure some of whose members are its element's attributes."""
    attributes = [(n, m) for n, m in shape.members.items() if m.serialization.get("xmlAttribute") and value.get(n)]
    inner = {n: v for n, v in value.items() if n not in {a for a, _ in attributes}}
    text = "".join(f" {m.serialization.get('name', n)}={quoteattr(str(value[n]))}" for n, m in attributes)
    spaced = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"' if attributes else ""
    return f"<{name}{spaced}{text}>{_inside(shape, inner)}</{name}>"


SCALARS: Mapping[str, Write] = {
    "timestamp": iso,
    "boolean": lambda value: "true" if value else "false",
    "blob": lambda value: base64.b64encode(value).decode(),
}
"""How values are written in which nothing can need escaping."""


def _escaped(text: str) -> str:
    if SPECIAL.search(text) is None:
        return text
    # Characters that XML 1.0 cannot hold at all are replaced, so that a parser reads the rest.
    clean = "".join(c if c >= " " or c in "\t\n" else "\r" if c == "\r" else "�" for c in text)
    return escape(clean, {"\r": "&#13;"})
