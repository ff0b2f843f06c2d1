"""Models: a name for one or more containers, each an image and what it serves, or a package of the registry."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tarragon.engine import Document
from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import search, tags
from tarragon.faces.aws.error import invalid
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.packages import specification
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server
from tarragon.serve import Container

operations = Operations("sagemaker")
KIND = "model"


@operations.answer
def create_model(call: Call) -> Answer:
    """Keep a model; a container that names a package takes image, data and environment from there."""
    params, name = dict(call.params), call.params["ModelName"]
    _check(call, params)
    arn = call.arn(KIND, name)
    given = params.pop("Tags", None)
    try:
        call.server.documents.create(call.region, KIND, name, params)
    except ConflictError:
        raise invalid(f'Cannot create already existing model "{arn}".') from None
    tags.keep(call, arn, given)
    return {"ModelArn": arn}


@operations.answer
def describe_model(call: Call) -> Answer:
    """Describe a model as it was given."""
    return _described(call.server, call.region, found(call, call.params["ModelName"]))


@operations.answer
def list_models(call: Call) -> Answer:
    """List models."""
    items = [
        {"ModelName": each.name, "ModelArn": call.arn(KIND, each.name), "CreationTime": each.created}
        for each in call.server.documents.list(call.region, KIND)
    ]
    chosen, following = page(items, call.params, name="ModelName")
    return {"Models": chosen, "NextToken": following}


@operations.answer
def delete_model(call: Call) -> Answer:
    """Forget a model; endpoints that run it go on."""
    document = found(call, call.params["ModelName"])
    call.server.documents.delete(call.region, KIND, document.name)
    tags.drop(call, call.arn(KIND, document.name))
    return None


def found(call: Call, name: str) -> Document:
    """Look a model up. Raises ``AwsError`` in SageMaker's words."""
    try:
        return call.server.documents.get(call.region, KIND, name)
    except NotFoundError:
        raise invalid(f'Could not find model "{call.arn(KIND, name)}".') from None


def resolved(server: Server, region: str, name: str) -> tuple[Container, ...]:
    """Say what a model runs: its containers in order, packages looked up.

    Raises
    ------
    AwsError
        When there is no such model, or its package is gone.
    """
    document = server.documents.find(region, KIND, name)
    if document is None:
        raise invalid(f'Could not find model "arn:aws:sagemaker:{region}:{server.account}:{KIND}/{name}".')
    return tuple(_container(each) for given in _given(document.content) for each in _whole(server, region, given))


def _check(call: Call, params: Mapping[str, Any]) -> None:
    """Refuse what could not be deployed."""
    containers = _given(params)
    if not containers:
        raise invalid("A model needs a PrimaryContainer or Containers")
    if params.get("PrimaryContainer") is not None and params.get("Containers"):
        raise invalid("Give PrimaryContainer or Containers, not both")
    names = [each["ContainerHostname"] for each in containers if each.get("ContainerHostname")]
    if len(set(names)) < len(names):
        raise invalid("Each container must have a ContainerHostname of its own")
    if (params.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct" and len(names) < len(containers):
        raise invalid("With InferenceExecutionConfig.Mode Direct each container needs a ContainerHostname")
    for given in containers:
        if bool(given.get("Image")) == bool(given.get("ModelPackageName")):
            raise invalid("Each container must name either an Image or a ModelPackageName")
        if given.get("ModelDataUrl") and given.get("ModelDataSource"):
            raise invalid("Give ModelDataUrl or ModelDataSource, not both")
        if given.get("ModelPackageName") and (given.get("ModelDataUrl") or given.get("ModelDataSource")):
            raise invalid("A container that names a ModelPackageName takes its model data from there")
        for each in _whole(call.server, call.region, given):
            _check_data(call.server, _container(each))


def _check_data(server: Server, container: Container) -> None:
    uri = container.model
    if not uri or container.several:  # several models may be put there later
        return
    objects = server.workspace.objects
    one = not uri.endswith("/") and uri.startswith("s3://") and objects.exists(uri)
    if not one and not (uri.startswith("s3://") and objects.list(uri.rstrip("/") + "/")):
        raise invalid(f"Could not find model data at {uri}.")


def _whole(server: Server, region: str, given: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Say a container as it will run: as it is, or as the package it names has it, with its own environment on top."""
    if not given.get("ModelPackageName"):
        return [given]
    named = specification(server, region, given["ModelPackageName"], given.get("InferenceSpecificationName", ""))
    own = {member: given[member] for member in ("ContainerHostname", "Mode") if given.get(member)}
    return [
        {**each, **own, "Environment": {**(each.get("Environment") or {}), **(given.get("Environment") or {})}}
        for each in named
    ]


def _container(given: Mapping[str, Any]) -> Container:
    source = (given.get("ModelDataSource") or {}).get("S3DataSource")
    uri = source["S3Uri"] if source else given.get("ModelDataUrl") or ""
    return Container(
        image=given.get("Image") or "",
        model=uri,
        environment=dict(given.get("Environment") or {}),
        packed=source is None or source.get("CompressionType", "Gzip") == "Gzip",
        several=given.get("Mode") == "MultiModel",
        name=given.get("ContainerHostname") or "",
    )


def _given(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if content.get("PrimaryContainer") is not None:
        return [content["PrimaryContainer"]]
    return list(content.get("Containers") or ())


def _described(server: Server, region: str, document: Document) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:{region}:{server.account}:{KIND}/{document.name}"
    return {
        "EnableNetworkIsolation": False, **document.content, "ModelArn": arn, "CreationTime": document.created,
    }  # fmt: skip


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    for document in server.documents.list(region, KIND):
        found = _described(server, region, document)
        yield {**found, "Tags": tags.of(server, region, found["ModelArn"])}


search.RESOURCES["Model"] = _documents
