"""SDK v2: pictures are classified, objects found and pixels named, with estimators and endpoints as notebooks have them."""

import io
import json
import struct
import tarfile
import time
import zlib

import boto3
import numpy as np
import sagemaker
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

session = sagemaker.Session()
bucket, role, s3 = session.default_bucket(), sagemaker.get_execution_role(), boto3.client("s3")
client, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
rng = np.random.default_rng(0)


def png(pixels):
    """Encode (h, w, 3) or (h, w) as PNG."""
    h, w = pixels.shape[:2]
    raw = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", w, h, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def record(labels, picture):
    """Frame an MXNet image record."""
    head = struct.pack("<IfQQ", 0, labels[0], 0, 0) if len(labels) == 1 else struct.pack("<IfQQ", len(labels), 0, 0, 0)
    payload = head + (np.asarray(labels, "<f4").tobytes() if len(labels) > 1 else b"") + picture
    return struct.pack("<II", 0xCED7230A, len(payload)) + payload + bytes(-len(payload) % 4)


def put(key, body):
    s3.put_object(Bucket=bucket, Key=f"vision/{key}", Body=body)


def bars(n, side=16):
    """A bright row (0) or a bright column (1)."""
    found = []
    for i in range(n):
        pixels = rng.integers(0, 60, (side, side, 3)).astype(np.uint8)
        place = rng.integers(2, side - 2)
        if i % 2:
            pixels[:, place] = 250
        else:
            pixels[place] = 250
        found.append((pixels, i % 2))
    return found


def fit(name, given, channels, kind="application/x-recordio"):
    estimator = Estimator(
        image_uris.retrieve(name, "us-east-1"), role, 1, "ml.p3.2xlarge", hyperparameters=given,
        output_path=f"s3://{bucket}/vision/out", sagemaker_session=session,
    )  # fmt: skip
    inputs = {c: TrainingInput(f"s3://{bucket}/vision/{key}", content_type=kind) for c, key in channels.items()}
    estimator.fit(inputs, wait=False)
    return estimator


def ended(estimator):
    while True:
        job = client.describe_training_job(TrainingJobName=estimator.latest_training_job.name)
        if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
            return {each["MetricName"]: each["Value"] for each in job.get("FinalMetricDataList", ())}
        time.sleep(0.5)


def deploy(estimator, name, **more):
    estimator.deploy(1, "ml.m5.large", endpoint_name=name, wait=False, **more)


def in_service(name):
    while (state := client.describe_endpoint(EndpointName=name)["EndpointStatus"]) == "Creating":
        time.sleep(0.3)
    assert state == "InService", client.describe_endpoint(EndpointName=name)


def ask(name, picture, accept="application/json", kind="application/x-image"):
    reply = runtime.invoke_endpoint(EndpointName=name, ContentType=kind, Accept=accept, Body=picture)
    return reply["Body"].read(), reply["ContentType"]


# What to learn from
for part in ("train", "validation"):
    put(f"ic/{part}/{part}.rec", b"".join(record([kind], png(p)) for p, kind in bars(64)))
    box = [2, 5, 0, 0.25, 0.25, 0.75, 0.75] + [-1] * 5
    square = rng.integers(0, 60, (40, 40, 3)).astype(np.uint8)
    square[10:30, 10:30] = 240
    put(f"od/{part}/{part}.rec", record(box, png(square)) * 2)
    for i in range(4):
        pixels, mask = rng.integers(0, 60, (32, 32, 3)).astype(np.uint8), np.zeros((32, 32), np.uint8)
        pixels[:, 16:], mask[:, 16:] = 240, 3
        put(f"ss/{part}/{i}.png", png(pixels))
        put(f"ss/{part}_annotation/{i}.png", png(mask))
put("ss/label_map/train_label_map.json", '{"scale": "3"}')
put("ss/label_map/validation_label_map.json", '{"map": {"0": 0, "1": 3}}')
for pixels, kind in bars(8, 128):
    put(f"tf/training/{('row', 'column')[kind]}/{rng.integers(10**9)}.png", png(pixels))
put("tf-od/training/images/square.png", png(square))
told = {
    "images": [{"file_name": "square.png", "height": 40, "width": 40, "id": 4}],
    "annotations": [{"image_id": 4, "bbox": [10, 10, 30, 30], "category_id": 9}],
    "categories": [{"id": 9, "name": "square"}],
}
put("tf-od/training/annotations.json", json.dumps(told))

classify = fit(
    "image-classification",
    {"num_layers": 20, "image_shape": "3,16,16", "num_classes": 2, "num_training_samples": 64, "epochs": 6,
     "mini_batch_size": 16, "learning_rate": 0.05, "early_stopping": True},
    {part: f"ic/{part}/" for part in ("train", "validation")},
)  # fmt: skip
detect = fit(
    "object-detection",
    {"base_network": "resnet-50", "use_pretrained_model": 0, "num_classes": 1, "num_training_samples": 2, "epochs": 1,
     "mini_batch_size": 2, "image_shape": 300},
    {part: f"od/{part}/" for part in ("train", "validation")},
)  # fmt: skip
name = ("train", "train_annotation", "validation", "validation_annotation", "label_map")
segment = fit(
    "semantic-segmentation",
    {"num_classes": 2, "num_training_samples": 4, "epochs": 2, "mini_batch_size": 4, "crop_size": 24, "base_size": 32,
     "use_pretrained_model": False, "learning_rate": 0.01},
    {part: f"ss/{part}/" for part in name}, "image/png",
)  # fmt: skip

