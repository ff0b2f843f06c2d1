"""SDK v3: ModelTrainer with the images of k-means, principal components and nearest neighbours, then their answers."""

import json

import boto3
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig

session = Session()
bucket, role, s3 = session.default_bucket(), get_execution_role(), boto3.client("s3")
rng = np.random.default_rng(0)
places = rng.normal(0, 6, (3, 4))
group = rng.integers(0, 3, 900)
X = places[group] + rng.normal(size=(900, 4))


def table(rows):
    return "\n".join(",".join(f"{v:g}" for v in row) for row in rows)


def channel(name, part, rows, labels=0):
    s3.put_object(Bucket=bucket, Key=f"clusters-v3/{part}/rows.csv", Body=table(rows))
    place = f"s3://{bucket}/clusters-v3/{part}/"
    return InputData(channel_name=name, data_source=place, content_type=f"text/csv;label_size={labels}")


def answered(algorithm, channels, body, **hyperparameters):
    image, name = image_uris.retrieve(algorithm, "us-east-1"), f"{algorithm}-v3"
    trainer = ModelTrainer(
        training_image=image, role=role, compute=Compute(instance_type="ml.c5.xlarge", instance_count=1),
        sagemaker_session=session, base_job_name=name, hyperparameters=hyperparameters,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/clusters-v3/out"),
    )  # fmt: skip
    trainer.train(input_data_config=channels, wait=True, logs=False)
    job = TrainingJob.get(trainer._latest_training_job.training_job_name)
    assert job.training_job_status == "Completed", job.failure_reason
    container = ContainerDefinition(image=image, model_data_url=job.model_artifacts.s3_model_artifacts)
    Model.create(model_name=name, execution_role_arn=role, primary_container=container)
    variant = ProductionVariant(
        variant_name="all", model_name=name, initial_instance_count=1, instance_type="ml.m5.large"
    )
    EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService", poll=1)
    answer = json.loads(endpoint.invoke(body=body, content_type="text/csv", accept="application/json").body.read())
    endpoint.delete()
    metrics = job.final_metric_data_list
    return answer, {each.metric_name: each.value for each in metrics} if isinstance(metrics, list) else {}


body = table(X[:30])
channels = [channel("train", "plain", X), channel("test", "plain-test", X[:200])]
answer, metrics = answered("kmeans", channels, body, feature_dim="4", k="3", epochs="2", eval_metrics='["msd","ssd"]')
assert metrics["test:msd"] < 6, metrics
clusters = np.array([each["closest_cluster"] for each in answer["predictions"]])
assert all(len(set(clusters[group[:30] == g])) == 1 for g in range(3)), clusters

answer, _ = answered(
    "pca", channels[:1], body, feature_dim="4", num_components="2", mini_batch_size="100", algorithm_mode="randomized"
)
exact = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2][:2][::-1]
found = np.array([each["projection"] for each in answer["projections"]])
np.testing.assert_allclose(np.abs(found), np.abs((X[:30] - X.mean(axis=0)) @ exact.T), atol=2e-2)

labelled = np.column_stack([group, X])
channels = [channel("train", "labelled", labelled[:700], 1), channel("test", "labelled-test", labelled[700:], 1)]
answer, metrics = answered(
    "knn", channels, body, feature_dim="4", k="5", sample_size="500", predictor_type="classifier"
)
assert metrics["test:accuracy"] > 0.9, metrics
assert [each["predicted_label"] for each in answer["predictions"]] == group[:30].tolist(), answer
print("done")
