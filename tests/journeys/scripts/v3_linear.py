"""SDK v3: ModelTrainer with the images of the linear learner and of factorization machines, then an endpoint."""

import json
import struct

import boto3
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig

RECORDS = "application/x-recordio-protobuf"
session = Session()
bucket, role, s3 = session.default_bucket(), get_execution_role(), boto3.client("s3")
rng = np.random.default_rng(0)


def trained(name, hyperparameters, channels, content_type):
    """Train with a built-in image; return the job and the image."""
    image = image_uris.retrieve(name, "us-east-1")
    trainer = ModelTrainer(
        training_image=image, role=role, compute=Compute(instance_type="ml.m5.large", instance_count=1),
        sagemaker_session=session, base_job_name=f"v3-{name}", hyperparameters=hyperparameters,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/v3-{name}/out"),
    )  # fmt: skip
    data = [
        InputData(channel_name=each, data_source=f"s3://{bucket}/v3-{name}/{each}", content_type=content_type)
        for each in channels
    ]
    trainer.train(input_data_config=data, wait=True, logs=True)
    job = TrainingJob.get(trainer._latest_training_job.training_job_name)
    assert job.training_job_status == "Completed", job.failure_reason
    return job, image


def asked(name, job, image, body, content_type):
    """Serve a model and ask it once."""
    model = Model.create(
        model_name=f"v3-{name}", execution_role_arn=role,
        primary_container=ContainerDefinition(image=image, model_data_url=job.model_artifacts.s3_model_artifacts),
    )  # fmt: skip
    variant = ProductionVariant(
        variant_name="all", model_name=f"v3-{name}", initial_instance_count=1, instance_type="ml.m5.large"
    )
    EndpointConfig.create(endpoint_config_name=f"v3-{name}", production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=f"v3-{name}", endpoint_config_name=f"v3-{name}")
    endpoint.wait_for_status("InService")
    answer = endpoint.invoke(body=body, content_type=content_type)
    found = json.loads(answer.body.read())["predictions"]
    endpoint.delete()
    model.delete()
    return found


def field(number, content):
    """Write a length-delimited field of protobuf; none here is longer than 127 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def framed(keys, label):
    """Write a sparse record of 35 columns, ones at two of them: SDK v3 has no writer of its own."""

    def entry(tensor):
        return field(1, b"values") + field(2, field(2, tensor))

    features = field(1, struct.pack("<2f", 1, 1)) + field(2, bytes(keys)) + field(3, bytes([35]))
    payload = field(1, entry(features)) + field(2, entry(field(1, struct.pack("<f", label))))
    return struct.pack("<II", 0xCED7230A, len(payload)) + payload + bytes(-len(payload) % 4)


X = rng.normal(size=(700, 3))
y = (X[:, 0] - X[:, 1] + rng.normal(0, 0.3, 700) > 0).astype(int)
for channel, part in (("train", slice(0, 500)), ("validation", slice(500, 700))):
    body = "\n".join(",".join(f"{v:.6g}" for v in row) for row in np.column_stack([y[part], X[part]]))
    s3.put_object(Bucket=bucket, Key=f"v3-linear-learner/{channel}/rows.csv", Body=body)
asks = {
    "predictor_type": "binary_classifier", "epochs": "10", "mini_batch_size": "50",
    "binary_classifier_model_selection_criteria": "recall_at_target_precision", "target_precision": "0.9",
}  # fmt: skip
job, image = trained("linear-learner", asks, ("train", "validation"), "text/csv")
final = {each.metric_name: each.value for each in job.final_metric_data_list}
assert final["validation:precision"] >= 0.89, final
rows = "\n".join(",".join(map(str, row)) for row in X[500:])
found = asked("linear-learner", job, image, rows, "text/csv")
taken = np.array([each["predicted_label"] for each in found]) == 1
assert y[500:][taken].mean() >= 0.89

users, items = rng.integers(0, 20, 2500), rng.integers(0, 15, 2500)
score = 3 + 2 * np.sin(users) * np.cos(items)
pairs = np.column_stack([users, 20 + items])
for channel, part in (("train", range(2000)), ("test", range(2000, 2500))):
    body = b"".join(framed(pairs[k].tolist(), score[k]) for k in part)
    s3.put_object(Bucket=bucket, Key=f"v3-factorization-machines/{channel}/rows.pbr", Body=body)
asks = {
    "feature_dim": "35", "num_factors": "3", "predictor_type": "regressor", "epochs": "40", "mini_batch_size": "100",
    "factors_lr": "0.02", "linear_lr": "0.02", "factors_init_sigma": "0.1",
}  # fmt: skip
job, image = trained("factorization-machines", asks, ("train", "test"), RECORDS)
final = {each.metric_name: each.value for each in job.final_metric_data_list}
assert final["test:rmse"] < 0.4, final
features = [{"keys": pair, "shape": [35], "values": [1.0, 1.0]} for pair in pairs[2000:2050].tolist()]
body = json.dumps({"instances": [{"data": {"features": each}} for each in features]})
answers = np.array([each["score"] for each in asked("factorization-machines", job, image, body, "application/json")])
assert np.corrcoef(answers, score[2000:2050])[0, 1] > 0.9
print("done")
