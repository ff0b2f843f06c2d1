"""Associations between lineage entities, and questions that follow them."""

from collections.abc import Mapping
from typing import Any

from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import components, experiments, lineage, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.graph import Edge, walk
from tarragon.faces.aws.listing import cut, page
from tarragon.faces.aws.protocol import Answer, Call, Operations

operations = Operations("sagemaker")
KIND, BETWEEN = "association", "|"
VERTICES = 50  # per page, as AWS has it
Vertex = Mapping[str, Any]


@operations.answer
def add_association(call: Call) -> Answer:
    """Say that one entity comes before another."""
    source, destination = call.params["SourceArn"], call.params["DestinationArn"]
    for each in (source, destination):
        kind, _, name = each.rpartition(":")[2].partition("/")
        if each != call.arn(kind, name) or not tags.EXISTS[kind](call.server, call.region, name):
            raise AwsError("ResourceNotFound", f"Lineage entity '{each}' does not exist.")
    if source == destination:
        raise invalid("An entity cannot be associated with itself")
    try:
        call.server.documents.create(call.region, KIND, f"{source}{BETWEEN}{destination}", dict(call.params))
    except ConflictError:
        raise invalid(f"Association between {source} and {destination} already exists") from None
    return {"SourceArn": source, "DestinationArn": destination}


@operations.answer
def delete_association(call: Call) -> Answer:
    """Take that back."""
    source, destination = call.params["SourceArn"], call.params["DestinationArn"]
    try:
        call.server.documents.delete(call.region, KIND, f"{source}{BETWEEN}{destination}")
    except NotFoundError:
        raise AwsError(
            "ResourceNotFound", f"Association between '{source}' and '{destination}' does not exist."
        ) from None
    return {"SourceArn": source, "DestinationArn": destination}


@operations.answer
def list_associations(call: Call) -> Answer:
    """List associations, from or to an entity, or of a type."""
    known, params = _vertices(call), call.params
    items = []
    for document in call.server.documents.list(call.region, KIND):
        each = {**document.content, "CreationTime": document.created}
        for side in ("Source", "Destination"):
            vertex = known.get(each[f"{side}Arn"], {})
            each |= {f"{side}Type": vertex.get("Type", ""), f"{side}Name": vertex.get("Name", "")}
        wanted = ("SourceArn", "DestinationArn", "SourceType", "DestinationType", "AssociationType")
        if all(params.get(name) in (None, each.get(name)) for name in wanted):
            items.append(each)
    found, following = page(items, params)
    return {"AssociationSummaries": found, "NextToken": following}


@operations.answer
def query_lineage(call: Call) -> Answer:
    """Walk from entities along their associations, and answer those on the way that fit the filters."""
    params, known = call.params, _vertices(call)
    starts = list(params.get("StartArns") or ())
    for each in starts:
        if each not in known:
            raise AwsError("ResourceNotFound", f"Lineage entity '{each}' does not exist.")
    edges = [
        Edge(each.content["SourceArn"], each.content["DestinationArn"], each.content.get("AssociationType", ""))
        for each in call.server.documents.list(call.region, KIND)
    ]
    walked = walk(edges, starts or known, params.get("Direction") or "Both", params.get("MaxDepth"))
    filters = params.get("Filters") or {}
    vertices = [known[arn] for arn in walked.depth if arn in known and _fits(known[arn], filters)]
    shown, following = cut(vertices, params, VERTICES)
    answer = {
        "Vertices": [{name: each[name] for name in ("Arn", "Type", "LineageType")} for each in shown],
        "NextToken": following,
    }
    if params.get("IncludeEdges"):
        return {**answer, "Edges": [_edge(each) for each in walked.edges]}
    return {**answer, "Edges": []}


def _edge(edge: Edge) -> dict[str, str]:
    kind = {"AssociationType": edge.kind} if edge.kind else {}
    return {"SourceArn": edge.source, "DestinationArn": edge.destination, **kind}


def _vertices(call: Call) -> dict[str, Vertex]:
    """Map the ARNs of everything that can be associated to what questions ask of it."""
    found: dict[str, Vertex] = {}
    for entity, each in lineage.every(call.server, call.region):
        word = entity.word
        found[each[f"{word}Arn"]] = _vertex(each, f"{word}Arn", word, each[f"{word}Type"], each.get(f"{word}Name"))
    for document in call.server.documents.list(call.region, components.KIND):
        arn = call.arn(components.ARN, document.name)
        kind = (document.content.get("Source") or {}).get("SourceType") or "TrialComponent"
        facts = {"arn": arn, "CreationTime": document.created, "LastModifiedTime": document.updated}
        found[arn] = _vertex(facts, "arn", "TrialComponent", kind, document.name)
    for document in call.server.documents.list(call.region, experiments.KIND):
        arn = call.arn(experiments.KIND, document.name)
        facts = {"arn": arn, "CreationTime": document.created, "LastModifiedTime": document.updated}
        found[arn] = _vertex(facts, "arn", "", "Experiment", document.name)
    return found


def _vertex(each: Mapping[str, Any], arn: str, lineage_type: str, kind: str, name: str | None) -> Vertex:
    return {
        "Arn": each[arn], "Type": kind, "LineageType": lineage_type, "Name": name or "",
        "Created": each["CreationTime"], "Modified": each["LastModifiedTime"],
        "Properties": each.get("Properties") or {},
    }  # fmt: skip


def _fits(vertex: Vertex, filters: Mapping[str, Any]) -> bool:
    kinds = filters.get("LineageTypes") or ()
    return (
        (not filters.get("Types") or vertex["Type"] in filters["Types"])
        and (vertex["LineageType"] in kinds if kinds else vertex["LineageType"] != "")  # "": an experiment
        and vertex["Created"] <= filters.get("CreatedBefore", float("inf"))
        and vertex["Created"] >= filters.get("CreatedAfter", 0)
        and vertex["Modified"] <= filters.get("ModifiedBefore", float("inf"))
        and vertex["Modified"] >= filters.get("ModifiedAfter", 0)
        and all(vertex["Properties"].get(name) == value for name, value in (filters.get("Properties") or {}).items())
    )
