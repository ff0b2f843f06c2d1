"""Training jobs: a request becomes an engine job, the job's events become a description.

Everything that was sent comes back as it was sent; what the job did is read from its record and events.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tarragon.engine import Event, JobRecord, State, to_plain
from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import components, jobs, search, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.jobs import kind_in, moment, status
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.server import Server
from tarragon.train import Pattern, Source, TrainingSpec, image
from tarragon.train.builtin import default_metrics

operations = Operations("sagemaker")
KIND, ARN = "training", "training-job"
NOT_YET = {
    "DebugRuleConfigurations": "Debugger's rules are not evaluated yet",
    "ProfilerRuleConfigurations": "the profiler's rules are not evaluated yet",
    "ModelPackageConfig": "a job's model is not registered by the job; use CreateModelPackage",
    "MlflowConfig": "there is no MLflow server here",
    "ServerlessJobConfig": "models of the hub cannot be customised here yet",
}
SENT = (
    "HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig",
    "VpcConfig", "StoppingCondition", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining", "CheckpointConfig", "DebugHookConfig", "ExperimentConfig", "TensorBoardOutputConfig",
    "ProfilerConfig", "Environment", "RetryStrategy", "RemoteDebugConfig", "InfraCheckConfig",
)  # fmt: skip
"""Members of a request that a description repeats."""
SWITCHES = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")
"""Members that a description always has: off, where the request has none."""
DOCUMENTS = {"DebugHookConfig": "debughookconfig", "ProfilerConfig": "profilerconfig"}
"""Members that a job finds as files of its own."""


@operations.answer
def create_training_job(call: Call) -> Answer:
    """Record a training job and start it."""
    params, name = dict(call.params), call.params["TrainingJobName"]
    arn = call.arn(ARN, name)
    _check(params)
    spec = {"request": params, "training": to_plain(_spec(call, arn))}
    component = components.checked(call, params.get("ExperimentConfig"))
    try:
        call.server.jobs.submit(kind_in(KIND, call.region), name, spec)
    except ConflictError:
        raise AwsError("ResourceInUse", f"Training job names must be unique: {arn} already exists") from None
    tags.keep(call, arn, params.get("Tags"))
    components.of_job(call, arn, "SageMakerTrainingJob", name, component)
    return {"TrainingJobArn": arn}


@operations.answer
async def describe_training_job(call: Call) -> Answer:
    """Describe a job; a slow asker about a running one waits for its end."""
    name = call.params["TrainingJobName"]
    record = await jobs.settled(call, call.arn(ARN, name), lambda: _record(call, name))
    return await asyncio.to_thread(description, call.server, call.region, record)


@operations.answer
def list_training_jobs(call: Call) -> Answer:
    """List jobs, newest first."""
    items = [_summary(call.server, call.region, record) for record in _records(call.server, call.region)]
    found, following = page(items, call.params, name="TrainingJobName", status="TrainingJobStatus")
    return {"TrainingJobSummaries": found, "NextToken": following}


@operations.answer
def stop_training_job(call: Call) -> Answer:
    """Ask a job to end: SIGTERM, two minutes, SIGKILL; what it has is kept."""
    record = _record(call, call.params["TrainingJobName"])
    jobs.stop(call, record, "training job")
    return None


@operations.answer
def update_training_job(call: Call) -> Answer:
    """Answer for a job whose profiler or warm pool would be changed: there is neither here."""
    record = _record(call, call.params["TrainingJobName"])
    raise invalid(f"The training job {record.name} has no profiler and no warm pool to update")


@operations.answer
def delete_training_job(call: Call) -> Answer:
    """Forget a job that is over."""
    record = _record(call, call.params["TrainingJobName"])
    jobs.remove(call, record, "training job")
    tags.drop(call, call.arn(ARN, record.name))
    return None


def description(server: Server, region: str, record: JobRecord) -> dict[str, Any]:
    """Describe a job as DescribeTrainingJob does."""
    sent: Mapping[str, Any] = record.spec["request"]  # type: ignore[assignment]
    events = server.workspace.events(record.kind, record.name)
    phases = list(_transitions(record, events))
    result = _result(events)
    ended = result.get("ended") or (moment(record.updated) if record.state.over else None)
    started = result.get("started") or next((p["StartTime"] for p in phases if p["Status"] == "Training"), None)
    found: dict[str, Any] = {
        "TrainingJobName": record.name,
        "TrainingJobArn": f"arn:aws:sagemaker:{region}:{server.account}:{ARN}/{record.name}",
        **_sent(sent),
        "TrainingJobStatus": status(record), "SecondaryStatus": phases[-1]["Status"],
        "SecondaryStatusTransitions": phases, "CreationTime": moment(record.created),
        "LastModifiedTime": moment(record.updated), "TrainingStartTime": started,
        "TrainingEndTime": ended if record.state.over else None,
        "ModelArtifacts": {"S3ModelArtifacts": _model_uri(record, result)},
        "FinalMetricDataList": _final(result) if record.state.over else _metrics_so_far(events),
        "FailureReason": record.reason if record.state is State.FAILED else None, "ProfilingStatus": "Disabled",
    }  # fmt: skip
    if record.state.over and started and ended:
        seconds = max(1, round(ended - started))
        found |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return {name: value for name, value in found.items() if value not in (None, [])}


def _sent(request: Mapping[str, Any]) -> dict[str, Any]:
    """Repeat what was sent; a built-in algorithm's own metrics are named, as SageMaker does."""
    found = {**dict.fromkeys(SWITCHES, False), **{name: request[name] for name in SENT if name in request}}
    algorithm = dict(found["AlgorithmSpecification"])
    known = image(algorithm.get("TrainingImage", ""))
    if known.kind == "algorithm" and not algorithm.get("MetricDefinitions") and not _scripted(request):
        algorithm["MetricDefinitions"] = [{"Name": n, "Regex": r} for n, r in default_metrics(known.algorithm)]
    return {**found, "AlgorithmSpecification": algorithm}


