"""Transform jobs through a real boto3 client."""

import time

import pytest
from botocore.exceptions import ClientError
from tests.faces.aws.test_endpoints import a_model

SUMS = """
def model_fn(model_dir):
    return 10

def input_fn(body, content_type):
    return [[float(x) for x in line.split(",")] for line in body.splitlines()]

def predict_fn(rows, model):
    return [sum(row) * model for row in rows]

def output_fn(prediction, accept):
    return "\\n".join(map(str, prediction)), "text/csv"
"""
ODD = "def model_fn(d): return 1\n\ndef predict_fn(x, m): raise ValueError('odd')"


def a_job(client, name, model, prefix, **settings):
    given = {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://models/{prefix}"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": "s3://models/out", "AssembleWith": "Line", "Accept": "text/csv"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **settings,
    }
    return client("sagemaker").create_transform_job(**given)["TransformJobArn"]


def ended(client, name):
    for _ in range(1200):
        found = client("sagemaker").describe_transform_job(TransformJobName=name)
        if found["TransformJobStatus"] not in ("InProgress", "Stopping"):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def test_a_prefix_is_transformed(client):
    a_model(client, "sums", SUMS)
    s3 = client("s3")
    s3.put_object(Bucket="models", Key="in/x/a.csv", Body=b"id1,1,2\nid2,3,4\n")
    arn = a_job(
        client, "one", "sums", "in/", Tags=[{"Key": "a", "Value": "b"}],
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )  # fmt: skip
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:transform-job/one"
    found = ended(client, "one")
    assert found["TransformJobStatus"] == "Completed", found
    assert found["TransformStartTime"] <= found["TransformEndTime"]
    assert found["DataProcessing"]["InputFilter"] == "$[1:]"
    assert s3.get_object(Bucket="models", Key="out/x/a.csv.out")["Body"].read() == b"id1,30.0\nid2,70.0\n"
    assert client("sagemaker").list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    listed = client("sagemaker").list_transform_jobs(StatusEquals="Completed")["TransformJobSummaries"]
    assert [each["TransformJobName"] for each in listed] == ["one"]
    with pytest.raises(ClientError, match="already exists") as caught:
        a_job(client, "one", "sums", "in/")
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    with pytest.raises(ClientError, match="terminal status"):
        client("sagemaker").stop_transform_job(TransformJobName="one")


def test_a_job_that_cannot_be_done_fails_with_the_reason(client):
    a_model(client, "odd", ODD)
    client("s3").put_object(Bucket="models", Key="odd/a.csv", Body=b"1,2\n")
    a_job(client, "odd", "odd", "odd/", ModelClientConfig={"InvocationsMaxRetries": 0})
    found = ended(client, "odd")
    assert found["TransformJobStatus"] == "Failed"
    assert "ValueError: odd" in found["FailureReason"]
    lines = client("logs").filter_log_events(logGroupName="/aws/sagemaker/TransformJobs", filterPattern="Bad HTTP")
    assert any("s3://models/odd/a.csv" in each["message"] for each in lines["events"])
    a_job(client, "nothing", "odd", "nothing/")
    assert "No S3 objects found" in ended(client, "nothing")["FailureReason"]


def test_what_cannot_be_honoured_is_refused(client):
    a_model(client, "plain", SUMS)
    with pytest.raises(ClientError, match="Could not find model"):
        a_job(client, "x", "none", "in/")
    with pytest.raises(ClientError, match="InputFilter cannot be used"):
        a_job(client, "x", "plain", "in/", DataProcessing={"InputFilter": "$[?(@)]"})
    with pytest.raises(ClientError, match="Could not find requested job with name: x"):
        client("sagemaker").describe_transform_job(TransformJobName="x")
    with pytest.raises(ClientError, match="DataCaptureConfig"):
        a_job(client, "x", "plain", "in/", DataCaptureConfig={"DestinationS3Uri": "s3://models/captured"})
