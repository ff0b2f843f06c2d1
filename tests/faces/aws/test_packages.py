"""Model packages through a real boto3 client: one registry, which native commands see too."""

import json

import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Workspace
from tarragon.faces.cli import main
from tarragon.registry import PackageFacts, Registry

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
DATA = "s3://packages/model.tar.gz"


def serving(uri=DATA, **more):
    return {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": uri, "Environment": {"A": "1"}, **more}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }


@pytest.fixture(scope="module")
def sagemaker(client):
    client("s3").create_bucket(Bucket="packages")
    client("s3").put_object(Bucket="packages", Key="model.tar.gz", Body=b"a model")
    made = client("sagemaker")
    made.create_model_package_group(ModelPackageGroupName="churn")
    return made


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Message"]


def a_version(sagemaker, group="churn", **more):
    given = {"ModelPackageGroupName": group, "InferenceSpecification": serving(), **more}
    return sagemaker.create_model_package(**given)["ModelPackageArn"]


def test_a_version_is_registered_decided_about_and_described(sagemaker, server, capsys):
    metrics = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://packages/s.json"}}}
    arn = a_version(
        sagemaker, ModelPackageDescription="first", ModelMetrics=metrics, CustomerMetadataProperties={"k": "v"}
    )
    assert arn == ARN + "churn/1"
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (found["ModelPackageGroupName"], found["ModelPackageVersion"]) == ("churn", 1)
    assert (found["ModelPackageStatus"], found["ModelApprovalStatus"]) == ("Completed", "PendingManualApproval")
    assert found["ModelMetrics"] == metrics
    assert found["InferenceSpecification"] == serving()
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    found = sagemaker.describe_model_package(ModelPackageName=found["ModelPackageName"])
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "good")
    assert found["LastModifiedTime"] >= found["CreationTime"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval")
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="odd")
    assert main.run(["registry", "show", "churn/1", "--json", "--home", str(server.home)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(e["action"], e["reason"]) for e in told["history"]] == [
        ("register", ""), ("approve", "good"), ("reopen", ""), ("reject", "odd"),
    ]  # fmt: skip
    assert told["score"] is None
    assert told["files"][0]["path"] == DATA
    assert told["specification"]["InferenceSpecification"] == serving()
    assert main.run(["registry", "show", "churn/1", "--home", str(server.home)]) == 0
    assert "refers to a model in the object store" in capsys.readouterr().out
    assert main.run(["registry", "approve", "churn/1", "--reason", "after all", "--home", str(server.home)]) == 0
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ApprovalDescription"] == "after all"
    assert main.run(["registry", "verify", "--home", str(server.home)]) == 0


def test_what_may_change_of_a_package_changes_in_the_open(sagemaker, server):
    arn = a_version(sagemaker, CustomerMetadataProperties={"a": "1", "b": "2"}, SourceUri="first")
    sagemaker.update_model_package(
        ModelPackageArn=arn, CustomerMetadataProperties={"c": "3"}, CustomerMetadataPropertiesToRemove=["a"],
        SourceUri="second", ModelLifeCycle={"Stage": "Dev", "StageStatus": "Done"},
        ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
        AdditionalInferenceSpecificationsToAdd=[{"Name": "gpu", "Containers": [{"Image": IMAGE}]}],
    )  # fmt: skip
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert (found["SourceUri"], found["ModelLifeCycle"]["Stage"]) == ("second", "Dev")
    assert found["AdditionalInferenceSpecifications"][0]["Name"] == "gpu"
    sagemaker.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardStatus": "Approved"})
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["ModelCard"] == {"ModelCardContent": "{}", "ModelCardStatus": "Approved"}
    found = sagemaker.describe_model_package(ModelPackageName=arn, IncludedData="MetadataOnly")
    assert found["ModelCard"] == {"ModelCardStatus": "Approved"}
    again = [{"Name": "gpu", "Containers": [{"Image": IMAGE}]}]
    assert "name of its own" in refused(
        sagemaker.update_model_package, ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=again
    )
    with Workspace.open(server.home) as workspace:
        acts = [entry.act.action for entry in Registry(workspace).history(arn.removeprefix(ARN))]
    assert acts == ["register", "amend", "amend"]


def test_lists_are_by_group_type_and_state(sagemaker):
    sagemaker.create_model_package_group(ModelPackageGroupName="listed")
    arns = [a_version(sagemaker, "listed", ModelApprovalStatus=state) for state in ("Approved", "Rejected", "Approved")]
    alone = sagemaker.create_model_package(ModelPackageName="listed-alone", InferenceSpecification=serving())

    def names(**params):
        found = sagemaker.list_model_packages(**params)["ModelPackageSummaryList"]
        return [each["ModelPackageArn"] for each in found]

    assert names(ModelPackageGroupName="listed") == arns
    assert names(ModelPackageGroupName="listed", SortOrder="Descending", MaxResults=1) == arns[-1:]
    assert names(ModelPackageGroupName="listed", ModelApprovalStatus="Approved") == [arns[0], arns[2]]
    assert names(NameContains="listed") == [alone["ModelPackageArn"]]
    assert names(NameContains="listed", ModelPackageType="Versioned") == arns
    assert len(names(NameContains="listed", ModelPackageType="Both")) == 4
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName="listed", PaginationConfig={"PageSize": 1}
    )
    assert [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]] == arns
    hits = sagemaker.search(
        Resource="ModelPackage",
        SearchExpression={"Filters": [
            {"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": "listed"},
            {"Name": "ModelApprovalStatus", "Operator": "Equals", "Value": "Rejected"},
        ]},
    )["Results"]  # fmt: skip
    assert [each["ModelPackage"]["ModelPackageArn"] for each in hits] == [arns[1]]


