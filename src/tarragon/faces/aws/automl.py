"""AutoML jobs of both versions: a request becomes a run of the loop, its leaderboard the list of candidates."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from tarragon.develop import AutomlSpec
from tarragon.engine import Event, JobRecord, State, to_plain
from tarragon.errors import ConflictError, NotFoundError, ParameterError
from tarragon.faces.aws import jobs, tags
from tarragon.faces.aws.error import AwsError, invalid
from tarragon.faces.aws.jobs import kind_in, moment, record_of, status
from tarragon.faces.aws.listing import page
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.train import Source

operations = Operations("sagemaker")
KIND, ARN = "automl", "automl-job"
IMAGE = "sagemaker-sklearn-automl:2.5-1-cpu-py3"
BUDGET_S = 300.0  # where the request sets no limit, which for AutoML means "as long as it takes"
TASKS = {"BinaryClassification": "binary", "MulticlassClassification": "multiclass", "Regression": "regression"}
PROBLEMS = {task: problem for problem, task in TASKS.items()}
METRICS = {
    "accuracy": "Accuracy", "balanced_accuracy": "BalancedAccuracy", "f1": "F1", "macro_f1": "F1macro", "auc": "AUC",
    "precision": "Precision", "macro_precision": "PrecisionMacro", "recall": "Recall", "macro_recall": "RecallMacro",
    "mse": "MSE", "rmse": "RMSE", "mae": "MAE", "r2": "R2", "mape": "MAPE",
}  # fmt: skip
EXTENDED = {**METRICS, "log_loss": "LogLoss"}  # names that a metric beside the objective may have
ALGORITHMS = {
    "xgboost": "xgboost", "linear-learner": "linear", "lightgbm": "lightgbm", "catboost": "catboost",
    "extra-trees": "extra-trees", "mlp": "tabular-net", "nn-torch": "tabular-net", "fastai": "tabular-net",
}  # fmt: skip
PHASES = {
    "profile": "AnalyzingData", "opening": "FeatureEngineering", "candidates-reached": "MaxCandidatesReached",
    "time-up": "MaxAutoMLJobRuntimeReached", "analysis": "GeneratingExplainabilityReport",
    "report": "GeneratingModelInsightsReport",
}  # fmt: skip


@operations.answer
def create_auto_ml_job(call: Call) -> Answer:
    """Record a job and start it."""
    params = dict(call.params)
    if ("ProblemType" in params) != ("AutoMLJobObjective" in params):
        raise invalid("ProblemType and AutoMLJobObjective are given together, or neither is")
    if params.get("GenerateCandidateDefinitionsOnly"):
        raise invalid("GenerateCandidateDefinitionsOnly cannot be honoured: notebooks are not written yet")
    targets = {
        (each["TargetAttributeName"], each.get("SampleWeightAttributeName")) for each in params["InputDataConfig"]
    }
    if len(targets) > 1:
        raise invalid("Every channel must name the same target and the same weights")
    return _start(call, _newer(params), params)


@operations.answer
def create_auto_ml_job_v2(call: Call) -> Answer:
    """Record a job and start it: tables only, so far."""
    params = dict(call.params)
    kind, config = next(iter(params["AutoMLProblemTypeConfig"].items()))
    if kind != "TabularJobConfig":
        raise invalid(
            f"{kind} cannot be honoured: AutoML jobs of this problem type are not there yet, only tabular ones"
        )
    if ("ProblemType" in config) != ("AutoMLJobObjective" in params):
        raise invalid("ProblemType and AutoMLJobObjective are given together, or neither is")
    if config.get("GenerateCandidateDefinitionsOnly"):
        raise invalid("GenerateCandidateDefinitionsOnly cannot be honoured: notebooks are not written yet")
    return _start(call, params, _older(params))


@operations.answer
async def describe_auto_ml_job(call: Call) -> Answer:
    """Describe a job; one of the second version as the first would have it."""
    record = await _patient(call)
    sent: Any = record.spec["request"]
    return _described(call, record) | {
        name: sent[name]
        for name in ("InputDataConfig", "ProblemType", "AutoMLJobConfig", "GenerateCandidateDefinitionsOnly")
        if name in sent
    }


@operations.answer
async def describe_auto_ml_job_v2(call: Call) -> Answer:
    """Describe a job; one of the first version as the second has it."""
    record = await _patient(call)
    sent: Any = record.spec["request_v2"]
    found = _described(call, record)
    resolved = found.pop("ResolvedAttributes", None)
    if resolved:
        problem = resolved.pop("ProblemType")
        found["ResolvedAttributes"] = {
            **resolved,
            "AutoMLProblemTypeResolvedAttributes": {"TabularResolvedAttributes": {"ProblemType": problem}},
        }
    names = ("AutoMLJobInputDataConfig", "AutoMLProblemTypeConfig", "SecurityConfig", "DataSplitConfig")
    return {
        **found, **{name: sent[name] for name in names if name in sent}, "AutoMLProblemTypeConfigName": "Tabular",
    }  # fmt: skip


@operations.answer
def list_auto_ml_jobs(call: Call) -> Answer:
    """List jobs, newest first."""
    items = []
    for record in call.server.workspace.jobs(kind_in(KIND, call.region)):
        events = call.server.workspace.events(record.kind, record.name)
        items.append(
            {
                "AutoMLJobName": record.name,
                "AutoMLJobArn": call.arn(ARN, record.name),
                "AutoMLJobStatus": status(record),
                "AutoMLJobSecondaryStatus": _secondary(record, events),
                "CreationTime": moment(record.created),
                "LastModifiedTime": moment(record.updated),
                **_ending(record),
            }
        )
    found, following = page(items, call.params, name="AutoMLJobName", status="AutoMLJobStatus")
    return {"AutoMLJobSummaries": found, "NextToken": following}


@operations.answer
def list_candidates_for_auto_ml_job(call: Call) -> Answer:
    """List what was tried, best objective first."""
    record, params = _record(call), call.params
    events = call.server.workspace.events(record.kind, record.name)
    items = []
    for each in _candidates(call, record, events):
        objective = each["FinalAutoMLJobObjectiveMetric"]
        sign = 1 if objective["Type"] == "Maximize" else -1
        if params.get("CandidateNameEquals") in (None, each["CandidateName"]):
            items.append({**each, "rank": sign * objective["Value"]})
    by = {"FinalObjectiveMetricValue": "rank", "Status": "CandidateStatus"}
    asked = {**params, "SortBy": by.get(params.get("SortBy", ""), params.get("SortBy", "rank"))}
    found, following = page(items, asked, name="CandidateName", status="CandidateStatus")
    shown = [{name: value for name, value in each.items() if name != "rank"} for each in found]
    return {"Candidates": shown, "NextToken": following}


@operations.answer
def stop_auto_ml_job(call: Call) -> Answer:
    """Ask a job to end with the best it has so far."""
    record = _record(call)
    jobs.stop(call, record, "AutoML job")
    return None


def _start(call: Call, newer: Mapping[str, Any], older: Mapping[str, Any]) -> Answer:
    """Start what both spellings of one request ask for."""
    name = newer["AutoMLJobName"]
    arn = call.arn(ARN, name)
    spec = {"request": dict(older), "request_v2": dict(newer), "automl": to_plain(_spec(newer))}
    try:
        call.server.jobs.submit(kind_in(KIND, call.region), name, spec)
    except ConflictError:
        raise AwsError("ResourceInUse", f"AutoML job names must be unique: {arn} already exists") from None
    tags.keep(call, arn, newer.get("Tags"))
    return {"AutoMLJobArn": arn}


def _spec(params: Mapping[str, Any]) -> AutomlSpec:
    config = params["AutoMLProblemTypeConfig"]["TabularJobConfig"]
    if params.get("ModelDeployConfig"):
        raise invalid("ModelDeployConfig cannot be honoured: a job's model is not deployed by itself yet")
    channels: dict[str, Source] = {}
    for each in params["AutoMLJobInputDataConfig"]:
        name = each.get("ChannelType", "training")
        if name in channels:
            raise invalid(f"There are two {name} channels; give one")
        channels[name] = _source(name, each)
    if "training" not in channels:
        raise invalid("There is no training channel")
    task = TASKS.get(config.get("ProblemType", ""), "")
    metric = _objective(params.get("AutoMLJobObjective"), task)
    criteria = config.get("CompletionCriteria", {})
    names = [
        name
        for each in config.get("CandidateGenerationConfig", {}).get("AlgorithmsConfig", ())
        for name in each["AutoMLAlgorithms"]
    ]
    algorithms = tuple(dict.fromkeys(ALGORITHMS[name] for name in names if name in ALGORITHMS))
    if names and not algorithms:
        raise invalid(f"None of {', '.join(names)} can be trained here; {', '.join(ALGORITHMS)} can")
    return AutomlSpec(
        source=channels["training"],
        validation=channels.get("validation"),
        target=config["TargetAttributeName"],
        output_uri=params["OutputDataConfig"]["S3OutputPath"],
        task=task,
        metric=metric,
        weight=config.get("SampleWeightAttributeName", ""),
        features_uri=config.get("FeatureSpecificationS3Uri", ""),
        budget_s=float(criteria.get("MaxAutoMLJobRuntimeInSeconds", BUDGET_S)),
        max_candidates=criteria.get("MaxCandidates", 0),
        algorithms=algorithms,
    )


def _source(name: str, channel: Mapping[str, Any]) -> Source:
    where = channel.get("DataSource", {}).get("S3DataSource")
    if where is None:
        raise invalid(f"The {name} channel must have an S3DataSource")
    kinds: Mapping[str, Literal["prefix", "manifest"]] = {"S3Prefix": "prefix", "ManifestFile": "manifest"}
    if where["S3DataType"] not in kinds:
        raise invalid(f"S3DataType {where['S3DataType']} is not answered here; S3Prefix and ManifestFile are")
    gzip = channel.get("CompressionType") == "Gzip"
    return Source(
        name, where["S3Uri"], kinds[where["S3DataType"]], content_type=channel.get("ContentType", ""), gzip=gzip
    )


def _objective(given: Mapping[str, str] | None, task: str) -> str:
    """Name the objective as the loop does. Raises ``AwsError`` for one that is no measure of the task."""
    if not given:
        return ""
    from tarragon.metrics import metric as find_metric  # late: a server starts without numerical libraries

    name = next((mine for mine, theirs in METRICS.items() if theirs == given["MetricName"]), "")
    try:
        found = find_metric(name or given["MetricName"])
    except ParameterError:
        raise invalid(f"The objective {given['MetricName']} is not one of a tabular job") from None
    if task and task not in found.tasks:
        raise invalid(f"The objective {given['MetricName']} does not go with the problem type {PROBLEMS[task]}")
    return found.name


def _newer(params: Mapping[str, Any]) -> dict[str, Any]:
    """Write a request of the first version as the second would."""
    config, first = params.get("AutoMLJobConfig", {}), params["InputDataConfig"][0]
    generation = dict(config.get("CandidateGenerationConfig", {}))
    features = generation.pop("FeatureSpecificationS3Uri", None)
    tabular = {
        "TargetAttributeName": first["TargetAttributeName"], "FeatureSpecificationS3Uri": features,
        "SampleWeightAttributeName": first.get("SampleWeightAttributeName"), "Mode": config.get("Mode"),
        "CompletionCriteria": config.get("CompletionCriteria"), "ProblemType": params.get("ProblemType"),
        "CandidateGenerationConfig": generation or None,
    }  # fmt: skip
    of_channel = ("ChannelType", "ContentType", "CompressionType", "DataSource")
    kept = ("AutoMLJobName", "OutputDataConfig", "RoleArn", "Tags", "AutoMLJobObjective", "ModelDeployConfig")
    return {
        **{name: params[name] for name in kept if name in params},
        "AutoMLJobInputDataConfig": [
            {name: each[name] for name in of_channel if name in each} for each in params["InputDataConfig"]
        ],
        "AutoMLProblemTypeConfig": {"TabularJobConfig": {k: v for k, v in tabular.items() if v is not None}},
        **{name: config[name] for name in ("SecurityConfig", "DataSplitConfig") if name in config},
    }


def _older(params: Mapping[str, Any]) -> dict[str, Any]:
    """Write a request of the second version as the first would."""
    config = params["AutoMLProblemTypeConfig"]["TabularJobConfig"]
    generation = dict(config.get("CandidateGenerationConfig", {}))
    if "FeatureSpecificationS3Uri" in config:
        generation["FeatureSpecificationS3Uri"] = config["FeatureSpecificationS3Uri"]
    settings = {
        "CompletionCriteria": config.get("CompletionCriteria"), "Mode": config.get("Mode"),
        "CandidateGenerationConfig": generation or None, "SecurityConfig": params.get("SecurityConfig"),
        "DataSplitConfig": params.get("DataSplitConfig"),
    }  # fmt: skip
    of_all = {name: config[name] for name in ("TargetAttributeName", "SampleWeightAttributeName") if name in config}
    kept = ("AutoMLJobName", "OutputDataConfig", "RoleArn", "Tags", "AutoMLJobObjective", "ModelDeployConfig")
    return {
        **{name: params[name] for name in kept if name in params},
        "InputDataConfig": [{**each, **of_all} for each in params["AutoMLJobInputDataConfig"]],
        "AutoMLJobConfig": {name: value for name, value in settings.items() if value is not None},
        **({"ProblemType": config["ProblemType"]} if "ProblemType" in config else {}),
    }


async def _patient(call: Call) -> JobRecord:
    """Look a job up; a slow asker about a running one waits for its end."""
    arn = call.arn(ARN, _record(call).name)
    return await jobs.settled(call, arn, lambda: _record(call))


def _record(call: Call) -> JobRecord:
    name = call.params["AutoMLJobName"]
    try:
        return record_of(call, KIND, name)
    except NotFoundError:
        raise AwsError("ResourceNotFound", f"Could not find AutoML job: {name} not found, it does not exist.") from None


def _described(call: Call, record: JobRecord) -> dict[str, Any]:
    """Say what both versions' descriptions say."""
    sent: Any = record.spec["request"]
    events = call.server.workspace.events(record.kind, record.name)
    result = _result(events)
    candidates = list(_candidates(call, record, events))
    found: dict[str, Any] = {
        "AutoMLJobName": record.name, "AutoMLJobArn": call.arn(ARN, record.name),
        **{name: sent[name] for name in ("OutputDataConfig", "RoleArn", "AutoMLJobObjective") if name in sent},
        "CreationTime": moment(record.created), "LastModifiedTime": moment(record.updated),
        "AutoMLJobStatus": status(record), "AutoMLJobSecondaryStatus": _secondary(record, events), **_ending(record),
    }  # fmt: skip
    if candidates:
        criteria = sent.get("AutoMLJobConfig", {}).get("CompletionCriteria", {})
        found |= {
            "BestCandidate": candidates[0],
            "ResolvedAttributes": {
                "AutoMLJobObjective": {"MetricName": METRICS[result["metric"]]},
                "ProblemType": PROBLEMS[result["task"]],
                "CompletionCriteria": {"MaxAutoMLJobRuntimeInSeconds": int(BUDGET_S), **criteria},
            },
        }
        if result["verdict"] == "STOP":  # there are models, and the loop says that they are worth nothing
            found["PartialFailureReasons"] = [{"PartialFailureMessage": "; ".join(result["reasons"])[:1024]}]
    return found


