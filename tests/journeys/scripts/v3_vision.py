"""SDK v3: an augmented manifest through a pipe, a list beside pictures, a model to go on from, and an endpoint."""

import json
import struct
import time
import zlib

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
image = image_uris.retrieve("image-classification", "us-east-1")
GIVEN = {
    "num_layers": "20", "image_shape": "3,16,16", "num_classes": "2", "num_training_samples": "64",
    "mini_batch_size": "16", "learning_rate": "0.05",
}  # fmt: skip


def png(pixels):
    h, w = pixels.shape[:2]
    raw = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def bar(kind, side=16):
    pixels = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
    place = rng.integers(2, side - 2)
    if kind:
        pixels[:, place] = 250
    else:
        pixels[place] = 250
    return png(pixels)


def trained(name, channels, **more):
    trainer = ModelTrainer(
        training_image=image, role=role, compute=Compute(instance_type="ml.p3.2xlarge", instance_count=1),
        sagemaker_session=session, base_job_name=name, hyperparameters={**GIVEN, **more},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/v3-vision/out"),
    )  # fmt: skip
    trainer.train(input_data_config=channels, wait=False)
    name = trainer._latest_training_job.training_job_name
    while (job := TrainingJob.get(name)).training_job_status in ("InProgress", "Stopping"):
        time.sleep(0.5)
    assert job.training_job_status == "Completed", job.failure_reason
    return job


def channel(name, key, kind="application/x-image"):
    return InputData(channel_name=name, data_source=f"s3://{bucket}/v3-vision/{key}", content_type=kind)


lines, listed = [], []
for i in range(64):
    key = f"v3-vision/train/a/{i}.png"
    s3.put_object(Bucket=bucket, Key=key, Body=bar(i % 2))
    lines.append(json.dumps({"source-ref": f"s3://{bucket}/{key}", "class": str(i % 2)}))
    listed.append(f"{i}\t{i % 2}\ta/{i}.png")
s3.put_object(Bucket=bucket, Key="v3-vision/train.manifest", Body="\n".join(lines))
s3.put_object(Bucket=bucket, Key="v3-vision/lst/train.lst", Body="\n".join(listed))

piped = Channel(
    channel_name="train", input_mode="Pipe", record_wrapper_type="RecordIO", content_type="application/x-image",
    data_source=DataSource(
        s3_data_source=S3DataSource(
            s3_data_type="AugmentedManifestFile", s3_uri=f"s3://{bucket}/v3-vision/train.manifest",
            s3_data_distribution_type="FullyReplicated", attribute_names=["source-ref", "class"],
        )
    ),
)  # fmt: skip
first = trained("v3-manifest", [piped], epochs="2")
assert {each.metric_name for each in first.final_metric_data_list} == {"train:accuracy"}

former = InputData(
    channel_name="model", data_source=first.model_artifacts.s3_model_artifacts,
    content_type="application/x-sagemaker-model",
)  # fmt: skip
beside = [channel("train", "train/"), channel("validation", "train/"), channel("train_lst", "lst/")]
job = trained("v3-list", [*beside, channel("validation_lst", "lst/"), former], epochs="6", checkpoint_frequency="1")
final = {each.metric_name: each.value for each in job.final_metric_data_list}
assert {"train:accuracy", "validation:accuracy"} <= set(final), final

model = Model.create(
    model_name="v3-pictures", execution_role_arn=role,
    primary_container=ContainerDefinition(image=image, model_data_url=job.model_artifacts.s3_model_artifacts),
)  # fmt: skip
variant = ProductionVariant(
    variant_name="all", model_name="v3-pictures", initial_instance_count=1, instance_type="ml.m5.large"
)
EndpointConfig.create(endpoint_config_name="v3-pictures", production_variants=[variant])
endpoint = Endpoint.create(endpoint_name="v3-pictures", endpoint_config_name="v3-pictures")
endpoint.wait_for_status("InService", poll=1)
right = 0
for i in range(12):
    answer = endpoint.invoke(body=bar(i % 2), content_type="image/png", accept="application/json")
    right += int(np.argmax(json.loads(answer.body.read())) == i % 2)
assert right >= 9, right
endpoint.delete()
model.delete()
print("done", right)
