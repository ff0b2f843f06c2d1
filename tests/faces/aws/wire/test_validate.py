"""Broken constraints are told in AWS's words, every one of them."""

from typing import Any

import pytest

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.wire.model import operation_model
from tarragon.faces.aws.wire.validate import check


def told(name: str, params: dict[str, Any], service: str = "sagemaker") -> AwsError:
    with pytest.raises(AwsError) as caught:
        check(service, operation_model(service, name).input_shape, params)
    return caught.value


def test_a_pattern() -> None:
    error = told("DescribeTrainingJob", {"TrainingJobName": "no_such!"})
    assert error.code == "ValidationException"
    assert error.message.startswith(
        "1 validation error detected: Value 'no_such!' at 'trainingJobName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: "
    )


def test_a_newline_at_the_end_is_not_overlooked() -> None:
    told("DescribeTrainingJob", {"TrainingJobName": "job\n"})


def test_enum_range_length_and_null_together() -> None:
    params = {"SortBy": "Beauty", "MaxResults": 0, "NameContains": "x" * 64}
    message = told("ListTrainingJobs", params).message
    assert message.startswith("3 validation errors detected: ")
    assert "Member must satisfy enum value set: [Name, CreationTime, Status]" in message
    assert (
        "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1"
        in message
    )
    assert "Member must have length less than or equal to 63" in message
    assert "Value null at 'trainingJobName'" in told("DescribeTrainingJob", {}).message


def test_inside_lists_and_maps() -> None:
    message = told(
        "AddTags", {"ResourceArn": "arn:aws:sagemaker:eu-west-1:1:x/y", "Tags": [{"Key": "", "Value": ""}]}
    ).message
    assert (
        "at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"
        in message
    )


def test_each_service_has_its_word() -> None:
    assert told("DescribeLogGroups", {"limit": 0}, "logs").code == "InvalidParameterException"


def test_words_of_other_alphabets_are_allowed_in_tags() -> None:
    params = {
        "ResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:model/y",
        "Tags": [{"Key": "größe", "Value": "小"}],
    }
    check("sagemaker", operation_model("sagemaker", "AddTags").input_shape, params)


def test_a_union_has_exactly_one_member() -> None:
    shape = operation_model("sagemaker", "CreateAutoMLJobV2").input_shape.members["AutoMLProblemTypeConfig"]
    for value in ({}, {"TabularJobConfig": {"TargetAttributeName": "y"}, "ImageClassificationJobConfig": {}}):
        with pytest.raises(AwsError, match="Member must have exactly one of"):
            check("sagemaker", shape, value)
    check("sagemaker", shape, {"ImageClassificationJobConfig": {}})
