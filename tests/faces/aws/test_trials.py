from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def sagemaker(client: Client) -> Any:
    made = client("sagemaker")
    for name in ("one", "two"):
        made.create_experiment(ExperimentName=name)
    return made


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_trial_belongs_to_an_experiment_that_is_there(sagemaker: Any) -> None:
    assert refused(lambda: sagemaker.create_trial(TrialName="t", ExperimentName="none"))[0] == "ResourceNotFound"
    arn = sagemaker.create_trial(TrialName="t", ExperimentName="one")["TrialArn"]
    assert arn.endswith(":experiment-trial/t")
    assert "already exists" in refused(lambda: sagemaker.create_trial(TrialName="t", ExperimentName="two"))[1]
    sagemaker.update_trial(TrialName="t", DisplayName="T")
    found = sagemaker.describe_trial(TrialName="t")
    assert (found["DisplayName"], found["ExperimentName"]) == ("T", "one")
    assert [each["TrialName"] for each in sagemaker.list_trials(ExperimentName="one")["TrialSummaries"]] == ["t"]
    assert sagemaker.list_trials(ExperimentName="two")["TrialSummaries"] == []


def test_components_are_taken_out_before_a_trial_goes(sagemaker: Any) -> None:
    sagemaker.create_trial(TrialName="full", ExperimentName="two")
    sagemaker.create_trial_component(TrialComponentName="c")
    sagemaker.associate_trial_component(TrialName="full", TrialComponentName="c")
    assert [each["TrialName"] for each in sagemaker.list_trials(TrialComponentName="c")["TrialSummaries"]] == ["full"]
    assert refused(lambda: sagemaker.delete_trial(TrialName="full"))[0] == "ValidationException"
    sagemaker.disassociate_trial_component(TrialName="full", TrialComponentName="c")
    sagemaker.delete_trial(TrialName="full")
    code, message = refused(lambda: sagemaker.describe_trial(TrialName="full"))
    assert (code, "does not exist" in message) == ("ResourceNotFound", True)