# The hub's dialect: a script's archive and a model's archive name the method
account = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
empty = io.BytesIO()
with tarfile.open(fileobj=empty, mode="w:gz") as archive:
    archive.addfile(tarfile.TarInfo("transfer_learning.py"), io.BytesIO())


def scripts(task):
    return f"source-directory-tarballs/tensorflow/transfer_learning/{task}/v1.0.0/sourcedir.tar.gz"


def hub(task, model_id, pictures, given):
    start = f"tensorflow-training/train-{model_id}.tar.gz"
    for key in (scripts(task), start):
        put(key, empty.getvalue())
    estimator = Estimator(
        image_uri=f"{account}/tensorflow-training:2.11-cpu-py39", role=role, instance_count=1,
        source_dir=f"s3://{bucket}/vision/{scripts(task)}", model_uri=f"s3://{bucket}/vision/{start}",
        entry_point="transfer_learning.py", instance_type="ml.p3.2xlarge", hyperparameters={"epochs": "1", **given},
        output_path=f"s3://{bucket}/vision/out", sagemaker_session=session, base_job_name=f"hub-{task}",
    )  # fmt: skip
    estimator.fit(dict.fromkeys(("training", "validation"), f"s3://{bucket}/vision/{pictures}/training"), wait=False)
    return estimator


name_pictures = hub(
    "ic", "tensorflow-ic-imagenet-mobilenet-v1-025-128-classification-4", "tf",
    {"batch_size": "8", "augmentation": "True"},
)  # fmt: skip
find_squares = hub("od1", "tensorflow-od1-ssd-mobilenet-v2-320x320-coco17-tpu-8", "tf-od", {"batch_size": "1"})

# Endpoints come up while other jobs still train
final = ended(classify)
deploy(classify, "v2-pictures")
print("image classification", final)
assert {"train:accuracy", "validation:accuracy"} <= set(final), final
final = ended(segment)
print("semantic segmentation", final)
assert {"validation:mIOU", "validation:pixel_accuracy"} <= set(final), final
deploy(segment, "v2-pixels")
final = ended(detect)
print("object detection", final)
assert {"validation:mAP", "train:smooth_l1", "train:cross_entropy"} <= set(final), final
deploy(detect, "v2-objects")
for task, estimator, metrics in (
    ("ic", name_pictures, {"validation:accuracy"}),
    ("od1", find_squares, {"validation:localization_loss", "validation:classification_loss"}),
):
    final = ended(estimator)
    print("the hub's dialect", task, final)
    assert metrics <= set(final), final
    deploy(
        estimator, f"v2-hub-{task}", image_uri=f"{account}/tensorflow-inference:2.11-cpu",
        source_dir=f"s3://{bucket}/vision/{scripts(task)}", entry_point="inference.py",
    )  # fmt: skip

in_service("v2-pictures")
right = 0
for pixels, kind in bars(12):
    body, _ = ask("v2-pictures", png(pixels))
    right += int(np.argmax(json.loads(body)) == kind)
assert right >= 10, right
line = json.loads(ask("v2-pictures", png(bars(1)[0][0]), "application/jsonlines", "image/png")[0])
assert np.isclose(sum(line["prediction"]), 1)

in_service("v2-objects")
found = json.loads(ask("v2-objects", png(square), kind="image/png")[0])["prediction"]
assert all(len(row) == 6 and 0 <= row[1] <= 1 for row in found)
notes = json.loads(ask("v2-objects", png(square), "application/json;annotation=1", "image/png")[0])
assert notes["image_size"] == [{"width": 40, "height": 40, "depth": 3}]
assert len(notes["annotations"]) == len(found)

in_service("v2-pixels")
mask, kind = ask("v2-pixels", png(pixels), "image/png", "image/png")
assert kind == "image/png"
assert mask.startswith(b"\x89PNG")
body, _ = ask("v2-pixels", png(pixels), "application/x-protobuf", "image/png")
features = sagemaker.amazon.common.read_records(io.BytesIO(body))[0].features
assert list(features["shape"].int32_tensor.values) == [1, 2, *pixels.shape[:2]]
p = np.array(features["target"].float32_tensor.values).reshape(2, -1)
assert np.allclose(p.sum(axis=0), 1, atol=1e-4)

in_service("v2-hub-ic")
told = json.loads(ask("v2-hub-ic", png(bars(1, 128)[0][0]), "application/json;verbose")[0])
assert told["labels"] == ["column", "row"]
assert told["predicted_label"] in told["labels"]
in_service("v2-hub-od1")
told = json.loads(ask("v2-hub-od1", png(square), "application/json;verbose", "image/png")[0])
assert told["labels"] == ["square"]
assert len(told["normalized_boxes"]) == len(told["classes"]) == len(told["scores"]) > 0
assert all(0 <= left <= right <= 1 and 0 <= top <= bottom <= 1 for left, top, right, bottom in told["normalized_boxes"])
assert told["tensorflow_model_output"]["num_detections"] == [len(told["scores"])]
for endpoint in ("v2-pictures", "v2-objects", "v2-pixels", "v2-hub-ic", "v2-hub-od1"):
    client.delete_endpoint(EndpointName=endpoint)
print("done")
