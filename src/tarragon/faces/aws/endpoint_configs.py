"""Endpoint configurations: which models an endpoint runs, and how requests are shared between them."""

from typing import Any

from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import tags
from tarragon.faces.aws.error import invalid
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.models import KIND as MODEL
from tarragon.faces.aws.protocol import Answer, Call, Operations

operations = Operations("sagemaker")
KIND = "endpoint-config"


@operations.answer
def create_endpoint_config(call: Call) -> Answer:
    """Keep a configuration whose models exist; what could not be honoured is refused, not ignored."""
    params, name = dict(call.params), call.params["EndpointConfigName"]
    arn = call.arn(KIND, name)
    _check(call, params)
    given = params.pop("Tags", None)
    for each in params["ProductionVariants"]:
        each.setdefault("InitialVariantWeight", 1.0)
    try:
        call.server.documents.create(call.region, KIND, name, params)
    except ConflictError:
        raise invalid(f'Cannot create already existing endpoint configuration "{arn}".') from None
    tags.keep(call, arn, given)
    return {"EndpointConfigArn": arn}


@operations.answer
def describe_endpoint_config(call: Call) -> Answer:
    """Describe a configuration as it was given."""
    document = _found(call)
    return {
        **document.content, "EndpointConfigArn": call.arn(KIND, document.name), "CreationTime": document.created,
    }  # fmt: skip


@operations.answer
def list_endpoint_configs(call: Call) -> Answer:
    """List configurations."""
    items = [
        {
            "EndpointConfigName": each.name, "EndpointConfigArn": call.arn(KIND, each.name),
            "CreationTime": each.created,
        }
        for each in call.server.documents.list(call.region, KIND)
    ]  # fmt: skip
    chosen, following = page(items, call.params, name="EndpointConfigName")
    return {"EndpointConfigs": chosen, "NextToken": following}


@operations.answer
def delete_endpoint_config(call: Call) -> Answer:
    """Forget a configuration; endpoints made from it go on."""
    document = _found(call)
    call.server.documents.delete(call.region, KIND, document.name)
    tags.drop(call, call.arn(KIND, document.name))
    return None


def _found(call: Call) -> Any:
    name = call.params["EndpointConfigName"]
    try:
        return call.server.documents.get(call.region, KIND, name)
    except NotFoundError:
        raise invalid(f'Could not find endpoint configuration "{call.arn(KIND, name)}".') from None


def _check(call: Call, params: dict[str, Any]) -> None:
    variants = params["ProductionVariants"]
    names = [each["VariantName"] for each in variants]
    if len(set(names)) < len(names):
        raise invalid("Each production variant must have a name of its own")
    for each in variants:
        model = each.get("ModelName")
        if not model:
            raise invalid(
                f"Variant {each['VariantName']} must name a model: inference components are not answered here"
            )
        kinds = [kind for kind in ("InstanceType", "ServerlessConfig", "InstancePools") if each.get(kind)]
        if len(kinds) != 1:
            raise invalid(f"Variant {each['VariantName']} must have either an InstanceType or a ServerlessConfig")
        if call.server.documents.find(call.region, MODEL, model) is None:
            raise invalid(f'Could not find model "{call.arn(MODEL, model)}".')
    if sum(float(each.get("InitialVariantWeight", 1.0)) for each in variants) <= 0:
        raise invalid("At least one production variant must have a weight above 0")
    _refuse(params)


def _refuse(params: dict[str, Any]) -> None:
    """Name what would otherwise be ignored unseen."""
    if params.get("ShadowProductionVariants"):
        raise invalid("ShadowProductionVariants cannot be honoured: shadow variants are not answered yet")
    if (params.get("DataCaptureConfig") or {}).get("EnableCapture"):
        raise invalid("DataCaptureConfig cannot be honoured: requests are not captured yet; set EnableCapture to false")
    if params.get("ExplainerConfig"):
        raise invalid("ExplainerConfig cannot be honoured: online explanations are not answered yet")
