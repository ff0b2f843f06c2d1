"""botocore's own client side as the independent implementation: what it writes we read, what we write it reads."""

from typing import Any
from urllib.parse import parse_qs, urlencode

import botocore.parsers
import botocore.serialize
from botocore.awsrequest import HeadersDict, prepare_request_dict

from tarragon.faces.aws.wire.model import match, operation_model
from tarragon.faces.aws.wire.parse import Request, parse
from tarragon.faces.aws.wire.serialize import Response, serialize

PROTOCOLS = {
    "sagemaker": "json", "logs": "json", "sagemaker-runtime": "rest-json", "sagemaker-metrics": "rest-json",
    "s3": "rest-xml", "sts": "query", "iam": "query", "cloudwatch": "smithy-rpc-v2-cbor",
}  # fmt: skip


def sent(service: str, name: str, params: dict[str, Any], protocol: str = "") -> tuple[str, Request]:
    """Write a request as a client does, and find what it means; for REST protocols by its URI alone."""
    protocol = protocol or PROTOCOLS[service]
    operation = operation_model(service, name)
    made = botocore.serialize.create_serializer(protocol, include_validation=False).serialize_to_request(
        params, operation
    )
    prepare_request_dict(made, "http://127.0.0.1:4747")
    path = made["url"].removeprefix("http://127.0.0.1:4747").partition("?")[0]
    query = parse_qs(made["url"].partition("?")[2], keep_blank_values=True)
    body = made["body"]
    body = urlencode(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    headers = {
        key.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for key, value in made["headers"].items()
    }
    found, labels = name, {}
    if protocol.startswith("rest"):
        matched = match(service, made["method"], path, query, headers)
        assert matched is not None
        found, labels = matched
    return found, Request(labels, query, headers, body or b"")


def read(service: str, name: str, params: dict[str, Any], protocol: str = "") -> dict[str, Any]:
    """What we read of what botocore wrote."""
    found, request = sent(service, name, params, protocol)
    assert found == name
    return parse(protocol or PROTOCOLS[service], operation_model(service, name), request)


def understood(service: str, name: str, answer: dict[str, Any], protocol: str = "") -> dict[str, Any]:
    """What botocore reads of what we wrote."""
    protocol = protocol or PROTOCOLS[service]
    operation = operation_model(service, name)
    return parsed(serialize(protocol, operation, answer, "id-1"), operation.output_shape, protocol)


def parsed(response: Response, shape: Any, protocol: str) -> dict[str, Any]:
    found = botocore.parsers.create_parser(protocol).parse(
        {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}, shape
    )
    found.pop("ResponseMetadata", None)
    return found
