"""A request's bytes become an operation's input, by the service model: names as in the model, timestamps as seconds.

What does not fit the model's types raises a ``SerializationException``; ranges and patterns are ``validate``'s.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element, ParseError

import cbor2
from botocore.model import OperationModel, Shape
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tarragon.faces.aws.error import AwsError

DEPTH = 64  # nested values deeper than this are nobody's request


@dataclass(frozen=True, slots=True)
class Request:
    """What is parsed.

    Parameters
    ----------
    labels : mapping of str to str
        Members that stand in the path.
    query : mapping of str to list of str
    headers : mapping of str to str
        Lower-case names.
    body : bytes
        Empty when it is streamed.
    """

    labels: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes


def parse(protocol: str, operation: OperationModel, request: Request) -> dict[str, Any]:
    """Read an operation's input. Raises ``AwsError``."""
    shape = operation.input_shape
    if shape is None:
        return {}
    return PARSERS[protocol](shape, request)


def malformed(why: str) -> AwsError:
    """Make the error of bytes that are not what they should be."""
    return AwsError("SerializationException", why)


def _json(shape: Shape, request: Request) -> dict[str, Any]:
    return _structure(shape, _loads(request.body), 0)


def _loads(body: bytes) -> Any:
    if not body.strip():
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise malformed("The body is not valid JSON") from None
    if not isinstance(found, dict):
        raise malformed("Start of structure or map found where not expected: the body must be a JSON object")
    return found


def _cbor(shape: Shape, request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        found = cbor2.loads(request.body)
    except (cbor2.CBORDecodeError, ValueError, RecursionError, OverflowError, TypeError):
        raise malformed("The body is not valid CBOR") from None
    return _structure(shape, found, 0)


def _structure(shape: Shape, value: Any, depth: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise malformed(f"{shape.name} must be a structure")
    if depth > DEPTH:
        raise malformed("The body is nested too deeply")
    found = {}
    for name, member in shape.members.items():
        given = value.get(member.serialization.get("name", name))
        if given is not None:
            found[name] = _value(member, given, depth + 1)
    return found


def _value(shape: Shape, value: Any, depth: int) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return value if shape.is_document_type else _structure(shape, value, depth)
    if depth > DEPTH:
        raise malformed("The body is nested too deeply")
    if kind == "list":
        if not isinstance(value, list):
            raise malformed(f"{shape.name} must be a list")
        return [_value(shape.member, each, depth + 1) for each in value if each is not None]
    if kind == "map":
        if not isinstance(value, dict):
            raise malformed(f"{shape.name} must be a map")
        return {str(k): _value(shape.value, v, depth + 1) for k, v in value.items() if v is not None}
    return SCALARS[kind](shape, value)


def _text(shape: Shape, value: Any) -> str:
    if isinstance(value, (dict, list, bytes)):
        raise malformed(f"{shape.name} must be a string")
    if isinstance(value, bool):
        return "true" if value else "false"
    return _encodable(value if isinstance(value, str) else str(value))


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise malformed("A string holds an unpaired surrogate") from None
    return text


def _integer(shape: Shape, value: Any) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)  # of any size: it may be too large for a float
    if not whole and not (isinstance(value, float) and math.isfinite(value)):
        raise malformed(f"{shape.name} must be a whole number")
    number, bits = int(value), 31 if shape.type_name == "integer" else 63
    if not -(2**bits) <= number < 2**bits:
        raise malformed(f"{shape.name} is out of range")
    return number


def _float(shape: Shape, value: Any) -> float:
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise malformed(f"{shape.name} must be a number")
    try:
        return float(value)
    except OverflowError:
        raise malformed(f"{shape.name} is out of range") from None


def _boolean(shape: Shape, value: Any) -> bool:
    if not isinstance(value, bool):
        raise malformed(f"{shape.name} must be true or false")
    return value


def _timestamp(shape: Shape, value: Any) -> float:
    if isinstance(value, datetime):  # CBOR's tag 1
        return value.timestamp()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value) if abs(value) < 1e13 else math.inf
    elif isinstance(value, str):
        seconds = moment(value)
    else:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise malformed(f"{shape.name} must be a timestamp")
    return seconds


