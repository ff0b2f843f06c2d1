"""SDK v3: ModelTrainer with BlazingText's image, from a file and from an augmented manifest, then an endpoint."""

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
image = image_uris.retrieve("blazingtext", "us-east-1")
rng = np.random.default_rng(0)
rows = [(int(t), " ".join(f"{'ab'[t]}{rng.integers(6)}" for _ in range(8))) for t in rng.integers(0, 2, 300)]
s3.put_object(Bucket=bucket, Key="texts-v3/plain/t.txt", Body="\n".join(text for _, text in rows))
manifest = "\n".join(json.dumps({"source": text, "label": t + 1}) for t, text in rows)
s3.put_object(Bucket=bucket, Key="texts-v3/train.manifest", Body=manifest)


def trained(name, channel, **hyperparameters):
    trainer = ModelTrainer(
        training_image=image, role=role, compute=Compute(instance_type="ml.c5.xlarge", instance_count=1),
        sagemaker_session=session, base_job_name=name,
        hyperparameters={"vector_dim": "16", "min_count": "1", "buckets": "2000", **hyperparameters},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/texts-v3/out"),
    )  # fmt: skip
    trainer.train(input_data_config=[channel], wait=True, logs=False)
    job = TrainingJob.get(trainer._latest_training_job.training_job_name)
    assert job.training_job_status == "Completed", job.failure_reason
    return job


def served(name, job):
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


plain = InputData(channel_name="train", data_source=f"s3://{bucket}/texts-v3/plain", content_type="text/plain")
vectors = served(
    "words-v3", trained("words-v3", plain, mode="skipgram", subwords="True", epochs="10", learning_rate="0.1")
)
reply = vectors.invoke(body=json.dumps({"instances": ["a1", "a11"]}), content_type="application/json")
known, grams = json.loads(reply.body.read())
assert known["word"] == "a1"
assert np.any(grams["vector"]), "an unknown word has the vector of its n-grams"
assert len(known["vector"]) == 16

source = DataSource(
    s3_data_source=S3DataSource(
        s3_data_type="AugmentedManifestFile", s3_uri=f"s3://{bucket}/texts-v3/train.manifest",
        s3_data_distribution_type="FullyReplicated", attribute_names=["source", "label"],
    )
)  # fmt: skip
piped = Channel(channel_name="train", data_source=source, input_mode="Pipe", record_wrapper_type="RecordIO")
job = trained("labels-v3", piped, mode="supervised", epochs="8", learning_rate="0.5")
(metric,) = job.final_metric_data_list
assert (metric.metric_name, metric.value > 0.95) == ("train:accuracy", True), metric
labels = served("labels-v3", job)
reply = labels.invoke(body=json.dumps({"instances": ["a1 a2", "b3 b0"]}), content_type="application/json")
found = json.loads(reply.body.read())
assert [row["label"] for row in found] == [["__label__1"], ["__label__2"]], found
for endpoint in (vectors, labels):
    endpoint.delete()
print("done")
