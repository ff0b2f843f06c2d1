"""Model package groups through a real boto3 client."""

import json

import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Workspace
from tarragon.registry import PackageFacts, Registry

GROUP_ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/"


@pytest.fixture(scope="module")
def sagemaker(client):
    return client("sagemaker")


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]


def test_a_group_is_made_described_listed_and_deleted(sagemaker, client):
    made = sagemaker.create_model_package_group(
        ModelPackageGroupName="churn", ModelPackageGroupDescription="who leaves", Tags=[{"Key": "a", "Value": "b"}]
    )
    assert made["ModelPackageGroupArn"] == GROUP_ARN + "churn"
    for named in ("churn", GROUP_ARN + "churn"):
        found = sagemaker.describe_model_package_group(ModelPackageGroupName=named)
        assert found["ModelPackageGroupStatus"] == "Completed"
        assert found["ModelPackageGroupDescription"] == "who leaves"
    assert sagemaker.list_tags(ResourceArn=GROUP_ARN + "churn")["Tags"] == [{"Key": "a", "Value": "b"}]
    listed = sagemaker.list_model_package_groups(NameContains="chu")["ModelPackageGroupSummaryList"]
    assert [each["ModelPackageGroupName"] for each in listed] == ["churn"]
    hits = sagemaker.search(
        Resource="ModelPackageGroup",
        SearchExpression={"Filters": [{"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": "churn"}]},
    )["Results"]
    assert hits[0]["ModelPackageGroup"]["ModelPackageGroupArn"] == GROUP_ARN + "churn"
    error = refused(sagemaker.create_model_package_group, ModelPackageGroupName="churn")
    assert error["Code"] == "ValidationException"
    assert "already exists" in error["Message"]
    west = client("sagemaker", region="eu-west-1")
    assert west.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    sagemaker.delete_model_package_group(ModelPackageGroupName="churn")
    error = refused(sagemaker.describe_model_package_group, ModelPackageGroupName="churn")
    assert error["Message"] == f"ModelPackageGroup {GROUP_ARN}churn does not exist."
    assert sagemaker.list_tags(ResourceArn=GROUP_ARN + "churn")["Tags"] == []


def test_a_policy_is_kept(sagemaker):
    sagemaker.create_model_package_group(ModelPackageGroupName="shared")
    error = refused(sagemaker.get_model_package_group_policy, ModelPackageGroupName="shared")
    assert "Cannot find a resource policy" in error["Message"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sagemaker.put_model_package_group_policy(ModelPackageGroupName="shared", ResourcePolicy=policy)
    assert sagemaker.get_model_package_group_policy(ModelPackageGroupName="shared")["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName="shared")
    assert refused(sagemaker.delete_model_package_group_policy, ModelPackageGroupName="shared")
    error = refused(sagemaker.put_model_package_group_policy, ModelPackageGroupName="shared", ResourcePolicy="no")
    assert "not a JSON document" in error["Message"]


def test_what_cannot_be_honoured_is_refused(sagemaker):
    error = refused(
        sagemaker.create_model_package_group, ModelPackageGroupName="m",
        ManagedConfiguration={"ManagedStorageType": "Restricted"},
    )  # fmt: skip
    assert "cannot be honoured" in error["Message"]


def test_a_group_of_the_native_registry_is_one_in_the_home_region(server, sagemaker, client, tmp_path):
    (tmp_path / "model.json").write_text("{}")
    with Workspace.open(server.home) as workspace:
        facts = PackageFacts("native", "binary", "left", "auc", 0.84, 0.82, 0.86, (("age", "numeric"),))
        Registry(workspace).register(tmp_path, facts)
    assert sagemaker.describe_model_package_group(ModelPackageGroupName="native")["ModelPackageGroupArn"]
    assert "already exists" in refused(sagemaker.create_model_package_group, ModelPackageGroupName="native")["Message"]
    listed = sagemaker.list_model_package_groups(NameContains="native")["ModelPackageGroupSummaryList"]
    assert [each["ModelPackageGroupName"] for each in listed] == ["native"]
    error = refused(sagemaker.delete_model_package_group, ModelPackageGroupName="native")
    assert (error["Code"], "still has model packages" in error["Message"]) == ("ConflictException", True)
    west = client("sagemaker", region="eu-west-1")
    assert "does not exist" in refused(west.describe_model_package_group, ModelPackageGroupName="native")["Message"]
