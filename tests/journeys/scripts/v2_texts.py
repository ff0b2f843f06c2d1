"""SDK v2: BlazingText's word vectors and labels, on one instance and on two, and the model hub's text classification."""

import io
import json
import tarfile
import time

import boto3
import numpy as np
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

session = sagemaker.Session()
role, bucket, s3 = sagemaker.get_execution_role(), session.default_bucket(), boto3.client("s3")
client, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
image = sagemaker.image_uris.retrieve("blazingtext", "us-east-1")
ACCOUNT = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


def lines(count, seed):
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, 2, count)
    return [(int(t), " ".join(f"{'ab'[t]}{rng.integers(6)}" for _ in range(8))) for t in topic]


def put(key, text):
    s3.put_object(Bucket=bucket, Key=f"texts/{key}", Body=text)
    return f"s3://{bucket}/texts/{key}"


def ended(name):
    while (job := client.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
        time.sleep(0.3)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


def blazing(name, channels, count, **hyperparameters):
    estimator = Estimator(
        image, role, instance_count=count, instance_type="ml.c5.xlarge", output_path=f"s3://{bucket}/texts/out",
        sagemaker_session=session, base_job_name=name,
        hyperparameters={"vector_dim": 16, "min_count": 1, "buckets": 2000, **hyperparameters},
    )  # fmt: skip
    estimator.fit({key: TrainingInput(uri, content_type="text/plain") for key, uri in channels.items()}, wait=False)
    return estimator


def served(estimator, name, **more):
    estimator.deploy(1, "ml.m5.large", endpoint_name=name, wait=False, **more)
    while (found := client.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
        time.sleep(0.3)
    assert found["EndpointStatus"] == "InService", found


def asked(name, body, kind="application/json", accept="application/json"):
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType=kind, Accept=accept, Body=body)
    return answer["Body"].read()


labelled = put("labelled/train.txt", "\n".join(f"__label__{t} {text}" for t, text in lines(300, 0)))
held = put("held/validation.txt", "\n".join(f"__label__{t} {text}" for t, text in lines(100, 1)))
plain = put("plain/text.txt", "\n".join(text for _, text in lines(800, 2)))
judged = put("judged/EN-WS-353-ALL.txt", "a0\ta1\t9\na2\ta3\t9\na1\tb2\t1\nb1\ta4\t1\nb3\tb4\t9\n")
classify = blazing(
    "bt-labels", {"train": labelled, "validation": held}, 1, mode="supervised", epochs=10, learning_rate=0.5,
    early_stopping=True, patience=3, min_epochs=4, word_ngrams=2,
)  # fmt: skip
vectors = blazing(
    "bt-vectors", {"train": plain, "evaluation": judged}, 2, mode="batch_skipgram", epochs=20, learning_rate=0.1,
    window_size=3, batch_size=7, sampling_threshold=0.001,
)  # fmt: skip

# The model hub's text classification: a script on a framework's image
csv = "\n".join(f'{t},"{text}"' for t, text in lines(300, 3))
put("hub/rows/data.csv", csv)
empty = io.BytesIO()
with tarfile.open(fileobj=empty, mode="w:gz") as archive:
    archive.addfile(tarfile.TarInfo("transfer_learning.py"), io.BytesIO())
model_id = "tensorflow-tc-bert-en-uncased-L-12-H-768-A-12-2"
script = put(
    "source-directory-tarballs/tensorflow/transfer_learning/tc/prepack/v1.0.1/sourcedir.tar.gz", empty.getvalue()
)
start = put(f"tensorflow-training/train-{model_id}.tar.gz", empty.getvalue())
tuned = Estimator(
    role=role, image_uri=f"{ACCOUNT}/tensorflow-training:2.8-cpu-py39", source_dir=script, model_uri=start,
    entry_point="transfer_learning.py", instance_count=1, instance_type="ml.m5.xlarge", sagemaker_session=session,
    hyperparameters={"epochs": "4", "learning_rate": "0.01", "optimizer": "adamw", "batch_size": "16"},
    output_path=f"s3://{bucket}/texts/out", base_job_name="tc",
)  # fmt: skip
tuned.fit({"training": f"s3://{bucket}/texts/hub/rows/"}, wait=False)

job = ended(classify.latest_training_job.name)
final = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
assert set(final) == {"train:accuracy", "validation:accuracy"}, final
assert final["validation:accuracy"] > 0.95, final
served(classify, "bt-labels")
found = json.loads(asked("bt-labels", json.dumps({"instances": ["a1 a2", "b3 b0"], "configuration": {"k": 2}})))
assert [row["label"][0] for row in found] == ["__label__0", "__label__1"], found
assert len(found[0]["prob"]) == 2
body = b'{"source": "a1 a2"}\n{"source": "b1", "k": 2}\n'
found = [json.loads(x) for x in asked("bt-labels", body, "application/jsonlines", "application/jsonlines").splitlines()]
assert found[1]["label"] == ["__label__1", "__label__0"], found

job = ended(vectors.latest_training_job.name)
final = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
assert final["train:mean_rho"] > 0.5, final
bucket_name, _, key = vectors.model_data.removeprefix("s3://").partition("/")
packed = io.BytesIO(s3.get_object(Bucket=bucket_name, Key=key)["Body"].read())
with tarfile.open(fileobj=packed) as archive:
    names = archive.getnames()
    assert {"vectors.txt", "vectors.bin", "eval.json"} <= set(names), names
served(vectors, "bt-vectors")
a1, a2, b1, none = (
    np.array(row["vector"])
    for row in json.loads(asked("bt-vectors", json.dumps({"instances": ["a1", "a2", "b1", "unknown"]})))
)
assert not none.any()
assert a1 @ a2 / np.linalg.norm(a1) / np.linalg.norm(a2) > a1 @ b1 / np.linalg.norm(a1) / np.linalg.norm(b1) + 0.2

job = ended(tuned.latest_training_job.name)
final = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
assert final["val_accuracy" if "val_accuracy" in final else "validation:accuracy"] > 0.9, final
served(tuned, "tc", image_uri=f"{ACCOUNT}/tensorflow-inference:2.8-cpu", source_dir=script, entry_point="inference.py")
found = json.loads(asked("tc", b"b1 b2 b3", "application/x-text", "application/json;verbose"))
assert found["predicted_label"] == 1, found
assert found["labels"] == [0, 1]
assert abs(sum(found["probabilities"]) - 1) < 1e-6
for name in ("bt-labels", "bt-vectors", "tc"):
    client.delete_endpoint(EndpointName=name)
print("done")
