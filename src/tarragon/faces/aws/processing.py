"""Processing jobs: a request becomes an engine job, the job's record and events become a description."""

import asyncio
from collections.abc import Mapping
from typing import Any

from tarragon.engine import Event, JobRecord, State, to_plain
from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import components, jobs, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.jobs import kind_in, moment, status
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server
from tarragon.train import Given, ProcessingSpec, Wanted

operations = Operations("sagemaker")
KIND, ARN = "processing", "processing-job"
SENT = (
    "ProcessingInputs", "ProcessingOutputConfig", "ProcessingResources", "StoppingCondition", "AppSpecification",
    "Environment", "NetworkConfig", "RoleArn", "ExperimentConfig",
)  # fmt: skip
"""Members of a request that a description repeats."""
LONGEST_S = 86_400


@operations.answer
def create_processing_job(call: Call) -> Answer:
    """Record a processing job and start it."""
    params, name = dict(call.params), call.params["ProcessingJobName"]
    arn = call.arn(ARN, name)
    spec = {"request": params, "processing": to_plain(_spec(call, arn))}
    component = components.checked(call, params.get("ExperimentConfig"))
    try:
        call.server.jobs.submit(kind_in(KIND, call.region), name, spec)
    except ConflictError:
        raise AwsError(
            "ResourceInUse", f"Job names must be unique: a job with this name already exists ({arn})"
        ) from None
    tags.keep(call, arn, params.get("Tags"))
    components.of_job(call, arn, "SageMakerProcessingJob", name, component)
    return {"ProcessingJobArn": arn}


@operations.answer
async def describe_processing_job(call: Call) -> Answer:
    """Describe a job; a slow asker about a running one waits for its end."""
    name = call.params["ProcessingJobName"]
    record = await jobs.settled(call, call.arn(ARN, name), lambda: _record(call, name))
    return await asyncio.to_thread(description, call.server, call.region, record)


@operations.answer
def list_processing_jobs(call: Call) -> Answer:
    """List jobs, newest first."""
    items = [_summary(call.server, call.region, record) for record in _records(call.server, call.region)]
    found, following = page(items, call.params, name="ProcessingJobName", status="ProcessingJobStatus")
    return {"ProcessingJobSummaries": found, "NextToken": following}


@operations.answer
def stop_processing_job(call: Call) -> Answer:
    """Ask a job to end: SIGTERM, two minutes, SIGKILL; what it has is stored."""
    record = _record(call, call.params["ProcessingJobName"])
    jobs.stop(call, record, "processing job")
    return None


@operations.answer
def delete_processing_job(call: Call) -> Answer:
    """Forget a job that is over."""
    record = _record(call, call.params["ProcessingJobName"])
    jobs.remove(call, record, "processing job")
    tags.drop(call, call.arn(ARN, record.name))
    return None


def description(server: Server, region: str, record: JobRecord) -> dict[str, Any]:
    """Describe a job as DescribeProcessingJob does."""
    sent: Mapping[str, Any] = record.spec["request"]  # type: ignore[assignment]
    events = server.workspace.events(record.kind, record.name)
    result = _result(events)
    started = result.get("started") or next((each.time for each in events if each.kind == "phase"), None)
    found = {
        **_summary(server, region, record), **{name: sent[name] for name in SENT if name in sent},
        "ProcessingStartTime": started, "ExitMessage": result.get("message"),
        "ProcessingEndTime": (result.get("ended") or moment(record.updated)) if record.state.over else None,
        "FailureReason": record.reason if record.state is State.FAILED else None,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value not in (None, "")}


