"""One address, many services: which one a request means."""

import pytest

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.wire.route import Incoming, route


def signed(service: str, region: str = "eu-west-1") -> tuple[str, str]:
    return (
        "authorization",
        f"AWS4-HMAC-SHA256 Credential=K/20260131/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0",
    )


def found(method: str, path: str, *headers: tuple[str, str], query: str = "") -> tuple[str, str, str]:
    way = route(Incoming(method, path, query, headers))
    return way.service, way.protocol, way.operation


def test_by_target() -> None:
    assert found("POST", "/", ("x-amz-target", "SageMaker.ListModels")) == ("sagemaker", "json", "ListModels")
    target = ("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")
    assert found("POST", "/", target) == ("cloudwatch", "json", "ListMetrics")


def test_by_the_path_of_the_cbor_protocol() -> None:
    path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
    way = found("POST", path, ("smithy-protocol", "rpc-v2-cbor"))
    assert way == ("cloudwatch", "smithy-rpc-v2-cbor", "ListMetrics")


def test_by_signing_name_and_path() -> None:
    assert found("POST", "/endpoints/e/invocations", signed("sagemaker"))[::2] == (
        "sagemaker-runtime",
        "InvokeEndpoint",
    )
    assert found("PUT", "/BatchPutMetrics", signed("sagemaker"))[::2] == ("sagemaker-metrics", "BatchPutMetrics")
    assert found("POST", "/", signed("sts")) == ("sts", "query", "")
    assert found("POST", "/", signed("monitoring")) == ("cloudwatch", "query", "")


def test_presigned_and_unsigned_requests_are_s3s() -> None:
    query = "X-Amz-Credential=K%2F20260131%2Feu-west-1%2Fs3%2Faws4_request"
    assert found("GET", "/b/k", query=query) == ("s3", "rest-xml", "GetObject")
    assert found("GET", "/b/k") == ("s3", "rest-xml", "GetObject")
    assert found("GET", "/k", ("host", "b.localhost:4747")) == ("s3", "rest-xml", "GetObject")


@pytest.mark.parametrize(
    "headers",
    [
        (("x-amz-target", "SageMaker.Dance"),),
        (("x-amz-target", "Nobody.Dance"),),
        (signed("ec2"),),
        (("x-amz-target", "."),),
    ],
)
def test_what_is_not_answered_is_named(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(AwsError) as caught:
        found("POST", "/", *headers)
    assert caught.value.code == "UnknownOperationException"