def moment(text: str) -> float:
    """Read ISO 8601, the form of HTTP headers, or seconds; infinity for none of them."""
    try:
        return float(text)
    except ValueError:
        pass
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return math.inf


def _blob(shape: Shape, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise malformed(f"{shape.name} must be base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise malformed(f"{shape.name} is not valid base64") from None


SCALARS: Mapping[str, Callable[[Shape, Any], Any]] = {
    "string": _text, "character": _text, "integer": _integer, "long": _integer, "float": _float, "double": _float,
    "boolean": _boolean, "timestamp": _timestamp, "blob": _blob,
}  # fmt: skip


def from_text(shape: Shape, text: str) -> Any:
    """Read a scalar that came as text: a header, a query parameter, a form field, an XML element."""
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return _integer(shape, int(text))
        if kind in ("float", "double"):
            return float(text)
    except ValueError:
        raise malformed(f"{shape.name} must be a number") from None
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise malformed(f"{shape.name} must be true or false")
        return text.lower() == "true"
    return SCALARS[kind](shape, text)


def _rest_json(shape: Shape, request: Request) -> dict[str, Any]:
    return _rest(shape, request, _from_json_body)


def _rest_xml(shape: Shape, request: Request) -> dict[str, Any]:
    return _rest(shape, request, _from_xml_body)


def _rest(shape: Shape, request: Request, from_body: Callable[[Shape, bytes], dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = dict(_uri_members(shape, request))
    payload = shape.serialization.get("payload")
    if payload is None:
        inside = {n for n, m in shape.members.items() if "location" not in m.serialization}
        body = from_body(shape, request.body) if inside else {}
        found.update({name: value for name, value in body.items() if name in inside})
    elif (member := shape.members[payload]).type_name == "structure":
        if request.body:
            found[payload] = from_body(member, request.body)
    elif not member.serialization.get("streaming") and request.body:
        found[payload] = request.body if member.type_name == "blob" else request.body.decode("utf-8", "replace")
    return found


def _uri_members(shape: Shape, request: Request) -> "list[tuple[str, Any]]":
    found: list[tuple[str, Any]] = []
    for name, member in shape.members.items():
        place, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri" and name in request.labels:
            found.append((name, from_text(member, request.labels[name])))
        elif place == "querystring":
            if member.type_name == "map":
                found.append((name, {key: values[0] for key, values in request.query.items()}))
            elif wire in request.query:
                given = request.query[wire]
                listed = member.type_name == "list"
                found.append(
                    (name, [from_text(member.member, v) for v in given] if listed else from_text(member, given[0]))
                )
        elif place == "header" and wire.lower() in request.headers:
            found.append((name, _from_header(member, request.headers[wire.lower()])))
        elif place == "headers":
            prefix = wire.lower()
            given_map = {k[len(prefix) :]: v for k, v in request.headers.items() if k.startswith(prefix)}
            if given_map:
                found.append((name, given_map))
    return found


def _from_header(member: Shape, text: str) -> Any:
    if member.serialization.get("jsonvalue"):
        try:
            return json.loads(base64.b64decode(text))
        except ValueError:
            raise malformed(f"{member.name} is not base64 of JSON") from None
    if member.type_name == "list":
        return [from_text(member.member, part.strip()) for part in text.split(",")]
    return from_text(member, text)


def _from_json_body(shape: Shape, body: bytes) -> dict[str, Any]:
    return _structure(shape, _loads(body), 0)


def _from_xml_body(shape: Shape, body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise AwsError("MalformedXML", "The XML you provided was not well-formed") from None
    found = _from_xml(shape, root, 0)
    return found if isinstance(found, dict) else {}


def _from_xml(shape: Shape, node: Element, depth: int) -> Any:
    if depth > DEPTH:
        raise AwsError("MalformedXML", "The XML is nested too deeply")
    kind = shape.type_name
    if kind == "structure":
        found: dict[str, Any] = {}
        children: dict[str, list[Element]] = {}
        for child in node:
            children.setdefault(child.tag.rpartition("}")[2], []).append(child)
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            if member.serialization.get("xmlAttribute"):
                value = next(
                    (v for k, v in node.attrib.items() if k.rpartition("}")[2] == wire.rpartition(":")[2]), None
                )
                if value is not None:
                    found[name] = value
            elif member.type_name == "list" and member.serialization.get("flattened"):
                wire = member.serialization.get("name", member.member.serialization.get("name", name))
                if wire in children:
                    found[name] = [_from_xml(member.member, each, depth + 1) for each in children[wire]]
            elif wire in children:
                found[name] = _from_xml(member, children[wire][0], depth + 1)
        return found
    if kind == "list":
        return [_from_xml(shape.member, each, depth + 1) for each in node]
    if kind == "map":
        return {(entry.findtext("key") or ""): (entry.findtext("value") or "") for entry in node}
    return from_text(shape, node.text or "")


def _query(shape: Shape, request: Request) -> dict[str, Any]:
    try:
        given = dict(
            parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=False, max_num_fields=10_000)
        )
    except (UnicodeDecodeError, ValueError):
        raise malformed("The body is not a valid form") from None
    given |= {name: values[0] for name, values in request.query.items() if name not in given}
    return _from_form(shape, given, "", 0)


def _from_form(shape: Shape, given: Mapping[str, str], prefix: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if depth > DEPTH:
        raise malformed("The form is nested too deeply")
    for name, member in shape.members.items():
        wire = member.serialization.get("queryName", member.serialization.get("name", name))
        value = _form_value(member, given, f"{prefix}{wire}", depth)
        if value is not None:
            found[name] = value
    return found


def _form_value(shape: Shape, given: Mapping[str, str], name: str, depth: int) -> Any:
    kind = shape.type_name
    if kind not in ("structure", "list", "map"):
        return from_text(shape, given[name]) if name in given else None
    inside = {key: value for key, value in given.items() if key.startswith(f"{name}.")}
    if kind == "structure":
        return _from_form(shape, inside, f"{name}.", depth + 1) if inside else None
    if kind == "list":
        if not inside:
            return [] if name in given else None
        item = name
        if not shape.serialization.get("flattened"):
            item = f"{name}.{shape.member.serialization.get('name', 'member')}"
            if not any(key.startswith(f"{item}.") for key in inside):
                item = f"{name}.member"
        return [
            value for n in _numbers(inside, item)
            if (value := _form_value(shape.member, inside, f"{item}.{n}", depth + 1)) is not None
        ]  # fmt: skip
    entry = name if shape.serialization.get("flattened") else f"{name}.entry"
    key = shape.key.serialization.get("name", "key")
    word = shape.value.serialization.get("name", "value")
    pairs = {
        inside.get(f"{entry}.{n}.{key}", ""): _form_value(shape.value, inside, f"{entry}.{n}.{word}", depth + 1)
        for n in _numbers(inside, entry)
    }
    return pairs or None


def _numbers(given: Mapping[str, str], item: str) -> list[int]:
    start = len(item) + 1
    parts = {key[start:].partition(".")[0] for key in given if key.startswith(f"{item}.")}
    return sorted(int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 6)


PARSERS: Mapping[str, Callable[[Shape, Request], dict[str, Any]]] = {
    "json": _json, "rest-json": _rest_json, "rest-xml": _rest_xml, "query": _query, "smithy-rpc-v2-cbor": _cbor,
}  # fmt: skip
