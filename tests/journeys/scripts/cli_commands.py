"""The AWS command line: S3, SageMaker with its waiters, logs, and an endpoint's answer."""

import json
import os
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import numpy as np


def aws(*words: str, program: str = "aws") -> str:
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
role = "arn:aws:iam::123456789012:role/anything"
with tempfile.TemporaryDirectory() as folder:
    here = Path(folder)
    (here / "in").mkdir()
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=200), rng.normal(size=200)])
    rows[:, 0] = rows[:, 1] * 4
    np.savetxt(here / "in" / "data.csv", rows, delimiter=",", fmt="%.5f")
    (here / "in" / "sub").mkdir()
    (here / "in" / "sub" / "ü +.txt").write_text("words")

    aws("s3", "mb", "s3://by-hand")
    aws("s3", "sync", str(here / "in"), "s3://by-hand/in")
    assert "data.csv" in aws("s3", "ls", "s3://by-hand/in/")
    assert "PRE sub/" in aws("s3", "ls", "s3://by-hand/in/")
    aws("s3", "cp", "s3://by-hand/in/sub/ü +.txt", str(here / "back.txt"))
    assert (here / "back.txt").read_text() == "words"
    assert aws("s3", "sync", str(here / "in"), "s3://by-hand/in") == "", "nothing changed, nothing is copied"
    url = aws("s3", "presign", "s3://by-hand/in/data.csv").strip()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert opener.open(url).read() == (here / "in" / "data.csv").read_bytes()
    aws("s3", "rm", "s3://by-hand/in/sub", "--recursive")

    channel = [{
        "ChannelName": "train", "ContentType": "text/csv",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://by-hand/in/"}},
    }]  # fmt: skip
    aws(
        "sagemaker", "create-training-job", "--training-job-name", "by-hand", "--role-arn", role,
        "--algorithm-specification", f"TrainingImage={image},TrainingInputMode=File",
        "--hyper-parameters", "num_round=20", "--input-data-config", json.dumps(channel),
        "--output-data-config", "S3OutputPath=s3://by-hand/out",
        "--resource-config", "InstanceType=ml.m5.large,InstanceCount=1,VolumeSizeInGB=1",
        "--stopping-condition", "MaxRuntimeInSeconds=600",
    )  # fmt: skip
    aws("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", "by-hand")
    job = json.loads(aws("sagemaker", "describe-training-job", "--training-job-name", "by-hand", "--output", "json"))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    listed = json.loads(aws("sagemaker", "list-training-jobs", "--name-contains", "by-hand", "--output", "json"))
    assert [each["TrainingJobName"] for each in listed["TrainingJobSummaries"]] == ["by-hand"]
    words = ["/aws/sagemaker/TrainingJobs", "--log-stream-name-prefix", "by-hand/", "--since", "1h"]
    if Path("/usr/bin/aws").exists():  # version 2, which alone can tail; Debian's knows no AWS_ENDPOINT_URL
        where = ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
        lines = aws(*where, "logs", "tail", *words, program="/usr/bin/aws")
    else:
        lines = aws("logs", "filter-log-events", "--log-group-name", words[0], "--log-stream-name-prefix", "by-hand/")
    assert "train-rmse" in lines, lines

    data = job["ModelArtifacts"]["S3ModelArtifacts"]
    aws(
        "sagemaker", "create-model", "--model-name", "by-hand", "--execution-role-arn", role,
        "--primary-container", f"Image={image},ModelDataUrl={data}",
    )  # fmt: skip
    variant = "VariantName=v,ModelName=by-hand,InitialInstanceCount=1,InstanceType=ml.m5.large"
    aws("sagemaker", "create-endpoint-config", "--endpoint-config-name", "by-hand", "--production-variants", variant)
    aws("sagemaker", "create-endpoint", "--endpoint-name", "by-hand", "--endpoint-config-name", "by-hand")
    aws("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", "by-hand")
    (here / "row.csv").write_text("0.5")
    aws(
        "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "by-hand", "--content-type", "text/csv",
        "--body", f"fileb://{here / 'row.csv'}", str(here / "answer.txt"),
    )  # fmt: skip
    assert abs(float((here / "answer.txt").read_text()) - 2) < 1.0
    aws("sagemaker", "delete-endpoint", "--endpoint-name", "by-hand")
    aws("sagemaker", "wait", "endpoint-deleted", "--endpoint-name", "by-hand")
print("done")
