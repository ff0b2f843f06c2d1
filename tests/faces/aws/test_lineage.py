from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def sagemaker(client: Client) -> Any:
    return client("sagemaker")


def code(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_artifact_lives_by_its_source(sagemaker: Any) -> None:
    source = {"SourceUri": "s3://b/data.csv", "SourceTypes": [{"SourceIdType": "S3ETag", "Value": "e1"}]}
    made = sagemaker.create_artifact(
        ArtifactName="data", Source=source, ArtifactType="DataSet", Properties={"rows": "10", "old": "1"},
        Tags=[{"Key": "team", "Value": "a"}],
    )["ArtifactArn"]  # fmt: skip
    assert ":artifact/" in made
    again = code(lambda: sagemaker.create_artifact(Source=source, ArtifactType="DataSet"))
    assert again[0] == "ValidationException"
    assert "already exists" in again[1]
    assert sagemaker.list_tags(ResourceArn=made)["Tags"] == [{"Key": "team", "Value": "a"}]
    sagemaker.update_artifact(ArtifactArn=made, Properties={"rows": "11"}, PropertiesToRemove=["old"])
    found = sagemaker.describe_artifact(ArtifactArn=made)
    assert found["Properties"] == {"rows": "11"}
    assert found["Source"] == source
    assert found["LastModifiedTime"] >= found["CreationTime"]
    other = sagemaker.create_artifact(Source={"SourceUri": "s3://b/x"}, ArtifactType="Model")["ArtifactArn"]
    listed = sagemaker.list_artifacts(ArtifactType="DataSet")["ArtifactSummaries"]
    assert [each["ArtifactArn"] for each in listed] == [made]
    assert [e["ArtifactArn"] for e in sagemaker.list_artifacts(SourceUri="s3://b/x")["ArtifactSummaries"]] == [other]
    assert sagemaker.delete_artifact(Source=source)["ArtifactArn"] == made
    gone = code(lambda: sagemaker.describe_artifact(ArtifactArn=made))
    assert gone == ("ResourceNotFound", f"Artifact '{made}' does not exist.")
    assert code(sagemaker.delete_artifact)[0] == "ValidationException"


def test_actions_and_contexts_are_named(sagemaker: Any) -> None:
    sagemaker.create_action(
        ActionName="deploy", Source={"SourceUri": "u", "SourceType": "ARN"}, ActionType="ModelDeployment",
        Status="InProgress", Description="first",
    )  # fmt: skip
    sagemaker.update_action(ActionName="deploy", Status="Completed")
    found = sagemaker.describe_action(ActionName="deploy")
    assert (found["Status"], found["Description"]) == ("Completed", "first")
    assert sagemaker.describe_action(ActionName=found["ActionArn"])["ActionName"] == "deploy"
    for name in ("b", "a", "c"):
        sagemaker.create_context(ContextName=name, Source={"SourceUri": "u"}, ContextType="Endpoint")
    in_order = sagemaker.list_contexts(SortBy="Name", SortOrder="Ascending", MaxResults=2)
    assert [each["ContextName"] for each in in_order["ContextSummaries"]] == ["a", "b"]
    rest = sagemaker.list_contexts(SortBy="Name", SortOrder="Ascending", NextToken=in_order["NextToken"])
    assert [each["ContextName"] for each in rest["ContextSummaries"]] == ["c"]
    sagemaker.update_context(ContextName="a", Description="d")
    assert sagemaker.describe_context(ContextName="a")["Description"] == "d"
    sagemaker.delete_context(ContextName="b")
    assert code(lambda: sagemaker.describe_context(ContextName="b"))[0] == "ResourceNotFound"
    sagemaker.delete_action(ActionName="deploy")
    assert sagemaker.list_actions()["ActionSummaries"] == []