def _scripted(request: Mapping[str, Any]) -> bool:
    program = "sagemaker_program" in (request.get("HyperParameters") or {})
    return program or bool(request["AlgorithmSpecification"].get("ContainerEntrypoint"))


def _check(params: Mapping[str, Any]) -> None:
    algorithm = params.get("AlgorithmSpecification", {})
    if "TrainingImage" not in algorithm:
        raise invalid(
            "AlgorithmSpecification must name a TrainingImage; algorithms of the marketplace cannot be had here"
        )
    for name, why in NOT_YET.items():
        if params.get(name):
            raise invalid(f"{name} cannot be honoured: {why}")
    for each in algorithm.get("MetricDefinitions", ()):
        try:
            re.compile(each["Regex"])
        except re.error as error:
            raise invalid(f"The regular expression of metric {each['Name']} cannot be read: {error}") from None
    names = [each["ChannelName"] for each in params.get("InputDataConfig", ())]
    if len(set(names)) < len(names):
        raise invalid("InputDataConfig names a channel twice")
    stopping = params.get("StoppingCondition", {})
    if params.get("EnableManagedSpotTraining"):
        if stopping.get("MaxWaitTimeInSeconds", 0) < stopping.get("MaxRuntimeInSeconds", 86_400):
            raise invalid(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif "MaxWaitTimeInSeconds" in stopping:
        raise invalid("MaxWaitTimeInSeconds may be given only with EnableManagedSpotTraining")


def _spec(call: Call, arn: str) -> TrainingSpec:
    params, algorithm = call.params, call.params["AlgorithmSpecification"]
    resources, output = params.get("ResourceConfig", {}), params["OutputDataConfig"]
    groups = resources.get("InstanceGroups", ())
    checkpoint = params.get("CheckpointConfig", {})
    mode = algorithm.get("TrainingInputMode", "File")
    patterns = tuple(Pattern(each["Name"], each["Regex"]) for each in algorithm.get("MetricDefinitions", ()))
    return TrainingSpec(
        arn=arn,
        region=call.region,
        image=algorithm["TrainingImage"],
        hyperparameters=dict(params.get("HyperParameters", {})),
        sources=tuple(_source(each, mode) for each in params.get("InputDataConfig", ())),
        output_uri=output["S3OutputPath"],
        packed=output.get("CompressionType", "GZIP") != "NONE",
        instances=resources.get("InstanceCount") or sum(each["InstanceCount"] for each in groups) or 1,
        instance_type=resources.get("InstanceType") or next((each["InstanceType"] for each in groups), "ml.m5.large"),
        max_runtime_s=params.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400),
        environment=dict(params.get("Environment", {})),
        entrypoint=tuple(algorithm.get("ContainerEntrypoint", ())),
        arguments=tuple(algorithm.get("ContainerArguments", ())),
        patterns=patterns,
        checkpoint_uri=checkpoint.get("S3Uri", ""),
        checkpoint_path=checkpoint.get("LocalPath", "/opt/ml/checkpoints") if checkpoint else "",
        groups=tuple((g["InstanceGroupName"], g["InstanceType"], g["InstanceCount"]) for g in groups),
        documents={name: params[member] for member, name in DOCUMENTS.items() if params.get(member)},
    )


