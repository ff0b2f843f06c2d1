"""Search: every kind of resource, by any of its members. Each family says what its documents are."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tarragon.faces.aws.expression import matches, rank
from tarragon.faces.aws.listing import cut
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server

operations = Operations("sagemaker")
RESOURCES: dict[str, Callable[[Server, str], Iterable[Mapping[str, Any]]]] = {}
"""What can be searched: a resource's name, and a function of server and region that yields its documents.

A document is what a Describe answers, with the resource's ``Tags``. Families add theirs when they are imported.
"""
MEMBERS = {"ExperimentTrial": "Trial", "ExperimentTrialComponent": "TrialComponent"}
WRAPPED = ("Model",)  # a record of these holds the resource as one of its members
SUGGESTED = 20


@operations.answer
def search(call: Call) -> Answer:
    """Find resources that fit an expression."""
    params = call.params
    resource = params["Resource"]
    found = [each for each in _documents(call, resource) if matches(each, params.get("SearchExpression") or {})]
    by = params.get("SortBy", "LastModifiedTime")
    found.sort(key=lambda each: rank(each, by), reverse=params.get("SortOrder", "Descending") == "Descending")
    chosen, following = cut(found, params)
    member = MEMBERS.get(resource, resource)
    shape = _shape(member) if chosen else frozenset()
    results = [{member: {name: value for name, value in each.items() if name in shape}} for each in chosen]
    return {"Results": results, "NextToken": following, "TotalHits": {"Value": len(found), "Relation": "EqualTo"}}


@operations.answer
def get_search_suggestions(call: Call) -> Answer:
    """Suggest property names that begin so, out of what is there."""
    query = ((call.params.get("SuggestionQuery") or {}).get("PropertyNameQuery") or {}).get("PropertyNameHint", "")
    names: set[str] = set()
    for document in _documents(call, call.params["Resource"]):
        names |= set(_paths(document))
    chosen = sorted(name for name in names if query.lower() in name.lower())[:SUGGESTED]
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in chosen]}


def _documents(call: Call, resource: str) -> Iterator[Mapping[str, Any]]:
    """Yield a resource's documents; of what no family makes there are none."""
    for each in RESOURCES.get(resource, _none)(call.server, call.region):
        if "FinalMetricDataList" in each:  # what a job found out is asked for as Metrics.<name>
            yield {**each, "Metrics": each["FinalMetricDataList"]}
        else:
            yield {**each, resource: each} if resource in WRAPPED else each


def _none(server: Server, region: str) -> Iterable[Mapping[str, Any]]:
    return ()


def _shape(member: str) -> frozenset[str]:
    """Name what a search record of a resource may hold."""
    from tarragon.faces.aws.wire.model import operation_model

    model = operation_model("sagemaker", "Search")
    assert model is not None
    return frozenset(model.output_shape.members["Results"].member.members[member].members)


def _paths(document: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{prefix}{name}.")
        elif name == "Tags":
            yield from (f"{prefix}{name}.{tag['Key']}" for tag in value)
        elif name == "Metrics":
            yield from (f"{prefix}{name}.{metric['MetricName']}" for metric in value)
        else:
            yield f"{prefix}{name}"
