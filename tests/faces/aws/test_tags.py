from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as raised:
        call()
    return str(raised.value.response["Error"]["Code"])


def test_tags_are_added_replaced_listed_and_removed(client: Client) -> None:
    sagemaker = client("sagemaker")
    arn = sagemaker.create_experiment(ExperimentName="e", Tags=[{"Key": "a", "Value": "1"}])["ExperimentArn"]
    added = sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])["Tags"]
    assert added == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a", "never"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": ""}]
    sagemaker.delete_experiment(ExperimentName="e")
    sagemaker.create_experiment(ExperimentName="e")
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_fifty_is_the_most_and_no_key_comes_twice(client: Client) -> None:
    sagemaker = client("sagemaker")
    arn = sagemaker.create_experiment(ExperimentName="many")["ExperimentArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(50)])
    assert code(lambda: sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "one-more", "Value": "v"}])) == (
        "ValidationException"
    )
    twice = [{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}]
    assert code(lambda: sagemaker.add_tags(ResourceArn=arn, Tags=twice)) == "ValidationException"
    pages = list(sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn, PaginationConfig={"PageSize": 50}))
    assert [len(page["Tags"]) for page in pages] == [50]


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sagemaker:us-east-1:123456789012:experiment/none",
        "arn:aws:sagemaker:us-east-1:123456789012:training-job/none",
        "arn:aws:sagemaker:eu-west-1:123456789012:experiment/many",
        "arn:aws:sagemaker:us-east-1:210987654321:experiment/many",
    ],
)
def test_only_what_is_there_has_tags(client: Client, arn: str) -> None:
    sagemaker = client("sagemaker")
    assert code(lambda: sagemaker.list_tags(ResourceArn=arn)) == "ValidationException"
    assert code(lambda: sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])) == "ValidationException"
