"""Models through a real boto3 client; what they run, packages looked up."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Documents, Workspace
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.models import resolved
from tarragon.serve import Container

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/"
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
DATA = "s3://models/model.tar.gz"


@pytest.fixture(scope="module")
def sagemaker(client):
    client("s3").create_bucket(Bucket="models")
    client("s3").put_object(Bucket="models", Key="model.tar.gz", Body=b"a model")
    client("s3").put_object(Bucket="models", Key="open/model.bin", Body=b"a model")
    return client("sagemaker")


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return caught.value.response["Error"]["Message"]


def what_runs(server, name, region="us-east-1"):
    with Workspace.open(server.home) as workspace:
        parts = SimpleNamespace(
            workspace=workspace, documents=Documents(workspace.store), account="123456789012", clock=lambda: 0.0
        )
        return resolved(parts, region, name)


def test_a_model_comes_back_as_it_was_given(sagemaker, server, client):
    given = {
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": DATA, "Environment": {"A": "1"}},
        "ExecutionRoleArn": ROLE,
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        "EnableNetworkIsolation": True,
    }
    made = sagemaker.create_model(ModelName="one", Tags=[{"Key": "a", "Value": "b"}], **given)
    assert made["ModelArn"] == ARN + "one"
    found = sagemaker.describe_model(ModelName="one")
    assert {name: found[name] for name in given} == given
    assert sagemaker.list_tags(ResourceArn=ARN + "one")["Tags"] == [{"Key": "a", "Value": "b"}]
    assert what_runs(server, "one") == (Container(IMAGE, DATA, {"A": "1"}),)
    listed = sagemaker.list_models(NameContains="one")["Models"]
    assert [each["ModelArn"] for each in listed] == [ARN + "one"]
    message = refused(sagemaker.create_model, ModelName="one", **given)
    assert message == f'Cannot create already existing model "{ARN}one".'
    west = client("sagemaker", region="eu-west-1")
    assert west.list_models()["Models"] == []
    sagemaker.delete_model(ModelName="one")
    for call in (sagemaker.describe_model, sagemaker.delete_model):
        assert refused(call, ModelName="one") == f'Could not find model "{ARN}one".'
    with pytest.raises(AwsError, match="Could not find model"):
        what_runs(server, "one")


def test_containers_keep_their_order_and_sources(sagemaker, server):
    source = {"S3DataSource": {"S3Uri": "s3://models/open/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
    sagemaker.create_model(
        ModelName="chain", ExecutionRoleArn=ROLE, InferenceExecutionConfig={"Mode": "Direct"},
        Containers=[
            {"Image": IMAGE, "ContainerHostname": "first", "ModelDataSource": source},
            {"Image": IMAGE, "ContainerHostname": "second", "ModelDataUrl": "s3://models/many/", "Mode": "MultiModel"},
        ],
    )  # fmt: skip
    assert what_runs(server, "chain") == (
        Container(IMAGE, "s3://models/open/", packed=False, name="first"),
        Container(IMAGE, "s3://models/many/", several=True, name="second"),
    )
    hits = sagemaker.search(
        Resource="Model",
        SearchExpression={"Filters": [{"Name": "Model.ModelName", "Operator": "Equals", "Value": "chain"}]},
    )
    assert "Results" in hits


def test_a_package_says_what_its_model_runs_once_it_is_approved(sagemaker, server, client):
    serving = {"Containers": [{"Image": IMAGE, "ModelDataUrl": DATA, "Environment": {"A": "1", "B": "2"}}]}
    other = {"Name": "other", "Containers": [{"Image": IMAGE + "b", "ModelDataUrl": DATA}]}
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="churn", InferenceSpecification=serving, AdditionalInferenceSpecifications=[other]
    )["ModelPackageArn"]
    primary = {"ModelPackageName": arn, "Environment": {"B": "3"}}
    message = refused(sagemaker.create_model, ModelName="p", PrimaryContainer=primary, ExecutionRoleArn=ROLE)
    assert "only an Approved one can be deployed" in message
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.create_model(ModelName="p", PrimaryContainer=primary, ExecutionRoleArn=ROLE)
    assert what_runs(server, "p") == (Container(IMAGE, DATA, {"A": "1", "B": "3"}),)
    named = {"ModelPackageName": arn, "InferenceSpecificationName": "other"}
    sagemaker.create_model(ModelName="q", PrimaryContainer=named, ExecutionRoleArn=ROLE)
    assert what_runs(server, "q")[0].image == IMAGE + "b"
    named["InferenceSpecificationName"] = "none"
    message = refused(sagemaker.create_model, ModelName="r", PrimaryContainer=named, ExecutionRoleArn=ROLE)
    assert "no inference specification named none" in message
    missing = {"ModelPackageName": "nowhere"}
    message = refused(sagemaker.create_model, ModelName="r", PrimaryContainer=missing, ExecutionRoleArn=ROLE)
    assert message.endswith("model-package/nowhere does not exist")
    client("s3").put_object(Bucket="models", Key="model.tar.gz", Body=b"another model")
    with pytest.raises(AwsError, match="is not what was registered"):
        what_runs(server, "p")
    client("s3").put_object(Bucket="models", Key="model.tar.gz", Body=b"a model")
    assert what_runs(server, "p")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "needs a PrimaryContainer"),
        ({"PrimaryContainer": {"Image": IMAGE}, "Containers": [{"Image": IMAGE}]}, "not both"),
        ({"PrimaryContainer": {}}, "either an Image or a ModelPackageName"),
        (
            {"PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "s3://models/none.tar.gz"}},
            "Could not find model data at s3://models/none.tar.gz.",
        ),
        ({"PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "https://a/b"}}, "Could not find model data"),
        (
            {"Containers": [{"Image": IMAGE, "ContainerHostname": "a"}, {"Image": IMAGE, "ContainerHostname": "a"}]},
            "of its own",
        ),
        ({"Containers": [{"Image": IMAGE}], "InferenceExecutionConfig": {"Mode": "Direct"}}, "needs a Container"),
    ],
)
def test_what_could_not_be_deployed_is_refused(sagemaker, params, words):
    assert words in refused(sagemaker.create_model, ModelName="bad", ExecutionRoleArn=ROLE, **params)
