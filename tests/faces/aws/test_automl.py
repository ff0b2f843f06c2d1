import io
import random
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tarragon.refine import TableModel

Client = Callable[..., Any]
ROLE = "arn:aws:iam::123456789012:role/automl"
OUTPUT = {"S3OutputPath": "s3://automl/out"}
SOURCE = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://automl/in/"}}}


@pytest.fixture(scope="module")
def sagemaker(client: Client) -> Any:
    draw, table = random.Random(0), ["x,kind,y"]
    for _ in range(200):
        x, kind = draw.uniform(0, 1), draw.choice("ab")
        table.append(f"{x:.4f},{kind},{3 * x + 2 * (kind == 'a') + draw.gauss(0, 0.1):.4f}")
    s3 = client("s3")
    s3.create_bucket(Bucket="automl")
    s3.put_object(Bucket="automl", Key="in/table.csv", Body="\n".join(table).encode())
    return client("sagemaker")


def ended(sagemaker: Any, name: str) -> Any:
    for _ in range(240):
        found = sagemaker.describe_auto_ml_job(AutoMLJobName=name)
        if found["AutoMLJobStatus"] not in ("InProgress", "Stopping"):
            return found
        time.sleep(0.5)
    raise AssertionError(found)


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_job_of_the_first_version(client: Client, sagemaker: Any, tmp_path: Path) -> None:
    request = {
        "AutoMLJobName": "values", "InputDataConfig": [{**SOURCE, "TargetAttributeName": "y"}],
        "OutputDataConfig": OUTPUT, "RoleArn": ROLE, "ProblemType": "Regression",
        "AutoMLJobObjective": {"MetricName": "RMSE"}, "Tags": [{"Key": "a", "Value": "b"}],
        "AutoMLJobConfig": {"CompletionCriteria": {"MaxAutoMLJobRuntimeInSeconds": 6}, "Mode": "HYPERPARAMETER_TUNING"},
    }  # fmt: skip
    arn = sagemaker.create_auto_ml_job(**request)["AutoMLJobArn"]
    assert arn.endswith(":automl-job/values")
    code, message = refused(lambda: sagemaker.create_auto_ml_job(**request))
    assert (code, "already exists" in message, arn in message) == ("ResourceInUse", True, True)
    found = ended(sagemaker, "values")
    assert (found["AutoMLJobStatus"], found["AutoMLJobSecondaryStatus"]) == ("Completed", "Completed"), found
    assert found["InputDataConfig"] == request["InputDataConfig"]
    assert found["ResolvedAttributes"]["ProblemType"] == "Regression"
    best = found["BestCandidate"]
    objective = best["FinalAutoMLJobObjectiveMetric"]
    assert (objective["MetricName"], objective["Type"]) == ("RMSE", "Minimize")
    assert 0.05 < objective["Value"] < 0.3
    (container,) = best["InferenceContainers"]
    assert container["Image"].endswith("/sagemaker-sklearn-automl:2.5-1-cpu-py3")
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    body = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        tar.extractall(tmp_path, filter="data")
    assert TableModel.load(tmp_path).target == "y"

    candidates = sagemaker.list_candidates_for_auto_ml_job(AutoMLJobName="values", SortBy="FinalObjectiveMetricValue")
    names = [each["CandidateName"] for each in candidates["Candidates"]]
    assert best["CandidateName"] in names
    one = sagemaker.list_candidates_for_auto_ml_job(AutoMLJobName="values", CandidateNameEquals=names[0])["Candidates"]
    assert [each["CandidateName"] for each in one] == names[:1]
    assert {each["MetricName"] for each in one[0]["CandidateProperties"]["CandidateMetrics"]} >= {"RMSE", "R2", "MAE"}

    second = sagemaker.describe_auto_ml_job_v2(AutoMLJobName="values")
    tabular = second["AutoMLProblemTypeConfig"]["TabularJobConfig"]
    assert (tabular["TargetAttributeName"], tabular["ProblemType"]) == ("y", "Regression")
    assert second["AutoMLProblemTypeConfigName"] == "Tabular"
    assert second["BestCandidate"]["CandidateName"] == best["CandidateName"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    listed = sagemaker.list_auto_ml_jobs(StatusEquals="Completed")["AutoMLJobSummaries"]
    assert [each["AutoMLJobName"] for each in listed] == ["values"]
    assert refused(lambda: sagemaker.stop_auto_ml_job(AutoMLJobName="values"))[0] == "ValidationException"


def test_a_job_of_the_second_version_is_stopped(sagemaker: Any) -> None:
    sagemaker.create_auto_ml_job_v2(
        AutoMLJobName="stopped", AutoMLJobInputDataConfig=[{**SOURCE, "ChannelType": "training"}],
        AutoMLProblemTypeConfig={"TabularJobConfig": {"TargetAttributeName": "y"}},
        OutputDataConfig=OUTPUT, RoleArn=ROLE,
    )  # fmt: skip
    first = sagemaker.describe_auto_ml_job(AutoMLJobName="stopped")
    assert first["InputDataConfig"][0]["TargetAttributeName"] == "y"
    assert first["AutoMLJobStatus"] == "InProgress"
    sagemaker.stop_auto_ml_job(AutoMLJobName="stopped")
    found = ended(sagemaker, "stopped")
    assert (found["AutoMLJobStatus"], found["AutoMLJobSecondaryStatus"]) == ("Stopped", "Stopped")
    assert found["EndTime"] >= found["CreationTime"]


def test_a_failure_says_why(sagemaker: Any) -> None:
    sagemaker.create_auto_ml_job(
        AutoMLJobName="no-target", InputDataConfig=[{**SOURCE, "TargetAttributeName": "nope"}],
        OutputDataConfig=OUTPUT, RoleArn=ROLE,
    )  # fmt: skip
    found = ended(sagemaker, "no-target")
    assert (found["AutoMLJobStatus"], "nope" in found["FailureReason"]) == ("Failed", True)
    assert "BestCandidate" not in found


def test_what_is_not_there_is_said_before_a_job_is_made(sagemaker: Any) -> None:
    base = {"AutoMLJobName": "x", "OutputDataConfig": OUTPUT, "RoleArn": ROLE}
    channel = {**SOURCE, "TargetAttributeName": "y"}
    older = {
        "not there yet": {"InputDataConfig": [channel], "GenerateCandidateDefinitionsOnly": True},
        "together": {"InputDataConfig": [channel], "ProblemType": "Regression"},
        "does not go with": {
            "InputDataConfig": [channel], "ProblemType": "Regression", "AutoMLJobObjective": {"MetricName": "F1"},
        },
        "two training": {"InputDataConfig": [channel, channel]},
        "no training": {"InputDataConfig": [{**channel, "ChannelType": "validation"}]},
        "not deployed": {"InputDataConfig": [channel], "ModelDeployConfig": {"AutoGenerateEndpointName": True}},
    }  # fmt: skip
    for words, extra in older.items():
        code, message = refused(lambda extra=extra: sagemaker.create_auto_ml_job(**base, **extra))
        assert code == "ValidationException"
        assert words in message or "yet" in message
    code, message = refused(
        lambda: sagemaker.create_auto_ml_job_v2(
            **base, AutoMLJobInputDataConfig=[SOURCE],
            AutoMLProblemTypeConfig={"TextClassificationJobConfig": {"ContentColumn": "t", "TargetLabelColumn": "l"}},
        )
    )  # fmt: skip
    assert (code, "not there yet" in message) == ("ValidationException", True)
    for missing in (sagemaker.describe_auto_ml_job, sagemaker.describe_auto_ml_job_v2, sagemaker.stop_auto_ml_job):
        code, message = refused(lambda missing=missing: missing(AutoMLJobName="x"))
        assert (code, "x" in message) == ("ResourceNotFound", True)
