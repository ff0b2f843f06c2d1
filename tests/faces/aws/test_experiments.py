from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_experiments_life(client: Client) -> None:
    sagemaker = client("sagemaker")
    made = sagemaker.create_experiment(
        ExperimentName="churn", Description="why they leave", Tags=[{"Key": "a", "Value": "b"}]
    )
    assert made["ExperimentArn"] == "arn:aws:sagemaker:us-east-1:123456789012:experiment/churn"
    code, message = refused(lambda: sagemaker.create_experiment(ExperimentName="churn"))
    assert (code, "already exists" in message) == ("ValidationException", True)
    sagemaker.update_experiment(ExperimentName="churn", DisplayName="Churn")
    found = sagemaker.describe_experiment(ExperimentName="churn")
    assert (found["DisplayName"], found["Description"]) == ("Churn", "why they leave")
    assert sagemaker.list_tags(ResourceArn=made["ExperimentArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    assert [each["ExperimentName"] for each in sagemaker.list_experiments()["ExperimentSummaries"]] == ["churn"]
    assert client("sagemaker", "eu-west-1").list_experiments()["ExperimentSummaries"] == []
    sagemaker.create_trial(TrialName="t", ExperimentName="churn")
    assert refused(lambda: sagemaker.delete_experiment(ExperimentName="churn"))[0] == "ValidationException"
    sagemaker.delete_trial(TrialName="t")
    sagemaker.delete_experiment(ExperimentName="churn")
    code, message = refused(lambda: sagemaker.describe_experiment(ExperimentName="churn"))
    assert (code, "does not exist" in message, "churn" in message) == ("ResourceNotFound", True, True)
    for missing in (sagemaker.update_experiment, sagemaker.delete_experiment):
        assert refused(lambda missing=missing: missing(ExperimentName="churn"))[0] == "ResourceNotFound"
    assert refused(lambda: sagemaker.list_tags(ResourceArn=made["ExperimentArn"]))[0] == "ValidationException"


def test_names_are_held_against_their_pattern(client: Client) -> None:
    code, message = refused(lambda: client("sagemaker").create_experiment(ExperimentName="no/../name"))
    assert (code, "experimentName" in message) == ("ValidationException", True)


def test_pages_of_experiments(client: Client) -> None:
    sagemaker = client("sagemaker", "us-west-2")
    for i in range(12):
        sagemaker.create_experiment(ExperimentName=f"e{i:02}")
    pages = sagemaker.get_paginator("list_experiments").paginate(SortBy="Name", SortOrder="Ascending")
    shown = [[each["ExperimentName"] for each in page["ExperimentSummaries"]] for page in pages]
    assert [len(each) for each in shown] == [10, 2]
    assert [name for each in shown for name in each] == [f"e{i:02}" for i in range(12)]
    assert refused(lambda: sagemaker.list_experiments(NextToken="forged"))[0] == "ValidationException"