def _spec(call: Call, arn: str) -> ProcessingSpec:
    params = call.params
    application, cluster = params["AppSpecification"], params["ProcessingResources"]["ClusterConfig"]
    if "InstanceCount" not in cluster or "InstanceType" not in cluster:
        raise invalid("ProcessingResources.ClusterConfig must have an InstanceCount and an InstanceType")
    document = {"ProcessingJobArn": arn, **{name: value for name, value in params.items() if name != "Tags"}}
    return ProcessingSpec(
        arn=arn,
        region=call.region,
        image=application["ImageUri"],
        entrypoint=tuple(application.get("ContainerEntrypoint", ())),
        arguments=tuple(application.get("ContainerArguments", ())),
        inputs=tuple(_given(each) for each in params.get("ProcessingInputs", ())),
        outputs=tuple(_wanted(each) for each in params.get("ProcessingOutputConfig", {}).get("Outputs", ())),
        instances=cluster["InstanceCount"],
        instance_type=cluster["InstanceType"],
        max_runtime_s=params.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", LONGEST_S),
        environment=dict(params.get("Environment", {})),
        document=document,
    )


def _given(given: Mapping[str, Any]) -> Given:
    where = given.get("S3Input")
    if where is None:
        raise invalid(
            f"The input {given['InputName']} must have an S3Input: no Athena or Redshift data set can be had here"
        )
    if "LocalPath" not in where:
        raise invalid(f"The input {given['InputName']} must have a LocalPath")
    return Given(
        name=given["InputName"],
        uri=where["S3Uri"],
        path=where["LocalPath"],
        kind="manifest" if where["S3DataType"] == "ManifestFile" else "prefix",
        sharded=where.get("S3DataDistributionType") == "ShardedByS3Key",
        gzip=where.get("S3CompressionType") == "Gzip",
    )


def _wanted(wanted: Mapping[str, Any]) -> Wanted:
    where = wanted.get("S3Output")
    if where is None:
        raise invalid(f"The output {wanted['OutputName']} must have an S3Output: there is no feature store here")
    path = where.get("LocalPath")
    if path is None:
        raise invalid(f"The output {wanted['OutputName']} must have a LocalPath")
    return Wanted(wanted["OutputName"], where["S3Uri"], path, where["S3UploadMode"] == "Continuous")


def _record(call: Call, name: str) -> JobRecord:
    try:
        return call.server.workspace.job(kind_in(KIND, call.region), name)
    except NotFoundError:
        raise invalid(f"Could not find requested job with name: {name}") from None


def _records(server: Server, region: str) -> tuple[JobRecord, ...]:
    return server.workspace.jobs(kind_in(KIND, region))


def _summary(server: Server, region: str, record: JobRecord) -> dict[str, Any]:
    found = {
        "ProcessingJobName": record.name,
        "ProcessingJobArn": f"arn:aws:sagemaker:{region}:{server.account}:{ARN}/{record.name}",
        "CreationTime": moment(record.created), "LastModifiedTime": moment(record.updated),
        "ProcessingJobStatus": status(record),
    }  # fmt: skip
    if record.state.over:
        found["ProcessingEndTime"] = moment(record.updated)
    return found | ({"FailureReason": record.reason} if record.state is State.FAILED else {})


def _result(events: tuple[Event, ...]) -> Mapping[str, Any]:
    return next((event.payload for event in reversed(events) if event.kind == "result"), {})


def _facts(server: Server, region: str, arn: str) -> components.Facts | None:
    """Say what a processing job's own trial component shows."""
    try:
        record = server.workspace.job(kind_in(KIND, region), arn.rpartition("/")[2])
    except NotFoundError:
        return None
    found = description(server, region, record)
    cluster = found["ProcessingResources"]["ClusterConfig"]
    parameters = {
        **found.get("Environment", {}), "SageMaker.ImageUri": found["AppSpecification"]["ImageUri"],
        **{f"SageMaker.{name}": value for name, value in cluster.items() if isinstance(value, (int, float, str))},
    }  # fmt: skip
    outputs = found.get("ProcessingOutputConfig", {}).get("Outputs", ())
    return components.Facts(
        status=found["ProcessingJobStatus"],
        message=found.get("FailureReason", ""),
        started=found.get("ProcessingStartTime"),
        ended=found.get("ProcessingEndTime"),
        parameters=parameters,
        inputs={each["InputName"]: {"Value": each["S3Input"]["S3Uri"]} for each in found.get("ProcessingInputs", ())},
        outputs={each["OutputName"]: {"Value": each["S3Output"]["S3Uri"]} for each in outputs},
    )


components.SOURCES["SageMakerProcessingJob"] = _facts
