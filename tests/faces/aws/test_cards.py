import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]
CONTENT = json.dumps({"model_overview": {"model_name": "m"}, "intended_uses": {"risk_rating": "High"}})


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as raised:
        call()
    return str(raised.value.response["Error"]["Code"])


@pytest.fixture(scope="module")
def sagemaker(client: Client) -> Any:
    return client("sagemaker")


def test_content_makes_versions_and_status_does_not(sagemaker: Any) -> None:
    made = sagemaker.create_model_card(
        ModelCardName="life", Content=CONTENT, ModelCardStatus="Draft", Tags=[{"Key": "a", "Value": "b"}]
    )
    assert made["ModelCardArn"].endswith(":model-card/life")
    sagemaker.update_model_card(
        ModelCardName="life", Content=json.dumps({"business_details": {"business_problem": "x"}})
    )
    for status in ("PendingReview", "Approved"):
        sagemaker.update_model_card(ModelCardName="life", ModelCardStatus=status)
    latest = sagemaker.describe_model_card(ModelCardName=made["ModelCardArn"])
    assert (latest["ModelCardVersion"], latest["ModelCardStatus"]) == (2, "Approved")
    first = sagemaker.describe_model_card(ModelCardName="life", ModelCardVersion=1)
    assert (first["Content"], first["ModelCardStatus"]) == (CONTENT, "Draft")
    versions = sagemaker.list_model_card_versions(ModelCardName="life")["ModelCardVersionSummaryList"]
    assert [each["ModelCardVersion"] for each in versions] == [2, 1]
    drafts = sagemaker.list_model_card_versions(ModelCardName="life", ModelCardStatus="Draft")
    assert [each["ModelCardVersion"] for each in drafts["ModelCardVersionSummaryList"]] == [1]
    sagemaker.delete_model_card(ModelCardName="life")
    assert code(lambda: sagemaker.describe_model_card(ModelCardName="life")) == "ResourceNotFound"
    sagemaker.create_model_card(ModelCardName="life", Content="{}", ModelCardStatus="Draft")
    assert sagemaker.describe_model_card(ModelCardName="life")["ModelCardVersion"] == 1


def test_rules_of_change(sagemaker: Any) -> None:
    sagemaker.create_model_card(ModelCardName="rules", Content=CONTENT, ModelCardStatus="Draft")
    again = {"ModelCardName": "rules", "Content": "{}", "ModelCardStatus": "Draft"}
    assert code(lambda: sagemaker.create_model_card(**again)) == "ConflictException"
    assert code(lambda: sagemaker.update_model_card(**again)) == "ValidationException"
    assert code(lambda: sagemaker.update_model_card(ModelCardName="rules")) == "ValidationException"
    assert code(lambda: sagemaker.update_model_card(ModelCardName="rules", Content="{")) == "ValidationException"
    assert code(lambda: sagemaker.create_model_card(**{**again, "ModelCardName": "x", "Content": '{"y": 1}'})) == (
        "ValidationException"
    )
    sagemaker.update_model_card(ModelCardName="rules", ModelCardStatus="Archived")
    assert code(lambda: sagemaker.update_model_card(ModelCardName="rules", Content="{}")) == "ConflictException"
    listed = sagemaker.list_model_cards(ModelCardStatus="Archived")["ModelCardSummaries"]
    assert [each["ModelCardName"] for each in listed] == ["rules"]


def test_a_card_is_found_by_its_risk(sagemaker: Any) -> None:
    sagemaker.create_model_card(ModelCardName="risky", Content=CONTENT, ModelCardStatus="Draft")
    expression = {"Filters": [{"Name": "RiskRating", "Operator": "Equals", "Value": "High"},
                              {"Name": "ModelCardName", "Operator": "Equals", "Value": "risky"}]}  # fmt: skip
    (found,) = sagemaker.search(Resource="ModelCard", SearchExpression=expression)["Results"]
    assert found["ModelCard"]["RiskRating"] == "High"


def test_an_export_is_a_file_in_s3_or_says_why_not(client: Client, sagemaker: Any) -> None:
    client("s3").create_bucket(Bucket="cards")
    sagemaker.create_model_card(ModelCardName="out", Content=CONTENT, ModelCardStatus="Draft")
    arn = sagemaker.create_model_card_export_job(
        ModelCardName="out", ModelCardExportJobName="e1", OutputConfig={"S3OutputPath": "s3://cards/x"}
    )["ModelCardExportJobArn"]
    found = sagemaker.describe_model_card_export_job(ModelCardExportJobArn=arn)
    assert (found["Status"], found["ModelCardVersion"]) == ("Completed", 1)
    bucket, _, key = found["ExportArtifacts"]["S3ExportArtifacts"].removeprefix("s3://").partition("/")
    assert client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().startswith(b"%PDF-")
    lost = sagemaker.create_model_card_export_job(
        ModelCardName="out", ModelCardExportJobName="e2", OutputConfig={"S3OutputPath": "s3://no-such-bucket/x"}
    )["ModelCardExportJobArn"]
    failed = sagemaker.describe_model_card_export_job(ModelCardExportJobArn=lost)
    assert failed["Status"] == "Failed"
    assert "bucket" in failed["FailureReason"]
    jobs = sagemaker.list_model_card_export_jobs(ModelCardName="out", StatusEquals="Failed")
    assert [each["ModelCardExportJobName"] for each in jobs["ModelCardExportJobSummaries"]] == ["e2"]
