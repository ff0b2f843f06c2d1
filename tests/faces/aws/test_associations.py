from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def chain(client: Client) -> dict[str, str]:
    """A data set, the component that read it, the model it made and the endpoint's context."""
    sagemaker = client("sagemaker")
    arns = {
        "data": sagemaker.create_artifact(
            ArtifactName="data", Source={"SourceUri": "s3://b/d"}, ArtifactType="DataSet", Properties={"team": "a"}
        )["ArtifactArn"],
        "job": sagemaker.create_trial_component(TrialComponentName="job")["TrialComponentArn"],
        "model": sagemaker.create_artifact(Source={"SourceUri": "s3://b/m"}, ArtifactType="Model")["ArtifactArn"],
        "endpoint": sagemaker.create_context(ContextName="endpoint", Source={"SourceUri": "e"}, ContextType="Endpoint")[
            "ContextArn"
        ],
    }
    for source, destination, kind in (
        ("data", "job", "ContributedTo"), ("job", "model", "Produced"), ("model", "endpoint", "AssociatedWith"),
    ):  # fmt: skip
        sagemaker.add_association(SourceArn=arns[source], DestinationArn=arns[destination], AssociationType=kind)
    return arns


def test_associations_are_listed_from_and_to(client: Client, chain: dict[str, str]) -> None:
    sagemaker = client("sagemaker")
    (found,) = sagemaker.list_associations(SourceArn=chain["data"])["AssociationSummaries"]
    assert found["DestinationArn"] == chain["job"]
    assert (found["SourceType"], found["SourceName"], found["DestinationName"]) == ("DataSet", "data", "job")
    assert found["AssociationType"] == "ContributedTo"
    to = sagemaker.list_associations(DestinationType="Endpoint")["AssociationSummaries"]
    assert [each["SourceArn"] for each in to] == [chain["model"]]
    pages = list(sagemaker.get_paginator("list_associations").paginate(PaginationConfig={"PageSize": 1}))
    assert len(pages) == 3


def test_questions_walk_the_graph(client: Client, chain: dict[str, str]) -> None:
    sagemaker = client("sagemaker")

    def asked(**params: Any) -> set[str]:
        found = sagemaker.query_lineage(StartArns=[chain["model"]], **params)
        return {name for name, arn in chain.items() if arn in {each["Arn"] for each in found["Vertices"]}}

    assert asked(Direction="Ascendants") == {"model", "job", "data"}
    assert asked(Direction="Descendants") == {"model", "endpoint"}
    assert asked(Direction="Both", MaxDepth=1) == {"model", "job", "endpoint"}
    assert asked(Filters={"LineageTypes": ["TrialComponent"]}) == {"job"}
    assert asked(Filters={"Types": ["DataSet", "Endpoint"]}) == {"data", "endpoint"}
    assert asked(Filters={"Properties": {"team": "a"}}) == {"data"}
    whole = sagemaker.query_lineage(StartArns=[chain["data"]], Direction="Descendants", IncludeEdges=True)
    assert [each["AssociationType"] for each in whole["Edges"]] == ["ContributedTo", "Produced", "AssociatedWith"]
    first = sagemaker.query_lineage(StartArns=[chain["data"]], MaxResults=3)
    second = sagemaker.query_lineage(StartArns=[chain["data"]], MaxResults=3, NextToken=first["NextToken"])
    assert [len(each["Vertices"]) for each in (first, second)] == [3, 1]


def test_what_is_not_there_cannot_be_associated_and_nothing_twice(client: Client, chain: dict[str, str]) -> None:
    sagemaker = client("sagemaker")
    missing = chain["data"][:-3] + "000"
    for call, code in (
        (lambda: sagemaker.add_association(SourceArn=missing, DestinationArn=chain["job"]), "ResourceNotFound"),
        (
            lambda: sagemaker.add_association(SourceArn=chain["data"], DestinationArn=chain["job"]),
            "ValidationException",
        ),
        (
            lambda: sagemaker.delete_association(SourceArn=chain["job"], DestinationArn=chain["data"]),
            "ResourceNotFound",
        ),
        (lambda: sagemaker.query_lineage(StartArns=[missing]), "ResourceNotFound"),
        (lambda: sagemaker.delete_artifact(ArtifactArn=chain["data"]), "ValidationException"),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        assert raised.value.response["Error"]["Code"] == code
    sagemaker.delete_association(SourceArn=chain["data"], DestinationArn=chain["job"])
    assert sagemaker.list_associations(SourceArn=chain["data"])["AssociationSummaries"] == []
    sagemaker.delete_artifact(ArtifactArn=chain["data"])
