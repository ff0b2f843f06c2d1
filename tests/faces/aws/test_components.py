import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Documents
from tarragon.faces.aws import components
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Call

Client = Callable[..., Any]


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture(scope="module")
def sagemaker(client: Client) -> Any:
    made = client("sagemaker")
    made.create_experiment(ExperimentName="e")
    made.create_trial(TrialName="t", ExperimentName="e")
    made.create_trial(TrialName="u", ExperimentName="e")
    return made


def test_updates_merge_and_remove(sagemaker: Any) -> None:
    arn = sagemaker.create_trial_component(
        TrialComponentName="merge", Parameters={"a": {"NumberValue": 1}, "b": {"StringValue": "x"}},
        InputArtifacts={"data": {"Value": "s3://b/d"}}, Status={"PrimaryStatus": "InProgress"},
    )["TrialComponentArn"]  # fmt: skip
    assert arn.endswith(":experiment-trial-component/merge")
    sagemaker.update_trial_component(
        TrialComponentName="merge", Parameters={"a": {"NumberValue": 2}, "c": {"NumberValue": 3}},
        ParametersToRemove=["b"], OutputArtifacts={"model": {"Value": "s3://b/m", "MediaType": "x/y"}},
        Status={"PrimaryStatus": "Completed", "Message": "done"},
    )  # fmt: skip
    found = sagemaker.describe_trial_component(TrialComponentName=arn)
    assert found["Parameters"] == {"a": {"NumberValue": 2.0}, "c": {"NumberValue": 3.0}}
    assert found["InputArtifacts"] == {"data": {"Value": "s3://b/d"}}
    assert found["OutputArtifacts"] == {"model": {"Value": "s3://b/m", "MediaType": "x/y"}}
    assert found["Status"] == {"PrimaryStatus": "Completed", "Message": "done"}
    assert "already exists" in refused(lambda: sagemaker.create_trial_component(TrialComponentName="merge"))[1]
    code, message = refused(lambda: sagemaker.describe_trial_component(TrialComponentName="none"))
    assert (code, "does not exist" in message) == ("ResourceNotFound", True)


def test_metrics_that_were_sent_are_summed_up(client: Client, sagemaker: Any) -> None:
    arn = sagemaker.create_trial_component(TrialComponentName="measured")["TrialComponentArn"]
    now = time.time()
    client("sagemaker-metrics").batch_put_metrics(
        TrialComponentName="measured",
        MetricData=[
            {"MetricName": "loss", "Timestamp": now + i, "Step": i, "Value": value}
            for i, value in enumerate((4.0, 1.0, 2.5))
        ],
    )
    (found,) = sagemaker.describe_trial_component(TrialComponentName="measured")["Metrics"]
    assert (found["MetricName"], found["SourceArn"], found["Count"]) == ("loss", arn, 3)
    assert (found["Max"], found["Min"], found["Last"], found["Avg"]) == (4.0, 1.0, 2.5, 2.5)
    assert found["StdDev"] == pytest.approx(1.224745, rel=1e-5)
    sagemaker.delete_trial_component(TrialComponentName="measured")
    sagemaker.create_trial_component(TrialComponentName="measured")
    assert sagemaker.describe_trial_component(TrialComponentName="measured")["Metrics"] == []


def test_a_component_may_be_in_many_trials_and_goes_when_it_is_in_none(sagemaker: Any) -> None:
    sagemaker.create_trial_component(TrialComponentName="shared")
    for trial in ("t", "u", "u"):
        sagemaker.associate_trial_component(TrialComponentName="shared", TrialName=trial)
    for question in ({"TrialName": "u"}, {"ExperimentName": "e"}):
        listed = sagemaker.list_trial_components(**question)["TrialComponentSummaries"]
        assert [each["TrialComponentName"] for each in listed] == ["shared"]
    assert refused(lambda: sagemaker.delete_trial_component(TrialComponentName="shared"))[0] == "ValidationException"
    for trial in ("t", "u"):
        sagemaker.disassociate_trial_component(TrialComponentName="shared", TrialName=trial)
    assert refused(
        lambda: sagemaker.disassociate_trial_component(TrialComponentName="shared", TrialName="t")
    )[0] == "ValidationException"  # fmt: skip
    sagemaker.delete_trial_component(TrialComponentName="shared")


