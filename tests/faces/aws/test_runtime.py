"""SageMaker Runtime through a real boto3 client: answers, failures, streams, queues."""

import json
import time

import pytest
from botocore.exceptions import ClientError
from tests.faces.aws.test_endpoints import WORDS, a_config, a_model, asked, settled

ODD = """
def model_fn(model_dir):
    return 1

def predict_fn(data, model):
    raise ValueError("odd data")
"""


def deployed(client, name, script, **settings):
    a_model(client, name, script)
    a_config(client, name, name, **settings)
    client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert settled(client, name)["EndpointStatus"] == "InService"


def test_an_unknown_endpoint_or_variant_is_named(client):
    with pytest.raises(ClientError, match="Endpoint none of account 123456789012 not found") as caught:
        asked(client, "none")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_model_that_fails_is_a_model_error(client):
    deployed(client, "odd", ODD)
    with pytest.raises(ClientError) as caught:
        asked(client, "odd")
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Code"] == "ModelError"
    assert (response["OriginalStatusCode"], response["OriginalMessage"]) == (500, "ValueError: odd data")
    assert response["Error"]["Message"].startswith('Received server error (500) from primary with message "ValueError')
    with pytest.raises(ClientError, match=r"Received client error \(415\) from primary"):
        asked(client, "odd", ContentType="image/png")
    with pytest.raises(ClientError, match="Variant x not found"):
        asked(client, "odd", TargetVariant="x")


def test_a_stream_comes_in_parts(client):
    deployed(client, "words", WORDS)
    answer = client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName="words", Body=b"one two three", ContentType="text/plain"
    )
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert parts == [b"one ", b"two ", b"three "]
    assert answer["ContentType"] == "text/plain"


def test_a_queued_request_is_answered_in_s3(client):
    settings = {
        "AsyncInferenceConfig": {
            "OutputConfig": {"S3OutputPath": "s3://models/out", "S3FailurePath": "s3://models/failed"}
        }
    }
    deployed(client, "queued", WORDS, **settings)
    s3, runtime = client("s3"), client("sagemaker-runtime")
    s3.put_object(Bucket="models", Key="in/a.txt", Body=b"one two")
    found = [
        runtime.invoke_endpoint_async(EndpointName="queued", InputLocation=uri, ContentType="text/plain")
        for uri in ("s3://models/in/a.txt", "s3://models/in/none.txt")
    ]
    assert found[0]["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert read(s3, found[0]["OutputLocation"]) == b"one two "
    assert b"none.txt" in read(s3, found[1]["FailureLocation"])
    with pytest.raises(ClientError, match="not found"):
        runtime.invoke_endpoint_async(EndpointName="none", InputLocation="s3://models/in/a.txt")


def test_latency_is_counted_for_each_variant(client):
    a_model(client, "counted", FACTOR="1")
    a_config(client, "counted", "counted")
    client("sagemaker").create_endpoint(EndpointName="counted", EndpointConfigName="counted")
    settled(client, "counted")
    for _ in range(5):
        assert json.loads(asked(client, "counted")["Body"].read()) == [1.0, 2.0]
    time.sleep(1.5)
    pytest.importorskip("tarragon.faces.aws.cloudwatch")
    now = time.time()
    dimensions = [{"Name": "EndpointName", "Value": "counted"}, {"Name": "VariantName", "Value": "counted"}]
    found = client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker", MetricName="Invocations", Dimensions=dimensions, StartTime=now - 600,
        EndTime=now + 60, Period=60, Statistics=["Sum"],
    )  # fmt: skip
    assert sum(each["Sum"] for each in found["Datapoints"]) == 5


def read(s3, uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    for _ in range(400):
        try:
            return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError:
            time.sleep(0.05)
    raise AssertionError(f"{uri} is not there")
