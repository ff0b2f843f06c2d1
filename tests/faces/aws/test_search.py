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


def test_what_cannot_be_searched_is_said(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as raised:
        sagemaker.search(Resource="FeatureGroup")
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError) as raised:
        sagemaker.search(Resource="Experiment", NextToken="forged")
    assert raised.value.response["Error"]["Code"] == "ValidationException"
