"""SDK v3: a run of an experiment, and records through the generated resources."""

from sagemaker.core.experiments.run import Run, list_runs, load_run
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Artifact, Experiment, ModelCard, TrialComponent
from sagemaker.core.shapes import ArtifactSource

session = Session()
with Run(experiment_name="records-v3", run_name="one", sagemaker_session=session) as run:
    run.log_parameter("rate", 0.1)
    for step, value in enumerate((0.5, 0.25)):
        run.log_metric("loss", value, step=step)
with load_run(experiment_name="records-v3", run_name="one", sagemaker_session=session) as run:
    component = run._trial_component
    assert component.parameters == {"rate": 0.1}, component.parameters
    assert [(each.metric_name, each.count, each.last) for each in component.metrics] == [("loss", 2, 0.25)]
assert [each.run_name for each in list_runs("records-v3", sagemaker_session=session)] == ["one"]

assert Experiment.get("records-v3").experiment_arn.endswith(":experiment/records-v3")
components = [each.trial_component_name for each in TrialComponent.get_all(experiment_name="records-v3")]
assert components == ["records-v3-one"], components
artifact = Artifact.create(source=ArtifactSource(source_uri="s3://bucket/data"), artifact_type="DataSet")
assert Artifact.get(artifact_arn=artifact.artifact_arn).artifact_type == "DataSet"
card = ModelCard.create(
    model_card_name="card-v3", content='{"model_overview": {"model_name": "m"}}', model_card_status="Draft"
)
card.update(model_card_status="Approved")
card.refresh()
assert (card.model_card_version, card.model_card_status) == (1, "Approved")
print("done")
