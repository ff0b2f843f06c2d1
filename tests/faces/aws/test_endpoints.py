"""Endpoints through a real boto3 client: made, asked, changed, described, deleted."""

import io
import json
import tarfile
import time

import pytest
from botocore.exceptions import ClientError

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/SageMaker"
TIMES = """
import os

def model_fn(model_dir):
    return float(os.environ["FACTOR"])

def predict_fn(data, model):
    return data * model
"""
WORDS = """
def model_fn(model_dir):
    return 1

def transform_fn(model, data, content_type, accept):
    return (word + " " for word in data.split()), "text/plain"
"""


def archive(script):
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(script)
        tar.addfile(member, io.BytesIO(script.encode()))
    return held.getvalue()


def a_model(client, name, script=TIMES, **environment):
    s3, sagemaker = client("s3"), client("sagemaker")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key=f"{name}/model.tar.gz", Body=archive(script))
    container = {
        "Image": SKLEARN,
        "ModelDataUrl": f"s3://models/{name}/model.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", **environment},
    }
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)


def a_config(client, name, *models, **settings):
    variants = [
        {"VariantName": each, "ModelName": each, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        for each in models
    ]
    client("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **settings)


def settled(client, name, region="us-east-1"):
    for _ in range(1200):
        found = client("sagemaker", region).describe_endpoint(EndpointName=name)
        if found["EndpointStatus"] in ("InService", "Failed"):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def asked(client, name, body=b"[1, 2]", **settings):
    given = {"ContentType": "application/json", "Accept": "application/json", **settings}
    return client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body, **given)


def test_a_model_is_deployed_asked_changed_and_deleted(client):
    sagemaker = client("sagemaker")
    a_model(client, "twice", FACTOR="2")
    a_model(client, "thrice", FACTOR="3")
    a_config(client, "c2", "twice")
    a_config(client, "c3", "thrice")
    tags = [{"Key": "team", "Value": "a"}]
    arn = sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c2", Tags=tags)["EndpointArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"
    assert sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] in ("Creating", "InService")
    found = settled(client, "e")
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointConfigName"] == "c2"
    variant = found["ProductionVariants"][0]
    assert (variant["VariantName"], variant["CurrentWeight"], variant["CurrentInstanceCount"]) == ("twice", 1.0, 1)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == SKLEARN
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    answer = asked(client, "e", CustomAttributes="trace=1")
    assert (json.loads(answer["Body"].read()), answer["InvokedProductionVariant"]) == ([2.0, 4.0], "twice")
    assert answer["ContentType"] == "application/json"
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="e")
    sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="c3")
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint") as caught:
        sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="c3")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert settled(client, "e")["EndpointConfigName"] == "c3"
    assert json.loads(asked(client, "e")["Body"].read()) == [3.0, 6.0]
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="e", DesiredWeightsAndCapacities=[{"VariantName": "thrice", "DesiredInstanceCount": 2}]
    )
    assert settled(client, "e")["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    listed = sagemaker.list_endpoints(StatusEquals="InService", NameContains="E")["Endpoints"]
    assert [each["EndpointName"] for each in listed] == ["e"]
    sagemaker.delete_endpoint(EndpointName="e")
    with pytest.raises(
        ClientError, match='Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"'
    ):
        sagemaker.describe_endpoint(EndpointName="e")


def test_what_is_not_there_is_said_as_aws_says_it(client):
    sagemaker = client("sagemaker")
    with pytest.raises(ClientError, match='Could not find endpoint configuration "arn'):
        sagemaker.create_endpoint(EndpointName="none", EndpointConfigName="none")
    for operation in (sagemaker.describe_endpoint, sagemaker.delete_endpoint):
        with pytest.raises(ClientError, match='Could not find endpoint "arn'):
            operation(EndpointName="none")
    a_model(client, "first", FACTOR="1")
    a_config(client, "first", "first")
    sagemaker.create_endpoint(EndpointName="first", EndpointConfigName="first")
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        sagemaker.create_endpoint(EndpointName="first", EndpointConfigName="first")
    assert settled(client, "first")["EndpointStatus"] == "InService"
    sagemaker.delete_endpoint(EndpointName="first")


def test_a_model_that_cannot_be_loaded_fails_its_endpoint(client):
    sagemaker = client("sagemaker")
    a_model(client, "broken", "def model_fn(d): raise OSError('weights are missing')")
    a_config(client, "broken", "broken")
    sagemaker.create_endpoint(EndpointName="broken", EndpointConfigName="broken")
    found = settled(client, "broken")
    assert found["EndpointStatus"] == "Failed"
    assert "weights are missing" in found["FailureReason"]
    lines = client("logs").filter_log_events(logGroupName="/aws/sagemaker/Endpoints/broken")["events"]
    assert any("weights are missing" in each["message"] for each in lines)
    sagemaker.delete_endpoint(EndpointName="broken")