def test_a_package_without_versions_is_the_only_one_of_its_name(sagemaker):
    tag = [{"Key": "a", "Value": "b"}]
    arn = sagemaker.create_model_package(
        ModelPackageName="alone", InferenceSpecification=serving(), Tags=tag
    )["ModelPackageArn"]  # fmt: skip
    assert arn == ARN + "alone"
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tag
    for named in ("alone", arn):
        found = sagemaker.describe_model_package(ModelPackageName=named)
        assert found["ModelPackageName"] == "alone"
        assert "ModelApprovalStatus" not in found
        assert "ModelPackageVersion" not in found
    message = refused(sagemaker.create_model_package, ModelPackageName="alone", InferenceSpecification=serving())
    assert "ModelPackage already exists" in message
    sagemaker.delete_model_package(ModelPackageName="alone")
    assert refused(sagemaker.describe_model_package, ModelPackageName="alone") == f"ModelPackage {arn} does not exist"
    sagemaker.create_model_package(ModelPackageName="alone", InferenceSpecification=serving())


def test_a_deleted_version_s_number_is_not_used_again(sagemaker, server):
    sagemaker.create_model_package_group(ModelPackageGroupName="deleted")
    arn = a_version(sagemaker, "deleted")
    sagemaker.delete_model_package(ModelPackageName=arn)
    assert refused(sagemaker.describe_model_package, ModelPackageName=arn) == f"ModelPackage {arn} does not exist"
    assert a_version(sagemaker, "deleted") == ARN + "deleted/2"
    with Workspace.open(server.home) as workspace:
        assert Registry(workspace).verify_audit() == ()


def test_several_are_described_at_once(sagemaker):
    arn = a_version(sagemaker)
    found = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, ARN + "none/7"])
    assert found["ModelPackageSummaries"][arn]["InferenceSpecification"] == serving()
    assert list(found["BatchDescribeModelPackageErrorMap"]) == [ARN + "none/7"]


def test_a_request_that_is_sent_again_makes_one_version(sagemaker):
    assert a_version(sagemaker, ClientToken="once") == a_version(sagemaker, ClientToken="once")


def test_regions_are_apart(sagemaker, client, server):
    a_version(sagemaker)
    west = client("sagemaker", region="eu-west-1")
    assert "does not exist" in refused(
        west.create_model_package, ModelPackageGroupName="churn", InferenceSpecification=serving()
    )
    west.create_model_package_group(ModelPackageGroupName="churn")
    assert a_version(west).endswith("eu-west-1:123456789012:model-package/churn/1")
    assert len(west.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]) == 1
    assert "does not exist" in refused(west.describe_model_package, ModelPackageName=ARN + "churn/1")
    with Workspace.open(server.home) as workspace:
        assert Registry(workspace).show("eu-west-1.churn/1").reference


def test_a_native_version_is_described_and_decided_about(sagemaker, server, tmp_path):
    (tmp_path / "model.json").write_text("{}")
    facts = PackageFacts("native", "binary", "left", "auc", 0.84, 0.82, 0.86, (("age", "numeric"),), ("n", "y"))
    with Workspace.open(server.home) as workspace:
        Registry(workspace).register(tmp_path, facts)
    found = sagemaker.describe_model_package(ModelPackageName=ARN + "native/1")
    assert found["ModelPackageDescription"] == "Predicts left (binary) from 1 columns"
    assert found["CustomerMetadataProperties"]["auc"] == "0.84"
    assert "InferenceSpecification" not in found
    sagemaker.update_model_package(ModelPackageArn=ARN + "native/1", ModelApprovalStatus="Approved")
    with Workspace.open(server.home) as workspace:
        assert Registry(workspace).show("native@approved").name == "native/1"
    assert "only its approval can change" in refused(
        sagemaker.update_model_package, ModelPackageArn=ARN + "native/1", SourceUri="x"
    )
    sagemaker.create_model_package(ModelPackageGroupName="native", InferenceSpecification=serving())
    listed = sagemaker.list_model_packages(ModelPackageGroupName="native")["ModelPackageSummaryList"]
    assert [each["ModelPackageVersion"] for each in listed] == [1, 2]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "Neither is provided"),
        ({"ModelPackageName": "a", "ModelPackageGroupName": "churn"}, "Both ModelPackageName"),
        ({"ModelPackageName": "a"}, "needs an InferenceSpecification"),
        ({"ModelPackageGroupName": "none"}, "model-package-group/none does not exist."),
        ({"ModelPackageGroupName": "churn", "Tags": [{"Key": "a", "Value": "b"}]}, "Tags cannot be given"),
        ({"ModelPackageGroupName": "churn", "InferenceSpecification": serving("s3://packages/no")}, "no model data"),
        ({"ModelPackageGroupName": "churn", "InferenceSpecification": serving("https://a/b")}, "must be in S3"),
        ({"ModelPackageGroupName": "churn", "ManagedStorageType": "Restricted"}, "cannot be honoured"),
    ],
)
def test_what_is_refused_says_why(sagemaker, params, words):
    assert words in refused(sagemaker.create_model_package, **params)
