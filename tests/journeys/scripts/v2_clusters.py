"""SDK v2: k-means on two instances, principal components and nearest neighbours, by records and by CSV."""

import io
import json
import tarfile
import time

import boto3
import numpy as np
import sagemaker
from sagemaker.amazon.common import read_records
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

session = sagemaker.Session()
role, bucket, s3 = sagemaker.get_execution_role(), session.default_bucket(), boto3.client("s3")
client, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
common = {
    "role": role,
    "instance_type": "ml.m5.large",
    "sagemaker_session": session,
    "output_path": f"s3://{bucket}/clusters/out",
}
typed = {"data_location": f"s3://{bucket}/clusters/records", **common}
rng = np.random.default_rng(0)
places = rng.normal(0, 6, (4, 5))
group = rng.integers(0, 4, 1200)
X = (places[group] + rng.normal(size=(1200, 5))).astype("float32")


def table(rows):
    return "\n".join(",".join(f"{v:g}" for v in row) for row in rows)


def put(key, text):
    s3.put_object(Bucket=bucket, Key=f"clusters/{key}", Body=text)
    return f"s3://{bucket}/clusters/{key}"


def ended(estimator):
    name = estimator.latest_training_job.name
    while (job := client.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
        time.sleep(0.3)
    assert job["TrainingJobStatus"] == "Completed", job
    return {m["MetricName"]: m["Value"] for m in job.get("FinalMetricDataList", [])}


def served(estimator, name):
    predictor = estimator.deploy(1, "ml.m5.large", endpoint_name=name, wait=False)
    while (found := client.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
        time.sleep(0.3)
    assert found["EndpointStatus"] == "InService", found
    return predictor


def asked(name, body, kind, accept="application/json"):
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType=kind, Accept=accept, Body=body)
    return answer["Body"].read()


def artifact(estimator):
    name = estimator.model_data.removeprefix(f"s3://{bucket}/")
    with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=bucket, Key=name)["Body"].read())) as archive:
        return sorted(member.name for member in archive.getmembers())


# All jobs at once
kmeans = sagemaker.KMeans(instance_count=2, k=4, init_method="kmeans++", eval_metrics=["msd", "ssd"], **typed)
kmeans.fit([kmeans.record_set(X), kmeans.record_set(X[:300], channel="test")], mini_batch_size=200, wait=False)
pca = sagemaker.PCA(instance_count=1, num_components=2, **typed)
pca.fit(pca.record_set(X), mini_batch_size=200, wait=False)
knn = sagemaker.KNN(
    instance_count=1,
    k=5,
    sample_size=900,
    predictor_type="classifier",
    dimension_reduction_type="sign",
    dimension_reduction_target=4,
    **typed,
)
labels = group.astype("float32")
held = knn.record_set(X[900:], labels=labels[900:], channel="test")
knn.fit([knn.record_set(X[:900], labels=labels[:900]), held], mini_batch_size=200, wait=False)
lists = Estimator(
    sagemaker.image_uris.retrieve("knn", "us-east-1"),
    instance_count=1,
    base_job_name="lists",
    hyperparameters={
        "feature_dim": 5, "k": 3, "sample_size": 1000, "predictor_type": "regressor", "index_type": "faiss.IVFFlat"
    },
    **common,
)  # fmt: skip
train = put("train/rows.csv", table(np.column_stack([X[:, 0], X])))
lists.fit({"train": TrainingInput(train, content_type="text/csv")}, wait=False)

metrics = ended(kmeans)
assert metrics["test:msd"] < 7, metrics  # five columns of variance 1
predictor = served(kmeans, "clusters-kmeans")
found = predictor.predict(X[:200])
nearest = np.array([r.label["closest_cluster"].float32_tensor.values[0] for r in found])
assert all(len(set(nearest[group[:200] == g])) == 1 for g in range(4)), nearest
answer = asked("clusters-kmeans", table(X[:3]), "text/csv", "text/csv").decode().splitlines()
assert [float(line.split(",")[0]) for line in answer] == nearest[:3].tolist(), answer
assert "model_algo-1" in artifact(kmeans)
print("kmeans", metrics["test:msd"])

ended(pca)
predictor = served(pca, "clusters-pca")
found = np.array([r.label["projection"].float32_tensor.values for r in predictor.predict(X[:50])])
exact = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2][:2][::-1]
np.testing.assert_allclose(np.abs(found), np.abs((X[:50] - X.mean(axis=0)) @ exact.T), atol=1e-2)
answer = json.loads(asked("clusters-pca", table(X[:2]), "text/csv"))
assert len(answer["projections"][0]["projection"]) == 2, answer
print("pca")

metrics = ended(knn)
assert metrics["test:accuracy"] > 0.9, metrics
served(knn, "clusters-knn")
answer = json.loads(asked("clusters-knn", table(X[900:903]), "text/csv", "application/json; verbose=true"))
for each, label in zip(answer["predictions"], group[900:903], strict=True):
    assert each["predicted_label"] == label, answer
    assert each["distances"] == sorted(each["distances"]), answer
    assert len(each["labels"]) == 5, answer
body = asked("clusters-knn", table(X[:1]), "text/csv", "application/x-recordio-protobuf")
assert "predicted_label" in read_records(io.BytesIO(body))[0].label
assert {"model_algo-1", "model_algo-1.json", "model_algo-1.labels"} <= set(artifact(knn))
ended(lists)
served(lists, "clusters-lists")
answer = json.loads(
    asked("clusters-lists", json.dumps({"instances": [{"features": X[0].tolist()}]}), "application/json")
)
assert abs(answer["predictions"][0]["predicted_label"] - X[0, 0]) < 2, answer
for name in ("kmeans", "pca", "knn", "lists"):
    client.delete_endpoint(EndpointName=f"clusters-{name}")
print("done")
