"""SDK v3: ModelTrainer with DeepAR's image on two hosts and with Seq2Seq's, then endpoints and their answers."""

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
rng = np.random.default_rng(1)


def trained(image, channels, content_type, hyperparameters, hosts=1):
    data = [
        InputData(
            channel_name=name, data_source=f"s3://{bucket}/v3-sequences/{image}/{name}", content_type=content_type
        )
        for name in channels
    ]
    trainer = ModelTrainer(
        training_image=image_uris.retrieve(image, "us-east-1"), role=role, sagemaker_session=session,
        compute=Compute(instance_type="ml.c5.xlarge", instance_count=hosts), base_job_name=f"v3-{image}",
        hyperparameters={name: str(value) for name, value in hyperparameters.items()},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/v3-sequences/out"),
    )  # fmt: skip
    trainer.train(input_data_config=data, wait=True, logs=False)
    job = TrainingJob.get(trainer._latest_training_job.training_job_name)
    assert job.training_job_status == "Completed", job.failure_reason
    return job, {each.metric_name: each.value for each in job.final_metric_data_list}


def answered(image, job, request):
    model = Model.create(
        model_name=f"v3-{image}", execution_role_arn=role,
        primary_container=ContainerDefinition(
            image=image_uris.retrieve(image, "us-east-1"), model_data_url=job.model_artifacts.s3_model_artifacts
        ),
    )  # fmt: skip
    variant = ProductionVariant(
        variant_name="all", model_name=f"v3-{image}", initial_instance_count=1, instance_type="ml.m5.large"
    )
    EndpointConfig.create(endpoint_config_name=f"v3-{image}", production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=f"v3-{image}", endpoint_config_name=f"v3-{image}")
    endpoint.wait_for_status("InService")
    answer = endpoint.invoke(body=json.dumps(request), content_type="application/json")
    found = json.loads(answer.body.read())["predictions"]
    endpoint.delete()
    model.delete()
    return found


# DeepAR, its training shared by two hosts
t = np.arange(120)
series = [
    {"start": "2024-01-01 00:00:00", "target": (30 + 9 * np.sin(np.pi * t / 12 + i)).round(3).tolist()}
    for i in range(12)
]
past = [{**one, "target": one["target"][:-12]} for one in series]
for channel, rows in (("train", past), ("test", series)):
    body = "\n".join(map(json.dumps, rows))
    s3.put_object(Bucket=bucket, Key=f"v3-sequences/forecasting-deepar/{channel}/series.json", Body=body)
job, final = trained(
    "forecasting-deepar", ("train", "test"), "json",
    {"time_freq": "H", "prediction_length": 12, "context_length": 24, "epochs": 10, "num_cells": 16, "num_layers": 1,
     "mini_batch_size": 32, "learning_rate": 0.02}, hosts=2,
)  # fmt: skip
assert final["test:mean_wQuantileLoss"] < 0.2, final
(answer,) = answered("forecasting-deepar", job, {"instances": past[:1]})
assert np.corrcoef(answer["mean"], series[0]["target"][-12:])[0, 1] > 0.8, answer["mean"]
assert list(answer["quantiles"]) == [f"0.{n}" for n in range(1, 10)]

# Seq2Seq, the records framed by hand: the target is the source's tokens, each twice
MAGIC = (0xCED7230A).to_bytes(4, "little")


def framed(tokens_by_name):
    payload = b""
    for name, tokens in tokens_by_name.items():
        tensor = b"\x0a" + bytes([len(tokens)]) + bytes(tokens)
        value = b"\x3a" + bytes([len(tensor)]) + tensor
        entry = b"\x0a" + bytes([len(name)]) + name.encode() + b"\x12" + bytes([len(value)]) + value
        payload += b"\x0a" + bytes([len(entry)]) + entry
    return MAGIC + len(payload).to_bytes(4, "little") + payload + bytes(-len(payload) % 4)


words = {"<pad>": 0, "<unk>": 1, "<s>": 2, "</s>": 3, "yes": 4, "no": 5, "so": 6}
for channel, n in (("train", 400), ("validation", 40)):
    drawn = [rng.integers(4, 7, rng.integers(1, 4)).tolist() for _ in range(n)]
    body = b"".join(framed({"source": one, "target": [w for w in one for _ in (0, 1)]}) for one in drawn)
    s3.put_object(Bucket=bucket, Key=f"v3-sequences/seq2seq/{channel}/pairs.rec", Body=body)
for side in ("src", "trg"):
    s3.put_object(Bucket=bucket, Key=f"v3-sequences/seq2seq/vocab/vocab.{side}.json", Body=json.dumps(words))
job, final = trained(
    "seq2seq", ("train", "validation", "vocab"), "application/x-recordio-protobuf",
    {"encoder_type": "cnn", "decoder_type": "cnn", "cnn_num_hidden": 48, "num_embed_source": 16, "num_embed_target": 16,
     "max_num_epochs": 12, "learning_rate": 0.005, "batch_size": 32, "checkpoint_frequency_num_batches": 50,
     "max_seq_len_source": 10, "max_seq_len_target": 10},
)  # fmt: skip
assert final["validation:perplexity"] < 1.5, final
found = answered("seq2seq", job, {"instances": [{"data": "yes no"}, {"data": "so"}]})
assert [each["target"] for each in found] == ["yes yes no no", "so so"], found
print("done")
