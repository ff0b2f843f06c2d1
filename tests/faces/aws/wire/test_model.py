"""Every operation of the REST services is found by what botocore sends for it."""

import pytest
from tests.faces.aws.wire.conftest import sent

from tarragon.faces.aws.wire.model import event_stream, match, operation_model, service_model


@pytest.mark.parametrize("service", ["s3", "sagemaker-runtime", "sagemaker-metrics"])
def test_every_operation_is_told_from_its_neighbours(service: str) -> None:
    confused = {}
    for name in set(service_model(service).operation_names) - {"WriteGetObjectResponse"}:  # has a host of its own
        shape = operation_model(service, name).input_shape
        params = {
            member: {
                "string": "x",
                "integer": 1,
                "long": 1,
                "blob": b"",
                "structure": {},
                "list": [] if "location" not in shape.members[member].serialization else ["x"],
                "map": {},
            }.get(shape.members[member].type_name, "x")
            for member in (shape.required_members if shape is not None else ())
        }
        found, _ = sent(service, name, params)
        if found != name:
            confused[name] = found
    older = {name for name in confused if operation_model(service, name).deprecated}
    assert set(confused) - older <= {"CreateSession", "ListDirectoryBuckets"}, confused  # of directory buckets


def test_a_key_may_hold_slashes_and_escapes() -> None:
    assert match("s3", "GET", "/b/a%2Fb//c%20d/", {}, {}) == ("GetObject", {"Bucket": "b", "Key": "a/b//c d/"})
    assert match("s3", "GET", "/b/", {}, {}) == ("ListObjects", {"Bucket": "b"})
    assert match("s3", "PATCH", "/b", {}, {}) is None


def test_the_stream_of_an_output_is_found() -> None:
    shape = operation_model("sagemaker-runtime", "InvokeEndpointWithResponseStream").output_shape
    assert event_stream(shape) == "Body"
    assert event_stream(operation_model("sagemaker", "ListModels").output_shape) is None
