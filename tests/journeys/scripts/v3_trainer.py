"""SDK v3: ModelTrainer with an image and with a script, then a model, an endpoint and its answers."""

import tempfile
from pathlib import Path

import boto3
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode

SCRIPT = """
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
args, _ = parser.parse_known_args()
rows = sum(1 for name in os.listdir(os.environ["SM_CHANNEL_TRAIN"]) for _ in open(os.path.join(os.environ["SM_CHANNEL_TRAIN"], name)))
print("rows", rows, "alpha", json.loads(os.environ["SM_HPS"])["alpha"])
with open(os.path.join(os.environ["SM_MODEL_DIR"], "rows.txt"), "w") as file:
    file.write(str(rows))
"""

session = Session()
bucket, role, s3 = session.default_bucket(), get_execution_role(), boto3.client("s3")
rng = np.random.default_rng(3)
X = rng.normal(size=(400, 3))
y = X[:, 0] - X[:, 1]
s3.put_object(
    Bucket=bucket, Key="v3/train/data.csv", Body="\n".join(",".join(map(str, r)) for r in np.column_stack([y, X]))
)
train = InputData(channel_name="train", data_source=f"s3://{bucket}/v3/train", content_type="text/csv")
compute = Compute(instance_type="ml.m5.large", instance_count=1)

image = image_uris.retrieve("xgboost", "us-east-1", "1.7-1")
trainer = ModelTrainer(
    training_image=image, role=role, compute=compute, sagemaker_session=session, base_job_name="v3-xgboost",
    hyperparameters={"objective": "reg:squarederror", "num_round": "40"},
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/v3/out"),
)  # fmt: skip
trainer.train(input_data_config=[train], wait=True, logs=True)
job = TrainingJob.get(trainer._latest_training_job.training_job_name)
assert job.training_job_status == "Completed"
assert {each.metric_name for each in job.final_metric_data_list} == {"train:rmse"}

model = Model.create(
    model_name="v3-model", execution_role_arn=role,
    primary_container=ContainerDefinition(image=image, model_data_url=job.model_artifacts.s3_model_artifacts),
)  # fmt: skip
variant = ProductionVariant(
    variant_name="all", model_name="v3-model", initial_instance_count=1, instance_type="ml.m5.large"
)
EndpointConfig.create(endpoint_config_name="v3-config", production_variants=[variant])
endpoint = Endpoint.create(endpoint_name="v3-endpoint", endpoint_config_name="v3-config")
endpoint.wait_for_status("InService")
answer = endpoint.invoke(body="\n".join(",".join(map(str, row)) for row in X[:50]), content_type="text/csv")
found = [float(each) for each in answer.body.read().decode().replace(",", "\n").split()]
assert np.corrcoef(found, y[:50])[0, 1] > 0.95
endpoint.delete()
model.delete()

with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "train.py").write_text(SCRIPT)
    scripted = ModelTrainer(
        training_image=image_uris.retrieve("sklearn", "us-east-1", "1.2-1"), role=role, compute=compute,
        sagemaker_session=session, base_job_name="v3-script", hyperparameters={"alpha": 0.5},
        source_code=SourceCode(source_dir=folder, entry_script="train.py"),
    )  # fmt: skip
    scripted.train(input_data_config=[train], wait=True, logs=True)
    done = TrainingJob.get(scripted._latest_training_job.training_job_name)
    assert done.training_job_status == "Completed", done.failure_reason
print("done")
