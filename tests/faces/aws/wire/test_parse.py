"""Requests as botocore writes them are read back as they were meant; broken ones are refused, never a crash."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.faces.aws.wire.conftest import read

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.wire.model import operation_model
from tarragon.faces.aws.wire.parse import Request, moment, parse

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("service", "name", "params"),
    [
        ("sagemaker", "AddTags", {"ResourceArn": "arn:aws:x", "Tags": [{"Key": "ü", "Value": ""}]}),
        ("sagemaker", "ListModels", {"MaxResults": 7, "NameContains": "a b"}),
        ("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "e-1", "ContentType": "text/csv", "Body": b"1,2\n"}),
        ("s3", "ListObjectsV2", {"Bucket": "b-1", "Prefix": "a/ü +", "MaxKeys": 3, "StartAfter": "x&y"}),
        ("s3", "GetObject", {"Bucket": "b-1", "Key": "a b/ü+%", "Range": "bytes=0-1"}),
        ("s3", "CopyObject", {"Bucket": "b-1", "Key": "k", "CopySource": "b/k", "Metadata": {"one": "1"}}),
        ("s3", "UploadPart", {"Bucket": "b-1", "Key": "k", "PartNumber": 2, "UploadId": "u"}),
        ("s3", "CreateBucket", {"Bucket": "b-1", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "b-1", "Delete": {"Objects": [{"Key": "<&>"}, {"Key": "b"}], "Quiet": True}},
        ),
        ("s3", "PutBucketTagging", {"Bucket": "b-1", "Tagging": {"TagSet": [{"Key": "k", "Value": "v"}]}}),
        ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::1:role/r", "RoleSessionName": "s", "DurationSeconds": 900}),
        ("iam", "SimulatePrincipalPolicy", {"PolicySourceArn": "arn", "ActionNames": ["a:b", "c:d"]}),
        ("cloudwatch", "ListMetrics", {"Namespace": "n", "Dimensions": [{"Name": "a", "Value": "b"}]}),
    ],
)
def test_what_botocore_writes_is_read(service: str, name: str, params: dict[str, Any]) -> None:
    assert read(service, name, params) == params


@pytest.mark.parametrize("protocol", ["json", "query", "smithy-rpc-v2-cbor"])
def test_one_service_three_protocols(protocol: str) -> None:
    params = {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 0.25, "Timestamp": NOON}]}
    found = read("cloudwatch", "PutMetricData", params, protocol)
    assert found["MetricData"] == [{"MetricName": "m", "Value": 0.25, "Timestamp": NOON.timestamp()}]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b"\xff\xfe", b'{"MaxResults": "x"}', b'{"MaxResults": 1e99}', b"[" * 100_000]
)
def test_json_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        parse("json", operation_model("sagemaker", "ListModels"), Request({}, {}, {}, body))
    assert caught.value.code == "SerializationException"


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><Delete>&a;</Delete>",
        b"\x00",
        b"<Delete><Quiet>perhaps</Quiet></Delete>",
    ],
)
def test_xml_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(AwsError):
        parse("rest-xml", operation_model("s3", "DeleteObjects"), Request({"Bucket": "b"}, {}, {}, body))


@given(st.binary(max_size=200))
@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor", "query"])
def test_any_bytes_are_read_or_refused(protocol: str, body: bytes) -> None:
    with suppress(AwsError):
        found = parse(protocol, operation_model("cloudwatch", "PutMetricData"), Request({}, {}, {}, body))
        assert isinstance(found, dict)


def test_moments() -> None:
    expected = NOON.timestamp()
    for text in ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00", "Sat, 31 Jan 2026 12:00:00 GMT", str(expected)):
        assert moment(text) == expected
    assert moment("yesterday") == float("inf")


def test_a_number_too_large_for_a_float_is_out_of_range() -> None:
    operation = operation_model("sagemaker", "ListModels")
    with pytest.raises(AwsError, match="out of range"):
        parse("json", operation, Request({}, {}, {}, b'{"MaxResults": 1' + b"0" * 400 + b"}"))
