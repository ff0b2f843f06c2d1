"""SDK v2: processing with scikit-learn, batch transform, the model registry, experiments."""

import tempfile
from pathlib import Path

import boto3
import numpy as np
import sagemaker
from sagemaker.experiments import Run
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer

SCRIPT = """
import argparse
import pandas as pd
parser = argparse.ArgumentParser()
parser.add_argument("--share", type=float)
share = parser.parse_args().share
table = pd.read_csv("/opt/ml/processing/input/table.csv", header=None)
cut = int(len(table) * share)
table[:cut].to_csv("/opt/ml/processing/train/train.csv", header=False, index=False)
table[cut:].iloc[:, 1:].to_csv("/opt/ml/processing/test/test.csv", header=False, index=False)
print("rows", cut)
"""
session = sagemaker.Session()
role, bucket, s3 = sagemaker.get_execution_role(), session.default_bucket(), boto3.client("s3")
client = boto3.client("sagemaker")
rng = np.random.default_rng(5)
X = rng.normal(size=(200, 3))
y = 2 * X[:, 0] + X[:, 2]
text = "\n".join(",".join(f"{v:.5f}" for v in row) for row in np.column_stack([y, X]))
s3.put_object(Bucket=bucket, Key="jobs/table.csv", Body=text)

# Processing: one input, two outputs
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "prepare.py").write_text(SCRIPT)
    processor = SKLearnProcessor(
        "1.2-1", role, instance_type="ml.m5.large", instance_count=1, sagemaker_session=session
    )
    processor.run(
        code=f"{folder}/prepare.py", arguments=["--share", "0.75"],
        inputs=[ProcessingInput(source=f"s3://{bucket}/jobs/table.csv", destination="/opt/ml/processing/input")],
        outputs=[
            ProcessingOutput(output_name="train", source="/opt/ml/processing/train", destination=f"s3://{bucket}/jobs/train"),
            ProcessingOutput(output_name="test", source="/opt/ml/processing/test", destination=f"s3://{bucket}/jobs/test"),
        ],
    )  # fmt: skip
assert processor.latest_job.describe()["ProcessingJobStatus"] == "Completed"
body = s3.get_object(Bucket=bucket, Key="jobs/train/train.csv")["Body"].read()
assert len(body.splitlines()) == 150

# Training inside a run of an experiment
image = sagemaker.image_uris.retrieve("xgboost", "us-east-1", "1.7-1")
with Run(experiment_name="journey", run_name="first", sagemaker_session=session) as run:
    run.log_parameter("share", 0.75)
    for step, value in enumerate((0.9, 0.5, 0.25)):
        run.log_metric(name="loss", value=value, step=step)
    estimator = sagemaker.estimator.Estimator(
        image, role, instance_count=1, instance_type="ml.m5.large", output_path=f"s3://{bucket}/jobs/models",
        sagemaker_session=session, hyperparameters={"objective": "reg:squarederror", "num_round": 30},
    )  # fmt: skip
    estimator.fit(
        {"train": sagemaker.inputs.TrainingInput(f"s3://{bucket}/jobs/train", content_type="text/csv")}, logs=False
    )
components = client.list_trial_components(ExperimentName="journey")["TrialComponentSummaries"]
assert len(components) == 2, components
mine = next(each for each in components if "training-job" not in each["TrialComponentName"])
found = client.describe_trial_component(TrialComponentName=mine["TrialComponentName"])
assert found["Parameters"]["share"] == {"NumberValue": 0.75}
(loss,) = [each for each in found["Metrics"] if each["MetricName"] == "loss"]
assert (loss["Count"], loss["Min"], loss["Last"]) == (3, 0.25, 0.25), loss

# The registry: register, approve, deploy what was approved; and a batch transform with it
model = Model(image_uri=image, model_data=estimator.model_data, role=role, sagemaker_session=session)
package = model.register(
    content_types=["text/csv"], response_types=["text/csv"], inference_instances=["ml.m5.large"],
    transform_instances=["ml.m5.large"], model_package_group_name="journey", approval_status="PendingManualApproval",
)  # fmt: skip
client.update_model_package(ModelPackageArn=package.model_package_arn, ModelApprovalStatus="Approved")
listed = client.list_model_packages(ModelPackageGroupName="journey", ModelApprovalStatus="Approved")
assert [each["ModelPackageVersion"] for each in listed["ModelPackageSummaryList"]] == [1]
approved = sagemaker.ModelPackage(role=role, model_package_arn=package.model_package_arn, sagemaker_session=session)
approved.deploy(1, "ml.m5.large", endpoint_name="journey")
runtime = boto3.client("sagemaker-runtime")
row = ",".join(f"{v:.5f}" for v in X[0])
answer = runtime.invoke_endpoint(EndpointName="journey", ContentType="text/csv", Body=row)["Body"].read().decode()
assert abs(float(answer) - y[0]) < 1.5, (answer, y[0])
session.delete_endpoint("journey")

transformer = Transformer(
    approved.name, 1, "ml.m5.large", output_path=f"s3://{bucket}/jobs/answers", assemble_with="Line", accept="text/csv",
    sagemaker_session=session,
)  # fmt: skip
transformer.transform(
    f"s3://{bucket}/jobs/test", content_type="text/csv", split_type="Line", join_source="Input", logs=False
)
lines = s3.get_object(Bucket=bucket, Key="jobs/answers/test.csv.out")["Body"].read().decode().split()
assert len(lines) == 50
answers = np.array([float(line.split(",")[-1]) for line in lines])
assert np.corrcoef(answers, y[150:])[0, 1] > 0.9
assert all(line.count(",") == 3 for line in lines)
print("done")
