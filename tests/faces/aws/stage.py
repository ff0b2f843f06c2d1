"""What is there before generated requests come: something of most kinds, under one name."""

import io
import tarfile
from typing import Any

NAME, BUCKET, KEY = "stage", "stage-bucket", "a/b.csv"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{NAME}"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
TRUST = '{"Version": "2012-10-17", "Statement": []}'
PACKAGE = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/{NAME}/1"
KNOWN: dict[str, Any] = {
    "Bucket": BUCKET, "Key": KEY, "RoleArn": ROLE, "RoleName": NAME, "ModelName": NAME, "EndpointName": NAME,
    "ExperimentName": NAME, "TrialName": NAME, "TrialComponentName": NAME, "ModelPackageGroupName": NAME,
    "ModelPackageName": PACKAGE, "ModelPackageArn": PACKAGE, "ModelPackageArnList": [PACKAGE],
    "EndpointConfigName": NAME, "logGroupName": NAME, "logStreamName": NAME, "S3Uri": f"s3://{BUCKET}/a/",
    "S3OutputPath": f"s3://{BUCKET}/out/", "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz", "Image": IMAGE,
    "TrainingImage": IMAGE, "ResourceArn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/{NAME}",
    "ContextName": NAME, "ActionName": NAME, "CopySource": f"{BUCKET}/{KEY}", "NextToken": None,
}  # fmt: skip
KNOWN = {name: value for name, value in KNOWN.items() if value is not None}


def prepare(client: Any) -> None:
    """Make it all; ``client(service)`` gives a boto3 client."""
    s3, sagemaker, logs = client("s3"), client("sagemaker"), client("logs")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"1,2\n3,4\n")
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=_archive())
    client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument=TRUST)
    sagemaker.create_model(
        ModelName=NAME, ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"},
    )  # fmt: skip
    sagemaker.create_model_package_group(ModelPackageGroupName=NAME)
    serving = {"Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}]}
    sagemaker.create_model_package(ModelPackageGroupName=NAME, InferenceSpecification=serving)
    sagemaker.create_experiment(ExperimentName=NAME)
    sagemaker.create_trial(TrialName=NAME, ExperimentName=NAME)
    sagemaker.create_trial_component(TrialComponentName=NAME)
    variant = {"VariantName": "a", "ModelName": NAME, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    logs.create_log_group(logGroupName=NAME)
    logs.create_log_stream(logGroupName=NAME, logStreamName=NAME)


def _archive() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("empty"), io.BytesIO(b""))
    return held.getvalue()