def _source(channel: Mapping[str, Any], mode: str) -> Source:
    where = channel["DataSource"].get("S3DataSource")
    if where is None:
        raise invalid(
            f"The channel {channel['ChannelName']} must have an S3DataSource: no file system can be mounted here"
        )
    kinds = {"S3Prefix": "prefix", "ManifestFile": "manifest", "AugmentedManifestFile": "augmented"}
    if where["S3DataType"] not in kinds:
        raise invalid(
            f"The channel {channel['ChannelName']} has S3DataType {where['S3DataType']}, which is not answered here"
        )
    return Source(
        name=channel["ChannelName"],
        uri=where["S3Uri"],
        kind=kinds[where["S3DataType"]],  # type: ignore[arg-type]
        attributes=tuple(where.get("AttributeNames", ())),
        sharded=where.get("S3DataDistributionType") == "ShardedByS3Key",
        content_type=channel.get("ContentType", ""),
        gzip=channel.get("CompressionType") == "Gzip",
        mode=channel.get("InputMode", mode),
        recordio=channel.get("RecordWrapperType") == "RecordIO",
        shuffle_seed=channel.get("ShuffleConfig", {}).get("Seed"),
        hosts=tuple(where.get("InstanceGroupNames", ())),
    )


def _record(call: Call, name: str) -> JobRecord:
    try:
        return call.server.workspace.job(kind_in(KIND, call.region), name)
    except NotFoundError:
        raise invalid("Requested resource not found.") from None


def _records(server: Server, region: str) -> tuple[JobRecord, ...]:
    return server.workspace.jobs(kind_in(KIND, region))


def _summary(server: Server, region: str, record: JobRecord) -> dict[str, Any]:
    found = {
        "TrainingJobName": record.name,
        "TrainingJobArn": f"arn:aws:sagemaker:{region}:{server.account}:{ARN}/{record.name}",
        "CreationTime": moment(record.created), "LastModifiedTime": moment(record.updated),
        "TrainingJobStatus": status(record),
    }  # fmt: skip
    return found | ({"TrainingEndTime": moment(record.updated)} if record.state.over else {})


