from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def sagemaker(client: Client) -> Any:
    made = client("sagemaker")
    for name in ("one", "two"):
        made.create_experiment(ExperimentName=name, Tags=[{"Key": "team", "Value": name}])
        made.create_trial(TrialName=f"{name}-trial", ExperimentName=name)
    for i in range(12):
        made.create_trial_component(TrialComponentName=f"c{i:02}", Parameters={"lr": {"NumberValue": i / 10}})
        made.associate_trial_component(TrialComponentName=f"c{i:02}", TrialName="one-trial" if i % 2 else "two-trial")
    return made


def found(sagemaker: Any, member: str, **params: Any) -> list[str]:
    pages = sagemaker.get_paginator("search").paginate(**params)
    return [each[member][f"{member}Name"] for page in pages for each in page["Results"]]


def test_components_are_found_by_parents_and_parameters(sagemaker: Any) -> None:
    expression = {
        "Filters": [
            {"Name": "Parents.ExperimentName", "Operator": "Equals", "Value": "one"},
            {"Name": "Parameters.lr.NumberValue", "Operator": "GreaterThan", "Value": "0.5"},
        ]
    }
    params = {
        "Resource": "ExperimentTrialComponent", "SearchExpression": expression, "SortBy": "Parameters.lr.NumberValue",
        "SortOrder": "Ascending",
    }  # fmt: skip
    assert found(sagemaker, "TrialComponent", **params) == ["c07", "c09", "c11"]
    first = sagemaker.search(**params, MaxResults=2)
    assert first["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}
    rest = sagemaker.search(**params, MaxResults=2, NextToken=first["NextToken"])
    (last,) = rest["Results"]
    assert last["TrialComponent"]["Parents"] == [{"ExperimentName": "one", "TrialName": "one-trial"}]


def test_experiments_by_tag_and_trials_by_experiment(sagemaker: Any) -> None:
    by_tag = {"Filters": [{"Name": "Tags.team", "Operator": "Equals", "Value": "two"}]}
    assert found(sagemaker, "Experiment", Resource="Experiment", SearchExpression=by_tag) == ["two"]
    by_parent = {"Filters": [{"Name": "ExperimentName", "Operator": "Equals", "Value": "one"}]}
    assert found(sagemaker, "Trial", Resource="ExperimentTrial", SearchExpression=by_parent) == ["one-trial"]
    (record,) = sagemaker.search(Resource="ExperimentTrial", SearchExpression=by_parent)["Results"]
    assert len(record["Trial"]["TrialComponentSummaries"]) == 6


def test_suggestions_come_from_what_is_there(sagemaker: Any) -> None:
    hint = {"PropertyNameQuery": {"PropertyNameHint": "Tags."}}
    names = sagemaker.get_search_suggestions(Resource="Experiment", SuggestionQuery=hint)["PropertyNameSuggestions"]
    assert names == [{"PropertyName": "Tags.team"}]


def test_of_what_nothing_makes_there_is_none(sagemaker: Any) -> None:
    found = sagemaker.search(Resource="Pipeline")
    assert (found["Results"], found["TotalHits"]["Value"]) == ([], 0)


def test_a_forged_token_is_refused(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as raised:
        sagemaker.search(Resource="Experiment", NextToken="forged")
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_models_are_members_of_their_records(sagemaker: Any) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-sklearn-automl:2.5-1-cpu-py3"
    sagemaker.create_model(
        ModelName="found", ExecutionRoleArn="arn:aws:iam::123456789012:role/r", Tags=[{"Key": "k", "Value": "v"}],
        PrimaryContainer={"Image": image},
    )  # fmt: skip
    by_tag = {"Filters": [{"Name": "Tags.k", "Operator": "Equals", "Value": "v"}]}
    (record,) = sagemaker.search(Resource="Model", SearchExpression=by_tag)["Results"]
    assert record["Model"]["Model"]["ModelName"] == "found"
