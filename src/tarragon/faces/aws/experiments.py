"""Experiments: what trials are made for."""

from collections.abc import Iterator
from typing import Any

from tarragon.engine import Document
from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import search, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server

operations = Operations("sagemaker")
KIND = "experiment"


@operations.answer
def create_experiment(call: Call) -> Answer:
    """Keep an experiment."""
    params, name = dict(call.params), call.params["ExperimentName"]
    arn, given = call.arn(KIND, name), params.pop("Tags", None)
    try:
        call.server.documents.create(call.region, KIND, name, params)
    except ConflictError:
        raise invalid(
            f"Experiment names must be unique within an AWS account and region. {arn} already exists."
        ) from None
    tags.keep(call, arn, given)
    return {"ExperimentArn": arn}


@operations.answer
def describe_experiment(call: Call) -> Answer:
    """Describe an experiment."""
    return described(call.server, call.region, found(call, call.params["ExperimentName"]))


@operations.answer
def update_experiment(call: Call) -> Answer:
    """Change an experiment's name to show, or its description."""
    name = call.params["ExperimentName"]
    found(call, name)
    call.server.documents.change(call.region, KIND, name, lambda old: {**old, **call.params})
    return {"ExperimentArn": call.arn(KIND, name)}


@operations.answer
def delete_experiment(call: Call) -> Answer:
    """Forget an experiment, once its trials are gone."""
    name = call.params["ExperimentName"]
    found(call, name)
    trials = [
        each for each in call.server.documents.list(call.region, "trial") if each.content["ExperimentName"] == name
    ]
    if trials:
        raise invalid(f"The experiment {name} has {len(trials)} trials, such as {trials[0].name}; delete them first")
    call.server.documents.delete(call.region, KIND, name)
    tags.drop(call, call.arn(KIND, name))
    return {"ExperimentArn": call.arn(KIND, name)}


@operations.answer
def list_experiments(call: Call) -> Answer:
    """List experiments."""
    members = ("ExperimentArn", "ExperimentName", "DisplayName", "CreationTime", "LastModifiedTime")
    items = [
        {name: each[name] for name in members if name in each}
        for each in (described(call.server, call.region, d) for d in call.server.documents.list(call.region, KIND))
    ]
    chosen, following = page(items, call.params, name="ExperimentName")
    return {"ExperimentSummaries": chosen, "NextToken": following}


def found(call: Call, name: str) -> Document:
    """Look an experiment up. Raises ``AwsError`` in SageMaker's words."""
    try:
        return call.server.documents.get(call.region, KIND, name)
    except NotFoundError:
        raise AwsError("ResourceNotFound", f"Experiment '{name}' does not exist.") from None


def described(server: Server, region: str, document: Document) -> dict[str, Any]:
    """Describe an experiment as DescribeExperiment does."""
    return {
        "DisplayName": document.name, **document.content,
        "ExperimentArn": f"arn:aws:sagemaker:{region}:{server.account}:{KIND}/{document.name}",
        "CreationTime": document.created, "LastModifiedTime": document.updated,
    }  # fmt: skip


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    for document in server.documents.list(region, KIND):
        each = described(server, region, document)
        yield {**each, "Tags": tags.of(server, region, each["ExperimentArn"])}


search.RESOURCES["Experiment"] = _documents
