"""Answers as we write them are read by botocore as they were meant; errors too, in every protocol."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.faces.aws.wire.conftest import parsed, understood

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.wire.model import operation_model
from tarragon.faces.aws.wire.serialize import iso, serialize, serialize_error

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("service", "name", "answer"),
    [
        ("sagemaker", "ListModels", {"Models": [{"ModelName": "m", "ModelArn": "a", "CreationTime": NOON}]}),
        ("sagemaker-metrics", "BatchPutMetrics", {"Errors": [{"Code": "VALIDATION_ERROR", "MetricIndex": 0}]}),
        ("s3", "ListBuckets", {"Buckets": [{"Name": "b", "CreationDate": NOON}], "Owner": {"ID": "1"}}),
        ("s3", "ListObjectsV2", {"Contents": [{"Key": "<a>&\r", "Size": 3, "LastModified": NOON}], "KeyCount": 1}),
        ("s3", "HeadObject", {"ContentLength": 0, "ETag": '"e"', "Metadata": {"k": "v"}, "LastModified": NOON}),
        ("s3", "CopyObject", {"CopyObjectResult": {"ETag": '"e"', "LastModified": NOON}}),
        ("s3", "GetBucketTagging", {"TagSet": [{"Key": "k", "Value": "v"}]}),
        ("sts", "GetCallerIdentity", {"UserId": "u", "Account": "1", "Arn": "a"}),
        ("iam", "ListRoles", {"Roles": [{"RoleName": "r", "CreateDate": NOON}], "IsTruncated": False}),
        ("cloudwatch", "ListMetrics", {"Metrics": [{"Namespace": "n", "MetricName": "m", "Dimensions": []}]}),
    ],
)
def test_what_we_write_botocore_reads(service: str, name: str, answer: dict[str, Any]) -> None:
    assert understood(service, name, answer) == answer


@pytest.mark.parametrize("protocol", ["json", "query", "smithy-rpc-v2-cbor"])
def test_one_answer_three_protocols(protocol: str) -> None:
    answer = {"Label": "m", "Datapoints": [{"Timestamp": NOON, "Average": 0.5, "Unit": "None"}]}
    assert understood("cloudwatch", "GetMetricStatistics", answer, protocol) == answer


@pytest.mark.parametrize("protocol", ["json", "rest-json", "rest-xml", "query", "smithy-rpc-v2-cbor"])
def test_errors_in_every_protocol(protocol: str) -> None:
    error = AwsError("ValidationException", "No <such> thing", status=409)
    found = parsed(serialize_error(protocol, error, "id-1"), None, protocol)
    assert found["Error"]["Code"] == "ValidationException"
    assert found["Error"]["Message"] == "No <such> thing"


def test_a_head_has_no_body_even_for_errors() -> None:
    assert serialize_error("rest-xml", AwsError("NoSuchKey", "x", status=404), "id", head=True).body == b""


def test_a_member_the_model_does_not_know_is_a_fault() -> None:
    with pytest.raises(TypeError, match="Modell"):
        serialize("json", operation_model("sagemaker", "ListModels"), {"Modell": []}, "id")


def test_missing_values_are_left_out_and_numbers_are_numbers() -> None:
    answer = {"Models": [{"ModelName": "m", "ModelArn": None, "CreationTime": 1.5}], "NextToken": None}
    body = serialize("json", operation_model("sagemaker", "ListModels"), answer, "id").body
    assert json.loads(body) == {"Models": [{"ModelName": "m", "CreationTime": 1.5}]}


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1764270000.123, "2025-11-27T19:00:00.123Z"),
        (1764270000.1239, "2025-11-27T19:00:00.123Z"),
        (1764270000.9999999, "2025-11-27T19:00:01.000Z"),
        (-0.5, "1969-12-31T23:59:59.500Z"),
        (datetime(26, 1, 31, 12, 0, 0, 7000, tzinfo=UTC), "0026-01-31T12:00:00.007Z"),
    ],
)
def test_moments_in_xml_have_milliseconds(seconds: float | datetime, written: str) -> None:
    assert iso(seconds) == written


def test_the_location_of_a_bucket_is_its_root() -> None:
    body = serialize(
        "rest-xml", operation_model("s3", "GetBucketLocation"), {"LocationConstraint": "eu-west-1"}, "i"
    ).body
    assert body.endswith(b">eu-west-1</LocationConstraint>")
