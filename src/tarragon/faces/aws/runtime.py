"""SageMaker Runtime: a request goes to an endpoint's model and is answered at once, piece by piece, or from a queue."""

import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tarragon.errors import JobError, NotFoundError
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Call, Operations, Streamed
from tarragon.faces.aws.server import Server
from tarragon.serve import Invocation, Reply

operations = Operations("sagemaker-runtime")
PREFIX = "x-amzn-sagemaker-"
QUEUED_TTL_S = 6 * 3600
QUEUED_TIMEOUT_S = 900
Headers = Mapping[str, str]


async def invoke(server: Server, region: str, name: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
    """Answer InvokeEndpoint, without the service model's help.

    Parameters
    ----------
    server : Server
    region : str
    name : str
        The endpoint's.
    headers : mapping of str to str
        Lower-case names.
    body : bytes

    Returns
    -------
    (int, mapping, bytes)
        Status, headers and body.

    Raises
    ------
    AwsError
        ``ValidationError`` for an endpoint or variant that is not there, ``ModelError`` when the model fails.
    """
    get = headers.get
    invocation = Invocation(
        body, get("content-type") or "application/octet-stream", get("accept") or "*/*",
        get("x-amzn-sagemaker-custom-attributes", ""), get("x-amzn-sagemaker-target-variant", ""),
        get("x-amzn-sagemaker-target-model", ""), get("x-amzn-sagemaker-target-container-hostname", ""),
        get("x-amzn-sagemaker-inference-id", ""),
    )  # fmt: skip
    _refuse(get("x-amzn-sagemaker-inference-component"))
    try:
        reply = await server.endpoints.invoke(region, name, invocation)
    except NotFoundError as error:
        raise _missing(server, name, invocation, error) from None
    if reply.status != 200:
        raise failed(server, region, name, reply)
    found = {"content-type": reply.content_type, "x-amzn-invoked-production-variant": reply.variant}
    if reply.custom_attributes:
        found["x-amzn-sagemaker-custom-attributes"] = reply.custom_attributes
    return 200, found, reply.body


@operations.answer
async def invoke_endpoint(call: Call) -> Answer:
    """Ask a model."""
    name, body = str(call.params["EndpointName"]), bytes(call.params.get("Body") or b"")
    _, headers, answered = await invoke(call.server, call.region, name, call.headers, body)
    return {
        "Body": answered,
        "ContentType": headers["content-type"],
        "InvokedProductionVariant": headers["x-amzn-invoked-production-variant"],
        "CustomAttributes": headers.get("x-amzn-sagemaker-custom-attributes"),
    }


@operations.answer
async def invoke_endpoint_with_response_stream(call: Call) -> Answer:
    """Ask a model, and hand its answer on as it comes."""
    params, name = call.params, str(call.params["EndpointName"])
    _refuse(params.get("InferenceComponentName"))
    invocation = Invocation(
        bytes(params.get("Body") or b""), params.get("ContentType") or "application/octet-stream",
        params.get("Accept") or "*/*", params.get("CustomAttributes") or "", params.get("TargetVariant") or "",
        target_container=params.get("TargetContainerHostname") or "", inference_id=params.get("InferenceId") or "",
    )  # fmt: skip
    try:
        reply = await call.server.endpoints.stream(call.region, name, invocation)
    except NotFoundError as error:
        raise _missing(call.server, name, invocation, error) from None
    if reply.status != 200:
        raise failed(call.server, call.region, name, reply)
    return {
        "Body": Streamed(_parts(reply)),  # type: ignore[arg-type]
        "ContentType": reply.content_type,
        "InvokedProductionVariant": reply.variant,
        "CustomAttributes": reply.custom_attributes or None,
    }


@operations.answer
async def invoke_endpoint_async(call: Call) -> Answer:
    """Take a request whose input lies in S3; its answer, or why there is none, will lie there too."""
    params, name = call.params, str(call.params["EndpointName"])
    settings = await call.server.endpoints.queue_of(call.region, name)
    if settings is None:
        raise _unknown(call.server, name)
    if not settings:
        raise _error(f"Endpoint {name} is not an asynchronous endpoint: its configuration has no AsyncInferenceConfig")
    number = params.get("InferenceId") or secrets.token_hex(16)
    key = secrets.token_hex(16)
    output = f"{str(settings['output']).rstrip('/')}/{key}.out"
    failure = f"{str(settings['failure']).rstrip('/')}/{key}-error.out" if settings.get("failure") else ""
    ttl = float(params.get("RequestTTLSeconds") or QUEUED_TTL_S)
    request = {
        "endpoint": name, "input": str(params["InputLocation"]), "output": output, "failure": failure,
        "type": params.get("ContentType") or "application/octet-stream", "accept": params.get("Accept") or "*/*",
        "custom": params.get("CustomAttributes") or "", "variant": "", "id": str(number),
        "until": call.server.clock() + ttl, "concurrency": settings.get("concurrency") or 0,
        "timeout_s": float(params.get("InvocationTimeoutSeconds") or QUEUED_TIMEOUT_S),
    }  # fmt: skip
    await call.server.endpoints.queue.add(call.region, key, request)
    return {"InferenceId": number, "OutputLocation": output, "FailureLocation": failure or None}


def failed(server: Server, region: str, name: str, reply: Reply) -> AwsError:
    """Say in SageMaker's words that a model failed."""
    said = reply.body.decode("utf-8", "replace")
    if reply.status == 503:
        return AwsError("ServiceUnavailable", said, status=503)
    side = "client" if 400 <= reply.status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{name}"
    message = (
        f'Received {side} error ({reply.status}) from {reply.container} with message "{said}". See '
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group} in "
        f"account {server.account} for more information."
    )
    fields = {
        "OriginalStatusCode": reply.status,
        "OriginalMessage": said,
        "LogStreamArn": f"arn:aws:logs:{region}:{server.account}:log-group:{group}",
    }
    return AwsError("ModelError", message, status=424, fields=fields)


async def _parts(reply: Reply) -> AsyncIterator[dict[str, Any]]:
    assert reply.pieces is not None
    try:
        async for piece in reply.pieces:
            if piece:
                yield {"PayloadPart": {"Bytes": piece}}
    except JobError as error:
        yield {"error": ("ModelStreamError", str(error))}


def _refuse(component: object) -> None:
    if component:
        raise _error(f"Inference Component {component} not found")


def _missing(server: Server, name: str, invocation: Invocation, error: NotFoundError) -> AwsError:
    if "in service" in error.what:
        return _unknown(server, name)
    return _error(f"{error.what} of account {server.account}." if invocation.target_variant else str(error))


def _unknown(server: Server, name: str) -> AwsError:
    return _error(f"Endpoint {name} of account {server.account} not found.")


def _error(message: str) -> AwsError:
    return AwsError("ValidationError", message)
