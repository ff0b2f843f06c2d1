"""SDK v3: ModelTrainer with the images of random cut forests and IP Insights, then endpoints and their answers."""

import json

import boto3
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import Channel, ContainerDefinition, DataSource, ProductionVariant, S3DataSource
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig

session = Session()
bucket, role, s3 = session.default_bucket(), get_execution_role(), boto3.client("s3")
rng = np.random.default_rng(0)


def put(key, text):
    s3.put_object(Bucket=bucket, Key=f"odd-v3/{key}", Body=text)
    return f"s3://{bucket}/odd-v3/{key}"


def trained(name, image, channels, **hyperparameters):
    trainer = ModelTrainer(
        training_image=image, role=role, compute=Compute(instance_type="ml.c5.xlarge", instance_count=1),
        sagemaker_session=session, base_job_name=name, hyperparameters=hyperparameters,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/odd-v3/out"),
    )  # fmt: skip
    trainer.train(input_data_config=channels, wait=True, logs=False)
    job = TrainingJob.get(trainer._latest_training_job.training_job_name)
    assert job.training_job_status == "Completed", job.failure_reason
    return job, {each.metric_name: each.value for each in job.final_metric_data_list}


def served(name, image, job):
    model = f"{name}-model"
    container = ContainerDefinition(image=image, model_data_url=job.model_artifacts.s3_model_artifacts)
    Model.create(model_name=model, execution_role_arn=role, primary_container=container)
    variant = ProductionVariant(
        variant_name="all", model_name=model, initial_instance_count=1, instance_type="ml.m5.large"
    )
    EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService", poll=1)
    return endpoint


def table(rows):
    return "\n".join(",".join(f"{v:g}" for v in row) for row in rows)


X = rng.normal(size=(2000, 3))
X[::50] += 8
y = np.arange(2000) % 50 == 0
shares = S3DataSource(
    s3_data_type="S3Prefix", s3_uri=put("train/rows.csv", table(X)), s3_data_distribution_type="ShardedByS3Key"
)
train = Channel(
    channel_name="train", data_source=DataSource(s3_data_source=shares), content_type="text/csv;label_size=0"
)
test = InputData(
    channel_name="test", data_source=put("test/rows.csv", table(np.column_stack([y, X]))),
    content_type="text/csv;label_size=1",
)  # fmt: skip
image = image_uris.retrieve("randomcutforest", "us-east-1")
job, metrics = trained("odd-v3", image, [train, test], feature_dim="3", num_trees="50", num_samples_per_tree="100")
assert metrics["test:f1"] > 0.7, metrics
forest = served("odd-v3", image, job)
answer = json.loads(forest.invoke(body=table(X[:40]), content_type="text/csv").body.read())
scores = [each["score"] for each in answer["scores"]]
assert int(np.argmax(scores)) == 0, scores

users, hosts = rng.integers(0, 60, 1200), rng.integers(1, 255, 1200)
pairs = [f"user_{u},{40 * (u % 5) + 11}.8.{u % 5}.{h}" for u, h in zip(users, hosts, strict=True)]
channels = [
    InputData(channel_name="train", data_source=put("ip/a.csv", "\n".join(pairs[:1000])), content_type="text/csv"),
    InputData(
        channel_name="validation", data_source=put("held/a.csv", "\n".join(pairs[1000:])), content_type="text/csv"
    ),
]
image = image_uris.retrieve("ipinsights", "us-east-1")
job, metrics = trained(
    "pairs-v3", image, channels, num_entity_vectors="200", vector_dim="8", epochs="8", mini_batch_size="100",
    learning_rate="0.03",
)  # fmt: skip
assert metrics["validation:discriminator_auc"] > 0.85, metrics
matched = served("pairs-v3", image, job)
body = json.dumps({"instances": [{"features": ["user_0", "11.8.0.9"]}, {"features": ["user_0", "171.8.4.9"]}]})
answer = json.loads(matched.invoke(body=body, content_type="application/json").body.read())
own, other = (each["dot_product"] for each in answer["predictions"])
assert own > 0 > other, answer
for endpoint in (forest, matched):
    endpoint.delete()
print("done")
