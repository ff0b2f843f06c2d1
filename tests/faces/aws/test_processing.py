"""Processing jobs through a real client: made, described, listed, stopped, deleted; refused as AWS does."""

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
CLARIFY = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
CODE = "/opt/ml/processing/input/code"
NUMBERS = itertools.count()
Request = dict[str, Any]


@pytest.fixture(scope="module")
def store(client: Client) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="in/a.csv", Body=b"1,2\n")
    return s3


@pytest.fixture
def request_of(store: Any) -> Callable[..., Request]:
    """``request_of("print(1)")`` is a script processor's request."""

    def place(uri: str, path: str) -> Request:
        return {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}

    def make(text: str, **more: Any) -> Request:
        name = f"job-{next(NUMBERS)}"
        store.put_object(Bucket="data", Key=f"code/{name}/main.py", Body=text.encode())
        return {
            "ProcessingJobName": name,
            "RoleArn": "arn:aws:iam::123456789012:role/me",
            "AppSpecification": {
                "ImageUri": SKLEARN, "ContainerEntrypoint": ["python3", f"{CODE}/main.py"],
                "ContainerArguments": ["--n", "1"],
            },
            "ProcessingInputs": [
                {"InputName": "in", "S3Input": place("s3://data/in/", "/opt/ml/processing/in")},
                {"InputName": "code", "S3Input": place(f"s3://data/code/{name}/main.py", CODE)},
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "out",
                        "S3Output": {
                            "S3Uri": f"s3://data/out/{name}", "LocalPath": "/opt/ml/processing/out",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "Environment": {"MINE": "x"},
            **more,
        }  # fmt: skip

    return make


def ended(sagemaker: Any, name: str, seconds: float = 60) -> Mapping[str, Any]:
    end = time.monotonic() + seconds
    while True:
        found: Mapping[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        if found["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.05)


def refusal(function: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        function(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_job_from_request_to_output(client: Client, store: Any, request_of: Callable[..., Request]) -> None:
    sagemaker, logs = client("sagemaker"), client("logs")
    text = (
        "import os, shutil, sys; print(sys.argv[1:], os.environ['MINE'])\n"
        "shutil.copy('/opt/ml/processing/in/a.csv', '/opt/ml/processing/out/b.csv')\n"
        "open('/opt/ml/output/message', 'w').write('well')"
    )
    request = request_of(text, Tags=[{"Key": "team", "Value": "a"}])
    name = request["ProcessingJobName"]
    arn = sagemaker.create_processing_job(**request)["ProcessingJobArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:123456789012:processing-job/{name}"
    found = ended(sagemaker, name)
    assert found["ProcessingJobStatus"] == "Completed", found
    for member in ("AppSpecification", "ProcessingResources", "StoppingCondition", "Environment", "RoleArn"):
        assert found[member] == request[member]
    assert [each["InputName"] for each in found["ProcessingInputs"]] == ["in", "code"]
    assert found["ExitMessage"] == "well"
    assert (
        found["CreationTime"] <= found["ProcessingStartTime"] <= found["ProcessingEndTime"] <= found["LastModifiedTime"]
    )
    assert store.get_object(Bucket="data", Key=f"out/{name}/b.csv")["Body"].read() == b"1,2\n"
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == request["Tags"]
    group = "/aws/sagemaker/ProcessingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)[
        "events"
    ]
    assert [event["message"] for event in events] == ["['--n', '1'] x"]
    component = sagemaker.describe_trial_component(TrialComponentName=f"{name}-aws-processing-job")
    assert component["Status"]["PrimaryStatus"] == "Completed"


def test_every_member_of_a_request_that_a_description_knows_comes_back() -> None:
    from tarragon.faces.aws.processing import SENT
    from tarragon.faces.aws.wire.model import operation_model

    create, describe = (operation_model("sagemaker", name) for name in ("CreateProcessingJob", "DescribeProcessingJob"))
    assert create is not None
    assert describe is not None
    both = set(create.input_shape.members) & set(describe.output_shape.members)
    assert both - {"ProcessingJobName"} <= set(SENT)


def test_failures_have_their_reason(client: Client, request_of: Callable[..., Request]) -> None:
    sagemaker = client("sagemaker")
    request = request_of("raise SystemExit(3)")
    sagemaker.create_processing_job(**request)
    found = ended(sagemaker, request["ProcessingJobName"])
    assert found["ProcessingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("AlgorithmError: ")
    assert "exit code: 3" in found["FailureReason"]
    request = request_of("1", AppSpecification={"ImageUri": CLARIFY})
    sagemaker.create_processing_job(**request)
    reason = ended(sagemaker, request["ProcessingJobName"])["FailureReason"]
    assert reason.startswith("ClientError: The image sagemaker-clarify-processing")


def test_a_job_is_stopped_listed_and_deleted(client: Client, request_of: Callable[..., Request]) -> None:
    sagemaker = client("sagemaker", region="eu-west-1")
    request = request_of("import time; print('up', flush=True); time.sleep(60)")
    name = request["ProcessingJobName"]
    sagemaker.create_processing_job(**request)
    assert sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] == "InProgress"
    assert refusal(sagemaker.delete_processing_job, ProcessingJobName=name)[0] == "ResourceInUse"
    sagemaker.stop_processing_job(ProcessingJobName=name)
    assert ended(sagemaker, name)["ProcessingJobStatus"] == "Stopped"
    code, message = refusal(sagemaker.stop_processing_job, ProcessingJobName=name)
    assert code == "ValidationException"
    assert "terminal status" in message
    listed = sagemaker.list_processing_jobs(StatusEquals="Stopped")["ProcessingJobSummaries"]
    assert [each["ProcessingJobName"] for each in listed] == [name]
    sagemaker.delete_processing_job(ProcessingJobName=name)
    assert sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == []


def test_what_is_not_there_or_there_already(client: Client, request_of: Callable[..., Request]) -> None:
    sagemaker = client("sagemaker")
    for function in (sagemaker.describe_processing_job, sagemaker.stop_processing_job):
        expected = ("ValidationException", "Could not find requested job with name: none")
        assert refusal(function, ProcessingJobName="none") == expected
    request = request_of("1")
    arn = sagemaker.create_processing_job(**request)["ProcessingJobArn"]
    code, message = refusal(sagemaker.create_processing_job, **request)
    assert code == "ResourceInUse"
    assert arn in message
    assert "already exists" in message
    ended(sagemaker, request["ProcessingJobName"])


def test_what_cannot_be_honoured_is_refused(client: Client, request_of: Callable[..., Request]) -> None:
    sagemaker = client("sagemaker")
    athena = {
        "Catalog": "c", "Database": "d", "QueryString": "q", "OutputS3Uri": "s3://data/x", "OutputFormat": "TEXTFILE",
    }  # fmt: skip
    inputs = [{"InputName": "x", "DatasetDefinition": {"AthenaDatasetDefinition": athena}}]
    _, message = refusal(sagemaker.create_processing_job, **request_of("1", ProcessingInputs=inputs))
    assert "S3Input" in message
    outputs = {"Outputs": [{"OutputName": "o", "FeatureStoreOutput": {"FeatureGroupName": "g"}}]}
    _, message = refusal(sagemaker.create_processing_job, **request_of("1", ProcessingOutputConfig=outputs))
    assert "S3Output" in message