def _transitions(record: JobRecord, events: tuple[Event, ...]) -> Iterator[dict[str, Any]]:
    """Turn phases into the append-only list that clients print; never empty, each with a message."""
    steps = [
        (event.time, str(event.payload["status"]), str(event.payload["message"]))
        for event in events
        if event.kind == "phase"
    ]
    created = moment(record.created)
    steps = [(created, *steps[0][1:]), *steps[1:]] if steps else [(created, "Starting", "Starting the training job")]
    if record.state is State.STOPPING:
        steps.append((moment(record.updated), "Stopping", "Stopping the training job"))
    if record.state.over:
        exceeded = _result(events).get("exceeded") and record.state is State.STOPPED
        last = "MaxRuntimeExceeded" if exceeded else record.state.value
        words = {"Completed": "Training job completed", "Failed": "Training job failed"}
        steps.append((moment(record.updated), last, words.get(last, record.reason or "Training job stopped")))
    for i, (begin, name, message) in enumerate(steps):
        end = steps[i + 1][0] if i + 1 < len(steps) else begin if record.state.over else None
        step = {"Status": name, "StartTime": begin, "StatusMessage": message}
        yield step if end is None else {**step, "EndTime": end}


def _result(events: tuple[Event, ...]) -> Mapping[str, Any]:
    return next((event.payload for event in reversed(events) if event.kind == "result"), {})


def _model_uri(record: JobRecord, result: Mapping[str, Any]) -> str:
    spec: Any = record.spec["training"]
    base = f"{spec['output_uri'].rstrip('/')}/{record.name}/output/model"
    return str(result.get("model_uri") or (f"{base}.tar.gz" if spec["packed"] else f"{base}/"))


def _final(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"MetricName": each["name"], "Value": each["value"], "Timestamp": each["time"]}
        for each in result.get("metrics", ())
    ]


def _metrics_so_far(events: tuple[Event, ...]) -> list[dict[str, Any]]:
    last = {event.payload["name"]: event for event in events if event.kind == "metric"}
    return [{"MetricName": name, "Value": each.payload["value"], "Timestamp": each.time} for name, each in last.items()]


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    for record in _records(server, region):
        found = description(server, region, record)
        yield {**found, "Tags": tags.of(server, region, found["TrainingJobArn"])}


def _facts(server: Server, region: str, arn: str) -> components.Facts | None:
    """Say what a training job's own trial component shows."""
    try:
        record = server.workspace.job(kind_in(KIND, region), arn.rpartition("/")[2])
    except NotFoundError:
        return None
    found = description(server, region, record)
    channels = {
        each["ChannelName"]: {
            "Value": each["DataSource"]["S3DataSource"]["S3Uri"],
            "MediaType": each.get("ContentType"),
        }
        for each in found.get("InputDataConfig", ())
        if "S3DataSource" in each["DataSource"]
    }
    resources = found.get("ResourceConfig", {})
    facts = {"SageMaker.ImageUri": found["AlgorithmSpecification"].get("TrainingImage")}
    facts |= {f"SageMaker.{name}": resources.get(name) for name in ("InstanceCount", "InstanceType", "VolumeSizeInGB")}
    return components.Facts(
        status=found["TrainingJobStatus"],
        message=found.get("FailureReason", ""),
        started=found.get("TrainingStartTime"),
        ended=found.get("TrainingEndTime"),
        parameters={**found.get("HyperParameters", {}), **{k: v for k, v in facts.items() if v is not None}},
        inputs=channels,
        outputs={"SageMaker.ModelArtifact": {"Value": found["ModelArtifacts"]["S3ModelArtifacts"]}}
        if found["TrainingJobStatus"] == "Completed"
        else {},
        metrics=_points(server.workspace.events(record.kind, record.name)),
    )


def _points(events: tuple[Event, ...]) -> dict[str, list[tuple[float, int | None, float]]]:
    found: dict[str, list[tuple[float, int | None, float]]] = {}
    for event in events:
        if event.kind == "metric":
            payload: Any = event.payload
            found.setdefault(payload["name"], []).append((event.time, payload.get("step"), payload["value"]))
    return found


search.RESOURCES["TrainingJob"] = _documents
components.SOURCES["SageMakerTrainingJob"] = _facts