class _Server:
    """As much of a server as components need."""

    account = "123456789012"

    def __init__(self, documents: Documents) -> None:
        self.documents = documents


@pytest.fixture
def call(tmp_path: Any) -> Iterator[Call]:
    from tarragon.engine import Workspace

    with Workspace.open(tmp_path) as workspace:
        server: Any = _Server(Documents(workspace.store))
        server.documents.create("us-east-1", "experiment", "e", {"ExperimentName": "e"})
        server.documents.create("us-east-1", "trial", "t", {"TrialName": "t", "ExperimentName": "e"})
        yield Call("sagemaker", "CreateTrainingJob", {}, "us-east-1", server)


def test_a_jobs_own_component_shows_what_its_family_says(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = components.Facts(
        "Completed", started=1.0, ended=9.0,
        parameters={"eta": "0.3", "kind": "gbtree", "left": "nan", "big": "1e9999"},
        inputs={"train": {"Value": "s3://b/t", "MediaType": None}},
        outputs={"SageMaker.ModelArtifact": {"Value": "s3://b/m"}},
        metrics={"auc": [(2.0, 1, 0.5), (3.0, 2, 0.7)], "none": []},
    )  # fmt: skip
    asked: list[str] = []

    def look(server: Any, region: str, arn: str) -> components.Facts:
        asked.append(arn)
        return facts

    monkeypatch.setitem(components.SOURCES, "SageMakerTrainingJob", look)
    config = components.checked(call, {"ExperimentName": "e", "TrialName": "t", "TrialComponentDisplayName": "D"})
    for _ in range(2):  # once more changes nothing
        components.of_job(call, "arn:j", "SageMakerTrainingJob", "j", config)
    document = call.server.documents.get("us-east-1", "trial-component", "j-aws-training-job")
    found = components.described(call.server, call.region, document)
    assert asked == ["arn:j"]
    assert found["Source"] == {"SourceArn": "arn:j", "SourceType": "SageMakerTrainingJob"}
    assert found["DisplayName"] == "D"
    assert found["Status"]["PrimaryStatus"] == "Completed"
    assert (found["StartTime"], found["EndTime"]) == (1.0, 9.0)
    words = {"kind": "gbtree", "left": "nan", "big": "1e9999"}
    assert found["Parameters"] == {"eta": {"NumberValue": 0.3}} | {k: {"StringValue": v} for k, v in words.items()}
    assert found["InputArtifacts"] == {"train": {"Value": "s3://b/t"}}
    assert [(each["MetricName"], each["SourceArn"], each["Last"]) for each in found["Metrics"]] == [
        ("auc", "arn:j", 0.7)
    ]


def test_what_an_experiment_config_names_must_be_there(call: Call) -> None:
    call.server.documents.create("us-east-1", "experiment", "other", {"ExperimentName": "other"})
    for config, code in (
        ({"ExperimentName": "none"}, "ResourceNotFound"),
        ({"TrialName": "none"}, "ResourceNotFound"),
        ({"RunName": "none"}, "ResourceNotFound"),
        ({"ExperimentName": "other", "TrialName": "t"}, "ValidationException"),
    ):
        with pytest.raises(AwsError) as raised:
            components.checked(call, config)
        assert raised.value.code == code
    assert components.checked(call, None) == {}


def test_an_experiment_without_a_trial_gets_one(call: Call) -> None:
    from tarragon.faces.aws import trials

    components.of_job(call, "arn:j", "SageMakerProcessingJob", "j", {"ExperimentName": "e"})
    (pair,) = trials.members(call.server, call.region)
    assert pair == ("j-trial", "j-aws-processing-job")
    assert call.server.documents.get("us-east-1", "trial", "j-trial").content["ExperimentName"] == "e"
