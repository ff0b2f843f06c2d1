"""SDK v2: what is odd. Random cut forests on two instances, by records and by CSV in Pipe mode; IP Insights."""

import json
import time

import boto3
import numpy as np
import sagemaker
from sagemaker.amazon.ipinsights import IPInsightsPredictor
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

session = sagemaker.Session()
role, bucket, s3 = sagemaker.get_execution_role(), session.default_bucket(), boto3.client("s3")
client, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
common = {
    "role": role,
    "instance_type": "ml.m5.large",
    "sagemaker_session": session,
    "output_path": f"s3://{bucket}/odd/out",
}
rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 3)).astype("float32")
X[::50] += 8
y = (np.arange(3000) % 50 == 0).astype(int)


def put(key, text):
    s3.put_object(Bucket=bucket, Key=f"odd/{key}", Body=text)
    return f"s3://{bucket}/odd/{key}"


def table(rows):
    return "\n".join(",".join(f"{v:g}" for v in row) for row in rows)


def ended(name):
    while (job := client.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
        time.sleep(0.3)
    return job


def served(estimator, name):
    estimator.deploy(1, "ml.m5.large", endpoint_name=name, wait=False)
    while (found := client.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
        time.sleep(0.3)
    assert found["EndpointStatus"] == "InService", found


def asked(name, body, kind, accept="application/json"):
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType=kind, Accept=accept, Body=body)
    return json.loads(answer["Body"].read())


# All jobs at once: records in two shards; CSV in two shards with a labelled test; unsharded CSV, which is refused; pairs
typed = sagemaker.RandomCutForest(
    instance_count=2, num_trees=60, num_samples_per_tree=100, data_location=f"s3://{bucket}/odd/records", **common
)
typed.fit(typed.record_set(X), wait=False)

image = sagemaker.image_uris.retrieve("randomcutforest", "us-east-1")
settings = {
    "feature_dim": 3,
    "num_trees": 50,
    "num_samples_per_tree": 128,
    "eval_metrics": '["precision_recall_fscore"]',
}
for part in range(2):
    put(f"train/{part}.csv", table(X[part::2]))
test = TrainingInput(put("test/rows.csv", table(np.column_stack([y, X]))), content_type="text/csv;label_size=1")
spread = TrainingInput(
    f"s3://{bucket}/odd/train", content_type="text/csv;label_size=0", distribution="ShardedByS3Key", input_mode="Pipe"
)
whole = TrainingInput(f"s3://{bucket}/odd/train", content_type="text/csv;label_size=0")
plain = Estimator(image, instance_count=2, hyperparameters=settings, base_job_name="odd-csv", **common)
plain.fit({"train": spread, "test": test}, wait=False)
refused = Estimator(image, instance_count=1, hyperparameters=settings, base_job_name="odd-whole", **common)
refused.fit({"train": whole}, wait=False)

users, hosts = rng.integers(0, 60, 1500), rng.integers(1, 255, 1500)
pairs = [f"user_{u},{40 * (u % 5) + 11}.8.{u % 5}.{h}" for u, h in zip(users, hosts, strict=True)]
matched = Estimator(
    sagemaker.image_uris.retrieve("ipinsights", "us-east-1"), instance_count=1, base_job_name="odd-ip",
    hyperparameters={
        "num_entity_vectors": 200, "vector_dim": 8, "epochs": 8, "mini_batch_size": 100, "learning_rate": 0.03
    },
    **common,
)  # fmt: skip
matched.fit(
    {
        "train": TrainingInput(put("ip/train.csv", "\n".join(pairs[:1200])), content_type="text/csv"),
        "validation": TrainingInput(put("held/valid.csv", "\n".join(pairs[1200:])), content_type="text/csv"),
    },
    wait=False,
)

job = ended(refused.latest_training_job.name)
assert job["TrainingJobStatus"] == "Failed", job
assert "ShardedByS3Key" in job["FailureReason"], job["FailureReason"]

for estimator in (typed, plain, matched):
    job = ended(estimator.latest_training_job.name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
final = {m["MetricName"]: m["Value"] for m in ended(plain.latest_training_job.name)["FinalMetricDataList"]}
assert final["test:f1"] > 0.7, final
assert "test:accuracy" not in final, final

served(typed, "odd-records")
records = sagemaker.amazon.randomcutforest.RandomCutForestPredictor("odd-records", session).predict(X[:100])
scores = np.array([record.label["score"].float32_tensor.values[0] for record in records])
assert scores[[0, 50]].min() > np.delete(scores, [0, 50]).max(), scores
found = asked("odd-records", table(X[:3]), "text/csv")["scores"]
assert np.allclose([each["score"] for each in found], scores[:3], rtol=1e-3), (found, scores[:3])
body = json.dumps({"instances": [{"features": row} for row in X[:2].tolist()]})
assert np.allclose([each["score"] for each in asked("odd-records", body, "application/json")["scores"]], scores[:2])

served(matched, "odd-pairs")
final = {m["MetricName"]: m["Value"] for m in ended(matched.latest_training_job.name)["FinalMetricDataList"]}
assert final["validation:discriminator_auc"] > 0.85, final
answer = IPInsightsPredictor("odd-pairs", session).predict([["user_0", "11.8.0.9"], ["user_0", "171.8.4.9"]])
own, other = (each["dot_product"] for each in answer["predictions"])
assert own > 0 > other, answer
verbose = asked("odd-pairs", "user_0,11.8.0.9", "text/csv", "application/json; verbose=True")["predictions"][0]
assert abs(np.dot(verbose["entity_embedding"], verbose["ip_embedding"]) - own) < 1e-3, verbose
for name in ("odd-records", "odd-pairs"):
    client.delete_endpoint(EndpointName=name)
print("done")
