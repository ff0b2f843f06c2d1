"""SDK v3: ModelTrainer with the model hub's script on a framework's image, then an endpoint on the inference image."""

import io
import json
import tarfile

import boto3
import numpy as np
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode

ACCOUNT = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
CASES = (
    ("lightgbm-regression-model", "lightgbm/transfer_learning/regression/v2.1.2", {"num_boost_round": "60"}),
    (
        "catboost-classification-model",
        "catboost/transfer_learning/classification/v2.1.2",
        {"iterations": "100", "learning_rate": "0.1"},
    ),
)
session = Session()
bucket, role, s3 = session.default_bucket(), get_execution_role(), boto3.client("s3")


def csv(rows):
    return "\n".join(",".join(f"{v:.6g}" for v in row) for row in rows)


def table(seed, classes, n=400):
    X = np.random.default_rng(seed).normal(size=(n, 4))
    value = 2 * X[:, 0] - X[:, 1]
    return np.column_stack([(value > 0).astype(int) if classes else value, X])


empty = io.BytesIO()
with tarfile.open(fileobj=empty, mode="w:gz") as archive:
    archive.addfile(tarfile.TarInfo("transfer_learning.py"), io.BytesIO())
for model_id, script, hyperparameters in CASES:
    classes = "classification" in model_id
    code = f"hub-v3/source-directory-tarballs/{script}/sourcedir.tar.gz"
    start = f"hub-v3/training/train-{model_id}.tar.gz"
    for key in (code, start):
        s3.put_object(Bucket=bucket, Key=key, Body=empty.getvalue())
    place = f"hub-v3/{model_id}"
    for channel, seed in (("train", 0), ("validation", 1)):
        s3.put_object(Bucket=bucket, Key=f"{place}/{channel}/data.csv", Body=csv(table(seed, classes)))
    trainer = ModelTrainer(
        training_image=f"{ACCOUNT}/pytorch-training:1.12.0-cpu-py38", role=role, sagemaker_session=session,
        compute=Compute(instance_type="ml.m5.large", instance_count=1), base_job_name=f"v3-{model_id}"[:40],
        source_code=SourceCode(source_dir=f"s3://{bucket}/{code}", entry_script="transfer_learning.py"),
        hyperparameters=hyperparameters, output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/{place}"),
    )  # fmt: skip
    channels = [
        InputData(channel_name=name, data_source=uri)
        for name, uri in (
            ("training", f"s3://{bucket}/{place}"), ("model", f"s3://{bucket}/{start}"),
        )
    ]  # fmt: skip
    trainer.train(input_data_config=channels, wait=True, logs=True)
    job = TrainingJob.get(trainer._latest_training_job.training_job_name)
    assert job.training_job_status == "Completed", job.failure_reason
    model = Model.create(
        model_name=f"v3-{model_id}", execution_role_arn=role,
        primary_container=ContainerDefinition(
            image=f"{ACCOUNT}/pytorch-inference:1.12.0-cpu-py38",
            model_data_url=job.model_artifacts.s3_model_artifacts,
            environment={"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        ),
    )  # fmt: skip
    variant = ProductionVariant(
        variant_name="all", model_name=f"v3-{model_id}", initial_instance_count=1, instance_type="ml.m5.large"
    )
    EndpointConfig.create(endpoint_config_name=f"v3-{model_id}", production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=f"v3-{model_id}", endpoint_config_name=f"v3-{model_id}")
    endpoint.wait_for_status("InService", poll=1)
    rows = table(2, classes)
    answer = endpoint.invoke(body=csv(rows[:, 1:]), content_type="text/csv", accept="application/json")
    found = json.loads(answer.body.read())
    if classes:
        good = np.mean((np.array(found["probabilities"])[:, 1] > 0.5) == rows[:, 0])
    else:
        good = np.corrcoef(found["prediction"], rows[:, 0])[0, 1]
    print(model_id, "held out:", round(float(good), 3))
    assert good > 0.9
    endpoint.delete()
print("done")