def _ending(record: JobRecord) -> dict[str, Any]:
    found: dict[str, Any] = {"EndTime": moment(record.updated)} if record.state.over else {}
    return found | ({"FailureReason": record.reason} if record.state is State.FAILED else {})


def _secondary(record: JobRecord, events: tuple[Event, ...]) -> str:
    if record.state.over or record.state is State.STOPPING:
        return record.state.value
    sent: Any = record.spec["request"]
    searching = sent.get("AutoMLJobConfig", {}).get("Mode") == "HYPERPARAMETER_TUNING"
    words = {**PHASES, "trials": "ModelTuning" if searching else "TrainingModels"}
    told = [str(event.payload["status"]) for event in events if event.kind == "phase"]
    return next((words[each] for each in reversed(told) if each in words), "Starting")


def _result(events: tuple[Event, ...]) -> Mapping[str, Any]:
    return next((event.payload for event in reversed(events) if event.kind == "result"), {})


def _candidates(call: Call, record: JobRecord, events: tuple[Event, ...]) -> Iterator[dict[str, Any]]:
    """Describe the candidates of a job that is over, the best first."""
    result = _result(events)
    image = f"{call.account}.dkr.ecr.{call.region}.amazonaws.com/{IMAGE}"
    outputs = (
        "predicted_label" if result.get("task") == "regression" else "predicted_label,probability,probabilities,labels"
    )
    environment = {
        "SAGEMAKER_INFERENCE_INPUT": "text/csv", "SAGEMAKER_INFERENCE_OUTPUT": "predicted_label",
        "SAGEMAKER_INFERENCE_SUPPORTED": outputs,
    }  # fmt: skip
    for each in result.get("candidates", ()):
        objective, held_out = METRICS[result["metric"]], each.get("held_out", {})
        found: dict[str, Any] = {
            "CandidateName": each["name"], "CandidateStatus": "Completed", "ObjectiveStatus": "Succeeded",
            "CandidateSteps": [], "CreationTime": moment(record.created), "EndTime": each["ended"],
            "LastModifiedTime": each["ended"],
            "FinalAutoMLJobObjectiveMetric": {
                "MetricName": objective, "StandardMetricName": objective, "Value": each["score"],
                "Type": "Maximize" if result["greater_is_better"] else "Minimize",
            },
            "CandidateProperties": {
                "CandidateArtifactLocations": {
                    "Explainability": result["explainability_uri"], "ModelInsights": result["insights_uri"],
                },
                # out of fold, and on the rows of a validation channel, on which nothing was chosen
                "CandidateMetrics": [*_metrics(each["metrics"], "Validation"), *_metrics(held_out, "Test")],
            },
        }  # fmt: skip
        if "model_uri" in each:
            container = {"Image": image, "ModelDataUrl": each["model_uri"], "Environment": environment}
            found["InferenceContainers"] = [container]
        yield found


def _metrics(metrics: Mapping[str, float], rows: str) -> Iterator[dict[str, Any]]:
    for name, value in metrics.items():
        if name in METRICS:
            metric = {"MetricName": METRICS[name], "StandardMetricName": METRICS[name]}
            yield {**metric, "Value": value, "Set": rows}
        elif name in EXTENDED:
            yield {"StandardMetricName": EXTENDED[name], "Value": value, "Set": rows}
