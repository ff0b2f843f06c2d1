"""Lineage's entities: artifacts (what is read and made), actions (what was done) and contexts (what it belongs to)."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tarragon.engine import Document
from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server

operations = Operations("sagemaker")


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of lineage entity.

    Parameters
    ----------
    word : str
        "Artifact": what its members' names begin with.
    kind : str
        Of its documents, and in its ARN.
    """

    word: str
    kind: str

    def described(self, server: Server, region: str, document: Document) -> dict[str, Any]:
        """Describe one as its Describe operation does."""
        return {
            **document.content, f"{self.word}Arn": arn(server, region, self.kind, document.name),
            "CreationTime": document.created, "LastModifiedTime": document.updated,
        }  # fmt: skip

    def found(self, call: Call, name: str) -> Document:
        """Look one up, by name or ARN. Raises ``AwsError`` in SageMaker's words."""
        try:
            return call.server.documents.get(call.region, self.kind, name.rpartition("/")[2])
        except NotFoundError:
            raise AwsError("ResourceNotFound", f"{self.word} '{name}' does not exist.") from None


ARTIFACT, ACTION, CONTEXT = Entity("Artifact", "artifact"), Entity("Action", "action"), Entity("Context", "context")
ENTITIES = (ARTIFACT, ACTION, CONTEXT)


def arn(server: Server, region: str, kind: str, name: str) -> str:
    """Write an entity's ARN."""
    return f"arn:aws:sagemaker:{region}:{server.account}:{kind}/{name}"


def every(server: Server, region: str) -> Iterator[tuple[Entity, dict[str, Any]]]:
    """Describe every entity of a region."""
    for entity in ENTITIES:
        for document in server.documents.list(region, entity.kind):
            yield entity, entity.described(server, region, document)


@operations.answer
def create_artifact(call: Call) -> Answer:
    """Keep an artifact; its source says which one it is."""
    return _create(call, ARTIFACT, _id(call.params["Source"]), call.params["Source"]["SourceUri"])


@operations.answer
def create_action(call: Call) -> Answer:
    """Keep an action."""
    return _create(call, ACTION, call.params["ActionName"], call.params["ActionName"])


@operations.answer
def create_context(call: Call) -> Answer:
    """Keep a context."""
    return _create(call, CONTEXT, call.params["ContextName"], call.params["ContextName"])


@operations.answer
def describe_artifact(call: Call) -> Answer:
    """Describe an artifact."""
    return ARTIFACT.described(call.server, call.region, ARTIFACT.found(call, call.params["ArtifactArn"]))


@operations.answer
def describe_action(call: Call) -> Answer:
    """Describe an action."""
    return ACTION.described(call.server, call.region, ACTION.found(call, call.params["ActionName"]))


@operations.answer
def describe_context(call: Call) -> Answer:
    """Describe a context."""
    return CONTEXT.described(call.server, call.region, CONTEXT.found(call, call.params["ContextName"]))


@operations.answer
def update_artifact(call: Call) -> Answer:
    """Change an artifact's name; merge and remove properties."""
    return _update(call, ARTIFACT, "ArtifactArn")


@operations.answer
def update_action(call: Call) -> Answer:
    """Change an action's status or description; merge and remove properties."""
    return _update(call, ACTION, "ActionName")


@operations.answer
def update_context(call: Call) -> Answer:
    """Change a context's description; merge and remove properties."""
    return _update(call, CONTEXT, "ContextName")


@operations.answer
def delete_artifact(call: Call) -> Answer:
    """Forget an artifact, named by its ARN or its source."""
    params = call.params
    if "ArtifactArn" not in params and "Source" not in params:
        raise invalid("DeleteArtifact needs an ArtifactArn or a Source")
    return _delete(call, ARTIFACT, params.get("ArtifactArn") or _id(params["Source"]))


@operations.answer
def delete_action(call: Call) -> Answer:
    """Forget an action."""
    return _delete(call, ACTION, call.params["ActionName"])


@operations.answer
def delete_context(call: Call) -> Answer:
    """Forget a context."""
    return _delete(call, CONTEXT, call.params["ContextName"])


@operations.answer
def list_artifacts(call: Call) -> Answer:
    """List artifacts."""
    return _list(call, ARTIFACT, ("Source", "ArtifactType"))


@operations.answer
def list_actions(call: Call) -> Answer:
    """List actions."""
    return _list(call, ACTION, ("Source", "ActionType", "Status"))


@operations.answer
def list_contexts(call: Call) -> Answer:
    """List contexts."""
    return _list(call, CONTEXT, ("Source", "ContextType"))


def _id(source: Mapping[str, Any]) -> str:
    """Name an artifact after its source: the same source is the same artifact."""
    kinds = sorted((each["SourceIdType"], each["Value"]) for each in source.get("SourceTypes") or ())
    return hashlib.sha256(json.dumps([source["SourceUri"], kinds]).encode()).hexdigest()[:32]


def _create(call: Call, entity: Entity, name: str, said: str) -> Answer:
    content = {key: value for key, value in call.params.items() if key != "Tags"}
    made = call.arn(entity.kind, name)
    try:
        call.server.documents.create(call.region, entity.kind, name, content)
    except ConflictError:
        raise invalid(f"{entity.word} {said} already exists: {made}") from None
    tags.keep(call, made, call.params.get("Tags"))
    return {f"{entity.word}Arn": made}


def _update(call: Call, entity: Entity, member: str) -> Answer:
    name = entity.found(call, call.params[member]).name
    gone = set(call.params.get("PropertiesToRemove") or ())
    plain = {k: v for k, v in call.params.items() if k not in (member, "Properties", "PropertiesToRemove")}

    def edit(old: Mapping[str, Any]) -> Mapping[str, Any]:
        merged = {**(old.get("Properties") or {}), **(call.params.get("Properties") or {})}
        return {**old, **plain, "Properties": {k: v for k, v in merged.items() if k not in gone}}

    call.server.documents.change(call.region, entity.kind, name, edit)
    return {f"{entity.word}Arn": call.arn(entity.kind, name)}


def _delete(call: Call, entity: Entity, name: str) -> Answer:
    name = entity.found(call, name).name
    gone = call.arn(entity.kind, name)
    held = call.server.documents.list(call.region, "association")
    if any(gone in (each.content["SourceArn"], each.content["DestinationArn"]) for each in held):
        raise invalid(f"{entity.word} {gone} has associations; delete them first")
    call.server.documents.delete(call.region, entity.kind, name)
    tags.drop(call, gone)
    return {f"{entity.word}Arn": gone}


def _list(call: Call, entity: Entity, members: tuple[str, ...]) -> Answer:
    shown = (f"{entity.word}Arn", f"{entity.word}Name", *members, "CreationTime", "LastModifiedTime")
    uri, kind = call.params.get("SourceUri"), call.params.get(f"{entity.word}Type")
    items = [
        {member: each[member] for member in shown if member in each}
        for each in (
            entity.described(call.server, call.region, document)
            for document in call.server.documents.list(call.region, entity.kind)
        )
        if uri in (None, each["Source"]["SourceUri"]) and kind in (None, each[f"{entity.word}Type"])
    ]
    sort = {**call.params, "SortBy": f"{entity.word}Name"} if call.params.get("SortBy") == "Name" else call.params
    found, following = page(items, sort, name=f"{entity.word}Arn")
    return {f"{entity.word}Summaries": found, "NextToken": following}
