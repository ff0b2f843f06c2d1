"""SDK v3: ModelTrainer with the images of both topic models and Object2Vec, then their answers."""

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
beta = np.kron(np.eye(2), np.full(8, 0.125))
theta = rng.dirichlet([0.2, 0.2], 400)
counts = np.stack([rng.multinomial(30, h @ beta) for h in theta])
rows = "\n".join(",".join(map(str, row)) for row in counts)
CSV = "text/csv;label_size=0"


def channel(name, part, text, kind):
    s3.put_object(Bucket=bucket, Key=f"topics-v3/{part}/{name}/vocab.txt", Body=text)
    return InputData(channel_name=name, data_source=f"s3://{bucket}/topics-v3/{part}/{name}", content_type=kind)


def answered(algorithm, channels, body, kind, **hyperparameters):
    image, name = image_uris.retrieve(algorithm, "us-east-1"), f"{algorithm}-v3"
    trainer = ModelTrainer(
        training_image=image, role=role, compute=Compute(instance_type="ml.c5.xlarge", instance_count=1),
        sagemaker_session=session, base_job_name=name, hyperparameters=hyperparameters,
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/topics-v3/out"),
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
    answer = json.loads(endpoint.invoke(body=body, content_type=kind, accept="application/json").body.read())
    endpoint.delete()
    metrics = job.final_metric_data_list
    found = {each.metric_name: each.value for each in metrics} if isinstance(metrics, list) else {}
    return answer["predictions"], found


pure = "\n".join(",".join(["4"] * 8 + ["0"] * 8 if k else ["0"] * 8 + ["4"] * 8) for k in range(2))
answer, metrics = answered(
    "lda", [channel("train", "lda", rows, CSV), channel("test", "lda", rows, CSV)], pure, "text/csv",
    feature_dim="16", num_topics="2", mini_batch_size="400",
)  # fmt: skip
mixtures = np.array([each["topic_mixture"] for each in answer])
assert abs(np.linalg.det(mixtures)) > 0.9, mixtures
assert metrics["test:pwll"] > -np.log(16), metrics

words = "\n".join(f"word{i}" for i in range(16))
channels = [channel("train", "ntm", rows, CSV), channel("auxiliary", "ntm", words, "text/plain")]
answer, _ = answered(
    "ntm", channels, pure, "text/csv", feature_dim="16", num_topics="2", epochs="8", mini_batch_size="32",
    optimizer="adam", learning_rate="0.01",
)  # fmt: skip
weights = np.array([each["topic_weights"] for each in answer])
assert set(weights.argmax(axis=1)) == {0, 1}, weights

pairs = "\n".join(
    json.dumps({"label": 1 + 3 * int(a == b), "in0": [int(a)] * 2, "in1": [int(b)]})
    for a, b in rng.integers(1, 4, (500, 2))
)
answer, _ = answered(
    "object2vec", [channel("train", "pairs", pairs, "application/jsonlines")],
    json.dumps({"instances": [{"in0": [2, 2], "in1": [2]}, {"in0": [2, 2], "in1": [3]}]}), "application/json",
    enc0_max_seq_len="2", enc0_vocab_size="4", enc0_network="pooled_embedding", enc0_token_embedding_dim="4",
    enc_dim="4", mlp_dim="16", mlp_activation="relu", output_layer="mean_squared_error", epochs="15",
    learning_rate="0.02", early_stopping_tolerance="0.000001",
)  # fmt: skip
same, other = (each["scores"][0] for each in answer)
assert same > other + 1, answer
print("done")
