"""SDK v2: runs of experiments with everything they log, analytics, lineage, model cards, AutoML."""

import json
import tempfile
from pathlib import Path

import boto3
import numpy as np
import sagemaker
from sagemaker.analytics import ExperimentAnalytics
from sagemaker.automl.automl import AutoML
from sagemaker.experiments import Run, list_runs, load_run
from sagemaker.experiments.experiment import Experiment
from sagemaker.lineage.artifact import Artifact
from sagemaker.lineage.association import Association
from sagemaker.lineage.context import Context
from sagemaker.lineage.query import LineageQuery, LineageQueryDirectionEnum
from sagemaker.model_card import IntendedUses, ModelCard, ModelCardStatusEnum, ModelOverview, RiskRatingEnum

session = sagemaker.Session()
role, bucket, s3 = sagemaker.get_execution_role(), session.default_bucket(), boto3.client("s3")

# Runs
for name, rate in (("slow", 0.01), ("fast", 0.3)):
    with Run(experiment_name="records", run_name=name, sagemaker_session=session) as run:
        run.log_parameter("rate", rate)
        run.log_parameters({"kind": "sgd", "epochs": 3})
        for step in range(3):
            run.log_metric(name="loss", value=1 / (1 + rate * step), step=step)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "notes.txt").write_text("kept")
            run.log_file(f"{folder}/notes.txt", name="notes", is_output=True)
        run.log_artifact("data", f"s3://{bucket}/records/{name}.csv", is_output=False)
with Run(experiment_name="records", run_name="fast", sagemaker_session=session) as run:  # goes on
    run.log_parameter("again", 1)
with load_run(experiment_name="records", run_name="fast", sagemaker_session=session) as run:
    component = run._trial_component
    assert component.parameters == {"rate": 0.3, "kind": "sgd", "epochs": 3.0, "again": 1.0}, component.parameters
    (loss,) = component.metrics
    assert (loss.metric_name, loss.count, loss.max) == ("loss", 3, 1.0)
    assert component.output_artifacts["notes"].value.endswith("notes.txt")
assert {each.run_name for each in list_runs("records", sagemaker_session=session)} == {"slow", "fast"}
table = ExperimentAnalytics(
    experiment_name="records", sagemaker_session=session, sort_by="parameters.rate", sort_order="Ascending"
).dataframe()
assert list(table["rate"]) == [0.01, 0.3], table
assert list(table["loss - Count"]) == [3.0, 3.0]

# Lineage
data = Artifact.create(
    artifact_name="data", source_uri=f"s3://{bucket}/d", artifact_type="DataSet", sagemaker_session=session
)
model = Artifact.create(
    artifact_name="model", source_uri=f"s3://{bucket}/m", artifact_type="Model", sagemaker_session=session
)
endpoint = Context.create(context_name="endpoint", source_uri="arn", context_type="Endpoint", sagemaker_session=session)
for source, destination in ((data.artifact_arn, model.artifact_arn), (model.artifact_arn, endpoint.context_arn)):
    Association.create(
        source_arn=source, destination_arn=destination, association_type="ContributedTo", sagemaker_session=session
    )
found = LineageQuery(session).query(start_arns=[endpoint.context_arn], direction=LineageQueryDirectionEnum.ASCENDANTS)
assert {data.artifact_arn, model.artifact_arn} <= {each.arn for each in found.vertices}
assert len(found.edges) == 2

# Model cards
overview = ModelOverview(model_name="churn", model_description="who leaves")
uses = IntendedUses(purpose_of_model="calls in time", risk_rating=RiskRatingEnum.LOW)
card = ModelCard(
    name="card", status=ModelCardStatusEnum.DRAFT, model_overview=overview, intended_uses=uses,
    sagemaker_session=session,
)  # fmt: skip
card.create()
card.model_overview.model_description = "who leaves, and when"
card.update()
loaded = ModelCard.load("card", sagemaker_session=session)
assert (loaded.model_overview.model_description, loaded.version) == ("who leaves, and when", 2)
exported = card.export_pdf(s3_output_path=f"s3://{bucket}/cards")
key = exported.removeprefix(f"s3://{bucket}/")
assert s3.get_object(Bucket=bucket, Key=key)["Body"].read().startswith(b"%PDF")

# AutoML
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 2))
y = np.where(X[:, 0] + rng.normal(size=200) / 4 > 0, "yes", "no")
lines = ["a,b,y", *(f"{row[0]:.4f},{row[1]:.4f},{label}" for row, label in zip(X, y, strict=True))]
s3.put_object(Bucket=bucket, Key="automl/table.csv", Body="\n".join(lines))
automl = AutoML(
    role, "y", sagemaker_session=session, total_job_runtime_in_seconds=8, problem_type="BinaryClassification",
    job_objective={"MetricName": "AUC"}, output_path=f"s3://{bucket}/automl-out",
)  # fmt: skip
automl.fit(f"s3://{bucket}/automl/", job_name="automl-records", wait=True, logs=False)
best = automl.best_candidate()
assert best["FinalAutoMLJobObjectiveMetric"]["Value"] > 0.9, best
assert automl.list_candidates()[0]["CandidateName"]
predictor = automl.deploy(
    1, "ml.m5.large", endpoint_name="automl-records", predictor_cls=sagemaker.predictor.Predictor,
    inference_response_keys=["predicted_label", "probability"],
)  # fmt: skip
predictor.serializer = sagemaker.serializers.CSVSerializer()
answer = predictor.predict("3.0,0.0\n-3.0,0.0\n").decode().splitlines()
assert [line.split(",")[0] for line in answer] == ["yes", "no"], answer
assert all(float(line.split(",")[1]) > 0.5 for line in answer)
predictor.delete_endpoint()

Experiment.load("records", sagemaker_session=session)._delete_all(action="--force")
print(json.dumps({"done": True}))
