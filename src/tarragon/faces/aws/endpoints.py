"""Endpoints: made from an endpoint configuration, changed without a pause, described, deleted."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from tarragon.engine import Document, from_plain
from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import search, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.models import resolved
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server
from tarragon.serve import Deployment, Variant

operations = Operations("sagemaker")
KIND, CONFIG = "endpoint", "endpoint-config"
BUSY = ("Creating", "Updating", "RollingBack", "Deleting")


@operations.answer
async def create_endpoint(call: Call) -> Answer:
    """Begin to deploy a configuration."""
    name = str(call.params["EndpointName"])
    arn = call.arn(KIND, name)
    deployment = await asyncio.to_thread(_deployment, call, str(call.params["EndpointConfigName"]))
    try:
        await call.server.endpoints.create(call.region, name, deployment)
    except ConflictError:
        raise invalid(f'Cannot create already existing endpoint "{arn}".') from None
    await asyncio.to_thread(tags.keep, call, arn, call.params.get("Tags"))
    return {"EndpointArn": arn}


@operations.answer
async def describe_endpoint(call: Call) -> Answer:
    """Say what an endpoint is; patiently while it changes."""
    name = str(call.params["EndpointName"])
    document = await asyncio.to_thread(_found, call, name)
    if document.content["status"] in BUSY:
        await call.server.patience.wait(call, call.arn(KIND, name), lambda: not _busy(call, name))
        document = await asyncio.to_thread(_found, call, name)
    return await asyncio.to_thread(described, call, document)


@operations.answer
async def update_endpoint(call: Call) -> Answer:
    """Begin to put another configuration in the place of the one that serves."""
    params, name = call.params, str(call.params["EndpointName"])
    document = await asyncio.to_thread(_found, call, name)
    deployment = await asyncio.to_thread(_deployment, call, str(params["EndpointConfigName"]))
    if params.get("RetainAllVariantProperties"):
        left = {each["VariantPropertyType"] for each in params.get("ExcludeRetainedVariantProperties") or ()}
        deployment = _retained(deployment, _current(document), left)
    await _begun(call, name, call.server.endpoints.update(call.region, name, deployment))
    return {"EndpointArn": call.arn(KIND, name)}


@operations.answer
async def update_endpoint_weights_and_capacities(call: Call) -> Answer:
    """Begin to give variants other weights and numbers of instances."""
    name = str(call.params["EndpointName"])
    document = await asyncio.to_thread(_found, call, name)
    current = _current(document)
    known = {each.name for each in current.variants} if current else set()
    wanted = {}
    for each in call.params["DesiredWeightsAndCapacities"]:
        if each["VariantName"] not in known and document.content["status"] == "InService":
            raise invalid(f'Could not find variant "{each["VariantName"]}" in endpoint "{call.arn(KIND, name)}".')
        wanted[each["VariantName"]] = (each.get("DesiredWeight"), each.get("DesiredInstanceCount"))
    await _begun(call, name, call.server.endpoints.rescale(call.region, name, wanted))
    return {"EndpointArn": call.arn(KIND, name)}


@operations.answer
async def delete_endpoint(call: Call) -> Answer:
    """End an endpoint."""
    name = str(call.params["EndpointName"])
    await asyncio.to_thread(_found, call, name)
    try:
        await call.server.endpoints.delete(call.region, name)
    except NotFoundError:
        raise _missing(call, name) from None
    await asyncio.to_thread(tags.drop, call, call.arn(KIND, name))
    return {}


@operations.answer
def list_endpoints(call: Call) -> Answer:
    """List endpoints."""
    found = [
        {
            "EndpointName": each.name, "EndpointArn": call.arn(KIND, each.name), "CreationTime": each.created,
            "LastModifiedTime": each.updated, "EndpointStatus": each.content["status"],
        }
        for each in call.server.documents.list(call.region, KIND)
    ]  # fmt: skip
    items, following = page(found, call.params, name="EndpointName", status="EndpointStatus")
    return {"Endpoints": items, "NextToken": following}


def described(call: Call, document: Document) -> dict[str, Any]:
    """Write an endpoint as Describe answers it."""
    content = document.content
    current = _current(document)
    asked = from_plain(content["next"], Deployment) if content["next"] is not None else None
    shown = current or asked or from_plain(content.get("failed"), Deployment)
    config = call.server.documents.find(call.region, CONFIG, shown.config)
    settings: Mapping[str, Any] = config.content if config is not None else {}
    answer: dict[str, Any] = {
        "EndpointName": document.name, "EndpointArn": call.arn(KIND, document.name),
        "EndpointConfigName": shown.config, "EndpointStatus": content["status"],
        "FailureReason": content["reason"] or None, "CreationTime": document.created,
        "LastModifiedTime": document.updated, "AsyncInferenceConfig": settings.get("AsyncInferenceConfig"),
    }  # fmt: skip
    if current is not None:
        then = float(content.get("updated") or document.created)
        given = {each["VariantName"]: each for each in settings.get("ProductionVariants") or ()}
        answer["ProductionVariants"] = [_variant(each, given.get(each.name, {}), then) for each in current.variants]
    if current is not None and asked is not None:
        answer["PendingDeploymentSummary"] = {
            "EndpointConfigName": asked.config,
            "StartTime": document.updated,
            "ProductionVariants": [{"VariantName": each.name} for each in asked.variants],
        }
    return answer


def _variant(variant: Variant, given: Mapping[str, Any], then: float) -> dict[str, Any]:
    images = [
        {"SpecifiedImage": each.image, "ResolvedImage": each.image, "ResolutionTime": then}
        for each in variant.containers
    ]
    return {
        "VariantName": variant.name, "DeployedImages": images, "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight, "CurrentInstanceCount": variant.instances,
        "DesiredInstanceCount": variant.instances, "CurrentServerlessConfig": given.get("ServerlessConfig"),
        "DesiredServerlessConfig": given.get("ServerlessConfig"),
    }  # fmt: skip


def _deployment(call: Call, config: str) -> Deployment:
    """Read a configuration and the models it names. Raises ``AwsError`` when one is missing."""
    document = call.server.documents.find(call.region, CONFIG, config)
    if document is None:
        raise invalid(f'Could not find endpoint configuration "{call.arn(CONFIG, config)}".')
    variants = tuple(_planned(call, each) for each in document.content.get("ProductionVariants") or ())
    queue: dict[str, object] = {}
    if settings := document.content.get("AsyncInferenceConfig"):
        output = settings.get("OutputConfig") or {}
        queue = {
            "output": output.get("S3OutputPath") or f"s3://sagemaker-{call.region}-{call.account}/async",
            "failure": output.get("S3FailurePath") or "",
            "concurrency": (settings.get("ClientConfig") or {}).get("MaxConcurrentInvocationsPerInstance") or 0,
        }
    return Deployment(config, variants, queue)


def _planned(call: Call, given: Mapping[str, Any]) -> Variant:
    if not given.get("ModelName"):
        raise invalid("Inference components are not supported: a production variant needs a ModelName")
    model = str(given["ModelName"])
    containers = resolved(call.server, call.region, model)
    document = call.server.documents.find(call.region, "model", model)
    mode = ((document.content.get("InferenceExecutionConfig") or {}) if document else {}).get("Mode")
    weight = given.get("InitialVariantWeight")
    return Variant(
        str(given["VariantName"]), containers, 1.0 if weight is None else float(weight),
        int(given.get("InitialInstanceCount") or 1), direct=mode == "Direct",
    )  # fmt: skip


def _retained(deployment: Deployment, current: Deployment | None, left: set[str]) -> Deployment:
    from dataclasses import replace

    now = {each.name: each for each in current.variants} if current else {}
    kept = []
    for each in deployment.variants:
        if each.name in now:
            old = now[each.name]
            each = replace(
                each,
                weight=each.weight if "DesiredWeight" in left else old.weight,
                instances=each.instances if "DesiredInstanceCount" in left else old.instances,
            )
        kept.append(each)
    return replace(deployment, variants=tuple(kept))


def _current(document: Document) -> Deployment | None:
    current = document.content["current"]
    return None if current is None else from_plain(current, Deployment)


async def _begun(call: Call, name: str, change: Any) -> None:
    try:
        await change
    except ConflictError:
        raise invalid(f'Cannot update in-progress endpoint "{call.arn(KIND, name)}".') from None
    except NotFoundError:
        raise _missing(call, name) from None


def _busy(call: Call, name: str) -> bool:
    document = call.server.documents.find(call.region, KIND, name)
    return document is not None and document.content["status"] in BUSY


def _found(call: Call, name: str) -> Document:
    document = call.server.documents.find(call.region, KIND, name)
    if document is None:
        raise _missing(call, name)
    return document


def _missing(call: Call, name: str) -> AwsError:
    return invalid(f'Could not find endpoint "{call.arn(KIND, name)}".')


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    call = Call("sagemaker", "Search", {}, region, server)
    for document in server.documents.list(region, KIND):
        found = described(call, document)
        yield {**found, "Tags": tags.of(server, region, found["EndpointArn"])}


search.RESOURCES["Endpoint"] = _documents
