"""Trials: each belongs to one experiment and holds components, which may be in many."""

from collections.abc import Iterator
from typing import Any

from tarragon.engine import Document
from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import experiments, search, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server

operations = Operations("sagemaker")
KIND, ARN = "trial", "experiment-trial"
LINK = "trial-link"
"""Documents that say "this component is in this trial": their names are ``<trial>|<component>``."""
BETWEEN = "|"


@operations.answer
def create_trial(call: Call) -> Answer:
    """Keep a trial of an experiment."""
    params, name = dict(call.params), call.params["TrialName"]
    experiments.found(call, params["ExperimentName"])
    arn, given = call.arn(ARN, name), params.pop("Tags", None)
    try:
        call.server.documents.create(call.region, KIND, name, params)
    except ConflictError:
        raise invalid(f"Trial names must be unique within an AWS account and region. {arn} already exists.") from None
    tags.keep(call, arn, given)
    return {"TrialArn": arn}


@operations.answer
def describe_trial(call: Call) -> Answer:
    """Describe a trial."""
    return described(call.server, call.region, found(call, call.params["TrialName"]))


@operations.answer
def update_trial(call: Call) -> Answer:
    """Change a trial's name to show."""
    name = call.params["TrialName"]
    found(call, name)
    call.server.documents.change(call.region, KIND, name, lambda old: {**old, **call.params})
    return {"TrialArn": call.arn(ARN, name)}


@operations.answer
def delete_trial(call: Call) -> Answer:
    """Forget a trial, once its components are taken out."""
    name = call.params["TrialName"]
    found(call, name)
    inside = members(call.server, call.region, trial=name)
    if inside:
        raise invalid(f"The trial {name} has {len(inside)} components, such as {inside[0][1]}; disassociate them first")
    call.server.documents.delete(call.region, KIND, name)
    tags.drop(call, call.arn(ARN, name))
    return {"TrialArn": call.arn(ARN, name)}


@operations.answer
def list_trials(call: Call) -> Answer:
    """List trials, of an experiment or with a component."""
    params, chosen = call.params, list(call.server.documents.list(call.region, KIND))
    if "ExperimentName" in params:
        experiments.found(call, params["ExperimentName"])
        chosen = [each for each in chosen if each.content["ExperimentName"] == params["ExperimentName"]]
    if "TrialComponentName" in params:
        inside = {trial for trial, _ in members(call.server, call.region, component=params["TrialComponentName"])}
        chosen = [each for each in chosen if each.name in inside]
    names = ("TrialArn", "TrialName", "DisplayName", "CreationTime", "LastModifiedTime")
    items = [
        {name: each[name] for name in names if name in each}
        for each in (described(call.server, call.region, document) for document in chosen)
    ]
    found_items, following = page(items, params, name="TrialName")
    return {"TrialSummaries": found_items, "NextToken": following}


def found(call: Call, name: str) -> Document:
    """Look a trial up. Raises ``AwsError`` in SageMaker's words."""
    try:
        return call.server.documents.get(call.region, KIND, name)
    except NotFoundError:
        raise AwsError("ResourceNotFound", f"Trial '{name}' does not exist.") from None


def members(server: Server, region: str, *, trial: str = "", component: str = "") -> list[tuple[str, str]]:
    """List who is in which: (trial, component), in the order they were put together."""
    links = server.documents.list(region, LINK, prefix=f"{trial}{BETWEEN}" if trial else "")
    pairs = [(each.name.partition(BETWEEN)[0], each.name.partition(BETWEEN)[2]) for each in links]
    return [pair for pair in pairs if component in ("", pair[1])]


def link(server: Server, region: str, trial: str, component: str) -> None:
    """Put a component into a trial; once is enough."""
    server.documents.put(region, LINK, f"{trial}{BETWEEN}{component}", {})


def unlink(server: Server, region: str, trial: str, component: str) -> bool:
    """Take a component out of a trial; whether it was in it."""
    try:
        server.documents.delete(region, LINK, f"{trial}{BETWEEN}{component}")
    except NotFoundError:
        return False
    return True


def described(server: Server, region: str, document: Document) -> dict[str, Any]:
    """Describe a trial as DescribeTrial does."""
    return {
        "DisplayName": document.name, **document.content,
        "TrialArn": f"arn:aws:sagemaker:{region}:{server.account}:{ARN}/{document.name}",
        "CreationTime": document.created, "LastModifiedTime": document.updated,
    }  # fmt: skip


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    for document in server.documents.list(region, KIND):
        each = described(server, region, document)
        inside = [
            {
                "TrialComponentName": name,
                "TrialComponentArn": f"{_base(server, region)}:experiment-trial-component/{name}",
            }
            for _, name in members(server, region, trial=document.name)
        ]
        yield {
            **each, "Tags": tags.of(server, region, each["TrialArn"]), "TrialComponentSummaries": inside,
            "Parents": [{"ExperimentName": document.content["ExperimentName"]}],
        }  # fmt: skip


def _base(server: Server, region: str) -> str:
    return f"arn:aws:sagemaker:{region}:{server.account}"


search.RESOURCES["ExperimentTrial"] = _documents
