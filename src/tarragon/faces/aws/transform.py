"""Transform jobs: a request becomes an engine job that puts every object of a prefix through a model."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tarragon.engine import Event, JobRecord, State, to_plain
from tarragon.errors import ConflictError, NotFoundError, ParameterError
from tarragon.faces.aws import components, jobs, search, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.jobs import kind_in, moment, status
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.models import resolved
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server
from tarragon.serve import Cut, JsonPath, TransformSpec

operations = Operations("sagemaker")
KIND, ARN = "transform", "transform-job"
SENT = (
    "ModelName", "MaxConcurrentTransforms", "ModelClientConfig", "MaxPayloadInMB", "BatchStrategy", "Environment",
    "TransformInput", "TransformOutput", "DataCaptureConfig", "TransformResources", "DataProcessing",
    "ExperimentConfig",
)  # fmt: skip
"""Members of a request that a description repeats."""
PAYLOAD_MB = 6  # SageMaker's default


@operations.answer
def create_transform_job(call: Call) -> Answer:
    """Record a transform job and start it."""
    params, name = dict(call.params), str(call.params["TransformJobName"])
    arn = call.arn(ARN, name)
    spec = {"request": params, "transform": to_plain(_spec(call, arn))}
    component = components.checked(call, params.get("ExperimentConfig"))
    try:
        call.server.jobs.submit(kind_in(KIND, call.region), name, spec)
    except ConflictError:
        raise AwsError("ResourceInUse", f"Job name must be unique: {arn} already exists") from None
    tags.keep(call, arn, params.get("Tags"))
    components.of_job(call, arn, "SageMakerTransformJob", name, component)
    return {"TransformJobArn": arn}


@operations.answer
async def describe_transform_job(call: Call) -> Answer:
    """Describe a job; a slow asker about a running one waits for its end."""
    name = str(call.params["TransformJobName"])
    record = await jobs.settled(call, call.arn(ARN, name), lambda: _record(call, name))
    return await asyncio.to_thread(description, call.server, call.region, record)


@operations.answer
def list_transform_jobs(call: Call) -> Answer:
    """List jobs, newest first."""
    items = [_summary(call.server, call.region, record) for record in _records(call.server, call.region)]
    found, following = page(items, call.params, name="TransformJobName", status="TransformJobStatus")
    return {"TransformJobSummaries": found, "NextToken": following}


@operations.answer
def stop_transform_job(call: Call) -> Answer:
    """Ask a job to end; outputs that are stored stay."""
    record = _record(call, str(call.params["TransformJobName"]))
    jobs.stop(call, record, "transform job")
    return None


def description(server: Server, region: str, record: JobRecord) -> dict[str, Any]:
    """Describe a job as DescribeTransformJob does."""
    sent: Mapping[str, Any] = record.spec["request"]  # type: ignore[assignment]
    events = server.workspace.events(record.kind, record.name)
    result: Mapping[str, Any] = next((e.payload for e in reversed(events) if e.kind == "result"), {})
    found = {
        "TransformJobName": record.name, "TransformJobArn": _arn(server, region, record),
        **{name: sent[name] for name in SENT if name in sent},
        "TransformJobStatus": status(record), "CreationTime": moment(record.created),
        "TransformStartTime": _started(events), "FailureReason": _reason(record),
        "TransformEndTime": (result.get("ended") or moment(record.updated)) if record.state.over else None,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def _spec(call: Call, arn: str) -> TransformSpec:
    params, given, made = call.params, call.params["TransformInput"], call.params["TransformOutput"]
    where = given["DataSource"]["S3DataSource"]
    if where["S3DataType"] == "AugmentedManifestFile":
        raise invalid("AugmentedManifestFile is no S3DataType of a transform job")
    if params.get("DataCaptureConfig"):
        raise invalid("DataCaptureConfig cannot be honoured: requests are not captured yet")
    split, processing = given.get("SplitType") or "None", params.get("DataProcessing") or {}
    megabytes = params.get("MaxPayloadInMB")
    several = params.get("BatchStrategy", "MultiRecord") == "MultiRecord"
    client = params.get("ModelClientConfig") or {}
    environment = {**(params.get("Environment") or {}), "SAGEMAKER_BATCH": "true", "TRANSFORM_JOB_ARN": arn}
    containers = tuple(
        replace(each, environment={**each.environment, **environment})
        for each in resolved(call.server, call.region, str(params["ModelName"]))
    )
    filters = {name: processing.get(name) or "$" for name in ("InputFilter", "OutputFilter")}
    joined = processing.get("JoinSource", "None") == "Input"
    _check(filters, joined, given, made)
    return TransformSpec(
        containers, where["S3Uri"], made["S3OutputPath"],
        "manifest" if where["S3DataType"] == "ManifestFile" else "prefix",
        given.get("ContentType") or "", made.get("Accept") or "", given.get("CompressionType") == "Gzip",
        Cut(split, several, (PAYLOAD_MB if megabytes is None else int(megabytes)) << 20),
        made.get("AssembleWith") == "Line", int(params.get("MaxConcurrentTransforms") or 0),
        float(client.get("InvocationsTimeoutInSeconds") or 600), int(client.get("InvocationsMaxRetries", 3)),
        filters["InputFilter"], filters["OutputFilter"], joined,
        int((params.get("TransformResources") or {}).get("InstanceCount") or 1),
    )  # fmt: skip


def _check(filters: Mapping[str, str], joined: bool, given: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    for name, text in filters.items():
        try:
            JsonPath(text)
        except ParameterError as error:
            raise invalid(f"{name} cannot be used: {error}") from None
    idle = not joined and set(filters.values()) == {"$"}
    types = ("text/csv", "application/json", "application/jsonlines")
    kind = str(given.get("ContentType") or "").partition(";")[0]
    if not idle and kind not in types:
        raise invalid(
            f"DataProcessing needs a ContentType it can read: {', '.join(types)}; it is {kind or 'not given'}"
        )
    accept = str(made.get("Accept") or "").partition(";")[0]
    if joined and accept and accept not in (kind, "application/json", "application/jsonlines"):
        raise invalid(f"JoinSource needs Accept to be ContentType, {kind}; it is {accept}")


def _reason(record: JobRecord) -> str | None:
    return record.reason if record.state is State.FAILED else None


def _started(events: tuple[Event, ...]) -> float | None:
    return next((e.time for e in events if e.kind == "phase" and e.payload.get("status") == "Transforming"), None)


def _arn(server: Server, region: str, record: JobRecord) -> str:
    return f"arn:aws:sagemaker:{region}:{server.account}:{ARN}/{record.name}"


def _record(call: Call, name: str) -> JobRecord:
    try:
        return call.server.workspace.job(kind_in(KIND, call.region), name)
    except NotFoundError:
        raise invalid(f"Could not find requested job with name: {name}") from None


def _records(server: Server, region: str) -> tuple[JobRecord, ...]:
    return server.workspace.jobs(kind_in(KIND, region))


def _summary(server: Server, region: str, record: JobRecord) -> dict[str, Any]:
    found = {
        "TransformJobName": record.name, "TransformJobArn": _arn(server, region, record),
        "CreationTime": moment(record.created), "LastModifiedTime": moment(record.updated),
        "TransformJobStatus": status(record), "FailureReason": _reason(record),
    }  # fmt: skip
    return found | ({"TransformEndTime": moment(record.updated)} if record.state.over else {})


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    for record in _records(server, region):
        found = description(server, region, record)
        yield {**found, "Tags": tags.of(server, region, found["TransformJobArn"])}


def _facts(server: Server, region: str, arn: str) -> components.Facts | None:
    """Say what a transform job's own trial component shows."""
    try:
        record = server.workspace.job(kind_in(KIND, region), arn.rpartition("/")[2])
    except NotFoundError:
        return None
    found = description(server, region, record)
    resources, where = found["TransformResources"], found["TransformInput"]
    parameters = {f"SageMaker.{name}": resources.get(name) for name in ("InstanceCount", "InstanceType")}
    parameters |= {"SageMaker.ModelName": found["ModelName"]}
    return components.Facts(
        status=found["TransformJobStatus"],
        message=found.get("FailureReason", ""),
        started=found.get("TransformStartTime"),
        ended=found.get("TransformEndTime"),
        parameters={name: value for name, value in parameters.items() if value is not None},
        inputs={
            "SageMaker.TransformInput": {
                "Value": where["DataSource"]["S3DataSource"]["S3Uri"], "MediaType": where.get("ContentType"),
            }
        },
        outputs={"SageMaker.TransformOutput": {"Value": found["TransformOutput"]["S3OutputPath"]}},
    )  # fmt: skip


search.RESOURCES["TransformJob"] = _documents
components.SOURCES["SageMakerTransformJob"] = _facts
