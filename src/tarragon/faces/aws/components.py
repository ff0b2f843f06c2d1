"""Trial components: one stage of a trial, with its parameters, metrics and artifacts.

Every training, processing and transform job has one of its own, which shows what the job shows: it is read from the
job when it is asked for, by the function its family has put into :data:`SOURCES`.
"""

import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tarragon.engine import Document
from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import experiments, search, sent_metrics, tags, trials
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.sent_metrics import Point
from tarragon.faces.aws.server import Server

operations = Operations("sagemaker")
KIND, ARN = "trial-component", "experiment-trial-component"
ENDINGS = {
    "SageMakerTrainingJob": "-aws-training-job", "SageMakerProcessingJob": "-aws-processing-job",
    "SageMakerTransformJob": "-aws-transform-job",
}  # fmt: skip
NUMBER = re.compile(r"[+-]?(\d{1,300}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
MERGED = ("Parameters", "InputArtifacts", "OutputArtifacts")
"""When (seconds since 1970), at which step, how much."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a job's own component shows.

    Parameters
    ----------
    status : str
        The job's.
    message : str
    started, ended : float or None
    parameters : mapping
        Text or numbers.
    inputs, outputs : mapping of str to mapping
        Artifacts: ``{"Value": uri, "MediaType": …}``.
    metrics : mapping of str to sequence of Point
    """

    status: str
    message: str = ""
    started: float | None = None
    ended: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metrics: Mapping[str, Sequence[Point]] = field(default_factory=dict)


SOURCES: dict[str, Callable[[Server, str, str], Facts | None]] = {}
"""By source type: a function of server, region and the job's ARN; None for a job that is gone."""


@operations.answer
def create_trial_component(call: Call) -> Answer:
    """Keep a component."""
    params, name = dict(call.params), call.params["TrialComponentName"]
    arn, given = call.arn(ARN, name), params.pop("Tags", None)
    try:
        call.server.documents.create(call.region, KIND, name, params)
    except ConflictError:
        raise invalid(
            f"Trial Component names must be unique within an AWS account and region. {arn} already exists."
        ) from None
    tags.keep(call, arn, given)
    return {"TrialComponentArn": arn}


@operations.answer
def describe_trial_component(call: Call) -> Answer:
    """Describe a component, with what its job and its metrics say by now."""
    return described(call.server, call.region, found(call, call.params["TrialComponentName"]))


@operations.answer
def update_trial_component(call: Call) -> Answer:
    """Add to a component: parameters and artifacts are merged, and removed by name."""
    params = dict(call.params)
    name = params.pop("TrialComponentName")
    found(call, name)

    def edit(old: Mapping[str, Any]) -> Mapping[str, Any]:
        new = {**old, **{k: v for k, v in params.items() if k not in MERGED and not k.endswith("ToRemove")}}
        for member in MERGED:
            gone = set(params.get(f"{member}ToRemove") or ())
            merged = {**(old.get(member) or {}), **(params.get(member) or {})}
            new[member] = {key: value for key, value in merged.items() if key not in gone}
        return new

    call.server.documents.change(call.region, KIND, name, edit)
    return {"TrialComponentArn": call.arn(ARN, name)}


@operations.answer
def delete_trial_component(call: Call) -> Answer:
    """Forget a component that is in no trial any more."""
    name = call.params["TrialComponentName"]
    found(call, name)
    inside = trials.members(call.server, call.region, component=name)
    if inside:
        raise invalid(f"The trial component {name} is in the trial {inside[0][0]}; disassociate it first")
    call.server.documents.delete(call.region, KIND, name)
    tags.drop(call, call.arn(ARN, name))
    sent_metrics.drop(call.server, call.region, name)
    return {"TrialComponentArn": call.arn(ARN, name)}


@operations.answer
def list_trial_components(call: Call) -> Answer:
    """List components: all, a trial's, an experiment's, or a job's."""
    params, server, region = call.params, call.server, call.region
    chosen = list(server.documents.list(region, KIND))
    if "TrialName" in params:
        trials.found(call, params["TrialName"])
        inside = {name for _, name in trials.members(server, region, trial=params["TrialName"])}
        chosen = [each for each in chosen if each.name in inside]
    if "ExperimentName" in params:
        experiments.found(call, params["ExperimentName"])
        inside = {name for name, where in _parents(server, region).items() if params["ExperimentName"] in dict(where)}
        chosen = [each for each in chosen if each.name in inside]
    if "SourceArn" in params:
        chosen = [each for each in chosen if (each.content.get("Source") or {}).get("SourceArn") == params["SourceArn"]]
    items = [{"TrialComponentName": each.name, "CreationTime": each.created, "document": each} for each in chosen]
    found_items, following = page(items, params, name="TrialComponentName")  # only what is shown is looked at closely
    shown = [_summarised(described(server, region, each["document"])) for each in found_items]
    return {"TrialComponentSummaries": shown, "NextToken": following}


@operations.answer
def associate_trial_component(call: Call) -> Answer:
    """Put a component into a trial."""
    component, trial = call.params["TrialComponentName"], call.params["TrialName"]
    found(call, component)
    trials.found(call, trial)
    trials.link(call.server, call.region, trial, component)
    return {"TrialComponentArn": call.arn(ARN, component), "TrialArn": call.arn(trials.ARN, trial)}


@operations.answer
def disassociate_trial_component(call: Call) -> Answer:
    """Take a component out of a trial."""
    component, trial = call.params["TrialComponentName"], call.params["TrialName"]
    found(call, component)
    trials.found(call, trial)
    if not trials.unlink(call.server, call.region, trial, component):
        raise invalid(f"The trial component {component} is not in the trial {trial}")
    return {"TrialComponentArn": call.arn(ARN, component), "TrialArn": call.arn(trials.ARN, trial)}


def found(call: Call, name: str) -> Document:
    """Look a component up, by name or ARN. Raises ``AwsError`` in SageMaker's words."""
    try:
        return call.server.documents.get(call.region, KIND, name.rpartition("/")[2])
    except NotFoundError:
        raise AwsError("ResourceNotFound", f"Trial Component '{name}' does not exist.") from None


def checked(call: Call, config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Make sure that what an ExperimentConfig names is there, before a job is made; return it."""
    config = config or {}
    if "ExperimentName" in config:
        experiments.found(call, config["ExperimentName"])
    if "TrialName" in config:
        owner = trials.found(call, config["TrialName"]).content["ExperimentName"]
        if config.get("ExperimentName", owner) != owner:
            raise invalid(
                f"The trial {config['TrialName']} belongs to the experiment {owner}, not {config['ExperimentName']}"
            )
    if "RunName" in config:
        found(call, config["RunName"])
    return config


def of_job(call: Call, arn: str, source_type: str, name: str, config: Mapping[str, Any] | None) -> None:
    """Make a job's own component, and put it into the trial that its ExperimentConfig names.

    Parameters
    ----------
    arn : str
        The job's.
    source_type : str
        "SageMakerTrainingJob" and so on.
    name : str
        The job's.
    config : mapping, optional
        ExperimentConfig, as :func:`checked` returned it.
    """
    config = config or {}
    component = f"{name}{ENDINGS[source_type]}"
    content: dict[str, Any] = {"Source": {"SourceArn": arn, "SourceType": source_type}, "TrialComponentName": component}
    if "TrialComponentDisplayName" in config:
        content["DisplayName"] = config["TrialComponentDisplayName"]
    call.server.documents.put(call.region, KIND, component, content)
    if "TrialName" in config:
        trials.link(call.server, call.region, config["TrialName"], component)
    elif "ExperimentName" in config:
        trial = f"Default-Run-Group-{config['ExperimentName'][:100]}" if "RunName" in config else f"{name}-trial"
        if call.server.documents.find(call.region, trials.KIND, trial) is None:
            call.server.documents.put(
                call.region, trials.KIND, trial, {"TrialName": trial, "ExperimentName": config["ExperimentName"]}
            )
        trials.link(call.server, call.region, trial, component)


def described(server: Server, region: str, document: Document) -> dict[str, Any]:
    """Describe a component as DescribeTrialComponent does."""
    content = {name: value for name, value in document.content.items() if name != "TrialComponentName"}
    source = content.get("Source") or {}
    look = SOURCES.get(source.get("SourceType", ""))
    facts = look(server, region, source["SourceArn"]) if look else None
    shown = _of_facts(facts) if facts else {}
    arn = f"arn:aws:sagemaker:{region}:{server.account}:{ARN}/{document.name}"
    found: dict[str, Any] = {
        "TrialComponentName": document.name, "TrialComponentArn": arn, "DisplayName": document.name,
        "CreationTime": document.created, "LastModifiedTime": max(document.updated, shown.get("EndTime", 0)),
        **shown, **content,
        **{member: {**shown.get(member, {}), **(content.get(member) or {})} for member in MERGED},
    }  # fmt: skip
    reported = [(source["SourceArn"], facts.metrics)] if facts else []
    found["Metrics"] = [
        _summary(name, whence, points)
        for whence, metrics in (*reported, (arn, sent_metrics.points(server, region, document.name)))
        for name, points in metrics.items()
        if points
    ]
    return found


def _summarised(each: Mapping[str, Any]) -> dict[str, Any]:
    members = (
        "TrialComponentName", "TrialComponentArn", "DisplayName", "Status", "StartTime", "EndTime", "CreationTime",
        "LastModifiedTime",
    )  # fmt: skip
    found = {name: each[name] for name in members if each.get(name) is not None}
    return found | ({"TrialComponentSource": each["Source"]} if each.get("Source") else {})


def _of_facts(facts: Facts) -> dict[str, Any]:
    primary = (
        facts.status if facts.status in ("InProgress", "Completed", "Failed", "Stopping", "Stopped") else "InProgress"
    )
    times = {"StartTime": facts.started, "EndTime": facts.ended}
    return {
        "Status": {"PrimaryStatus": primary, "Message": facts.message or f"Status: {facts.status}"},
        "Parameters": {name: _parameter(value) for name, value in facts.parameters.items()},
        "InputArtifacts": {name: _artifact(each) for name, each in facts.inputs.items()},
        "OutputArtifacts": {name: _artifact(each) for name, each in facts.outputs.items()},
        **{name: value for name, value in times.items() if value is not None},
    }  # fmt: skip


def _parameter(value: Any) -> dict[str, Any]:
    """Show a number as a number; "nan", "inf" and "1_000" are words."""
    text = str(value)
    return {"NumberValue": float(text)} if NUMBER.fullmatch(text) else {"StringValue": text}


def _artifact(each: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in each.items() if value}


def _summary(name: str, arn: str, points: Sequence[Point]) -> dict[str, Any]:
    numbers = [value for _, _, value in points]
    return {
        "MetricName": name, "SourceArn": arn, "TimeStamp": max(at for at, _, _ in points), "Max": max(numbers),
        "Min": min(numbers), "Last": numbers[-1], "Count": len(numbers), "Avg": statistics.fmean(numbers),
        "StdDev": statistics.pstdev(numbers),
    }  # fmt: skip


def _parents(server: Server, region: str) -> dict[str, list[tuple[str, str]]]:
    """Map each component to the (experiment, trial) pairs it is in."""
    owner = {each.name: each.content["ExperimentName"] for each in server.documents.list(region, trials.KIND)}
    found: dict[str, list[tuple[str, str]]] = {}
    for trial, component in trials.members(server, region):
        if trial in owner:
            found.setdefault(component, []).append((owner[trial], trial))
    return found


def _documents(server: Server, region: str) -> Iterator[dict[str, Any]]:
    parents = _parents(server, region)
    for document in server.documents.list(region, KIND):
        each = described(server, region, document)
        where = [{"ExperimentName": e, "TrialName": t} for e, t in parents.get(document.name, ())]
        yield {**each, "Tags": tags.of(server, region, each["TrialComponentArn"]), "Parents": where}


search.RESOURCES["ExperimentTrialComponent"] = _documents
