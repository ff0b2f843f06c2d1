"""SDK v2: the linear learner and factorization machines, from record sets to an endpoint's answers.

Nothing here knows about Tarragon: run it with ``tarragon run -- python v2_linear.py``, or against AWS.
"""

import io
import json
import tarfile
import time
import zipfile

import boto3
import numpy as np
import sagemaker
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
USERS, ITEMS = 40, 30


def served(predictor):
    """Wait until an endpoint answers."""
    client = boto3.client("sagemaker")
    for _ in range(200):
        status = client.describe_endpoint(EndpointName=predictor.endpoint_name)["EndpointStatus"]
        assert status != "Failed"
        if status == "InService":
            return
        time.sleep(0.25)
    raise AssertionError("the endpoint is not there yet")


def deployed(estimator, **more):
    """Deploy without the SDK's own long wait."""
    predictor = estimator.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False, **more)
    served(predictor)
    return predictor


def linear(session, bucket):
    """Four classes on two instances; then the archive that notebooks open."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 4)).astype("float32")
    y = ((X[:, 0] > 0) * 2 + (X[:, 1] > 0)).astype("float32")
    estimator = sagemaker.LinearLearner(
        role=ROLE, instance_count=2, instance_type="ml.m5.large", predictor_type="multiclass_classifier",
        num_classes=4, sagemaker_session=session, output_path=f"s3://{bucket}/linear/output",
        data_location=f"s3://{bucket}/linear/records", epochs=10, loss="softmax_loss", l1=0.0001,
    )  # fmt: skip
    records = [
        estimator.record_set(X[:600], labels=y[:600]),
        estimator.record_set(X[600:], labels=y[600:], channel="test"),
    ]
    estimator.fit(records, mini_batch_size=100, logs="All")
    job = boto3.client("sagemaker").describe_training_job(TrainingJobName=estimator.latest_training_job.name)
    final = {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}
    assert final["test:multiclass_accuracy"] > 0.85, final

    bucket_of, _, key = estimator.model_data.removeprefix("s3://").partition("/")
    packed = boto3.client("s3").get_object(Bucket=bucket_of, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive, archive.extractfile("model_algo-1") as file:
        inner = zipfile.ZipFile(io.BytesIO(file.read()))
    assert {"mx-mod-0000.params", "mx-mod-symbol.json", "additional-params.json"} <= set(inner.namelist())

    predictor = deployed(estimator)
    try:
        answers = predictor.predict(X[600:700])
        labels = np.array([r.label["predicted_label"].float32_tensor.values[0] for r in answers])
        scores = np.array([r.label["score"].float32_tensor.values for r in answers])
        assert (labels == y[600:700]).mean() > 0.85
        assert scores.shape == (100, 4)
        assert (scores.argmax(axis=1) == labels).all()
    finally:
        predictor.delete_endpoint()
    print("linear-learner", round(final["test:multiclass_accuracy"], 3))


def quantile(session, bucket):
    """The generic estimator, CSV, and a loss that is no mean."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    y = 10 + X[:, 0] + rng.normal(size=600)
    body = "\n".join(",".join(f"{v:.6g}" for v in row) for row in np.column_stack([y, X]))
    session.upload_string_as_file_body(body, bucket=bucket, key="linear/quantile/rows.csv")
    estimator = Estimator(
        image_uris.retrieve("linear-learner", session.boto_region_name), ROLE, instance_count=1,
        instance_type="ml.m5.large", sagemaker_session=session, output_path=f"s3://{bucket}/linear/output",
        hyperparameters={
            "predictor_type": "regressor", "loss": "quantile_loss", "quantile": "0.9", "mini_batch_size": "50",
            "learning_rate": "0.02", "epochs": "30",
        },
    )  # fmt: skip
    estimator.fit({"train": TrainingInput(f"s3://{bucket}/linear/quantile", content_type="text/csv")}, logs="All")
    predictor = deployed(estimator)
    try:
        runtime = boto3.client("sagemaker-runtime")
        lines = "\n".join(",".join(map(str, row)) for row in X)
        answer = runtime.invoke_endpoint(EndpointName=predictor.endpoint_name, ContentType="text/csv", Body=lines)
        found = np.array([each["score"] for each in json.loads(answer["Body"].read())["predictions"]])
        assert 0.85 < (y < found).mean() < 0.95
    finally:
        predictor.delete_endpoint()
    print("quantile", round(float((y < found).mean()), 3))


def ratings(n, seed):
    """Who liked what: one-hot rows, and whether tastes agree."""
    tastes = np.random.default_rng(7)
    a, b = tastes.choice([-1, 1], USERS), tastes.choice([-1, 1], ITEMS)
    rng = np.random.default_rng(seed)
    u, i = rng.integers(0, USERS, n), rng.integers(0, ITEMS, n)
    X = np.zeros((n, USERS + ITEMS), "float32")
    X[np.arange(n), u] = X[np.arange(n), USERS + i] = 1
    return X, (a[u] == b[i]).astype("float32")


def machines(session, bucket):
    """The typed estimator and its record sets, sparse JSON to the endpoint."""
    estimator = sagemaker.FactorizationMachines(
        role=ROLE, instance_count=1, instance_type="ml.m5.large", num_factors=4, predictor_type="binary_classifier",
        epochs=40, factors_lr=0.02, linear_lr=0.02, factors_init_sigma=0.1, sagemaker_session=session,
        output_path=f"s3://{bucket}/fm/output", data_location=f"s3://{bucket}/fm/records",
    )  # fmt: skip
    (X, y), (Xt, yt) = ratings(3000, 0), ratings(500, 1)
    records = [estimator.record_set(X, labels=y), estimator.record_set(Xt, labels=yt, channel="test")]
    estimator.fit(records, mini_batch_size=100, logs="All")
    job = boto3.client("sagemaker").describe_training_job(TrainingJobName=estimator.latest_training_job.name)
    final = {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}
    assert final["test:binary_classification_accuracy"] > 0.9, final

    predictor = deployed(estimator)
    try:
        X, y = ratings(50, 2)
        keys = [np.flatnonzero(row).tolist() for row in X]
        features = [{"keys": k, "shape": [USERS + ITEMS], "values": [1.0] * len(k)} for k in keys]
        body = json.dumps({"instances": [{"data": {"features": each}} for each in features]})
        runtime = boto3.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(
            EndpointName=predictor.endpoint_name, ContentType="application/json", Body=body
        )
        found = json.loads(answer["Body"].read())["predictions"]
        assert np.mean([each["predicted_label"] for each in found] == y) > 0.85
        assert all(0 <= each["score"] <= 1 for each in found)
        answers = predictor.predict(X)
        scores = [float(r.label["score"].float32_tensor.values[0]) for r in answers]
        np.testing.assert_allclose(scores, [each["score"] for each in found], atol=1e-5)
    finally:
        predictor.delete_endpoint()
    print("factorization-machines", round(final["test:binary_classification_accuracy"], 3))


def main():
    began = time.time()
    session = sagemaker.Session()
    bucket = session.default_bucket()
    for journey in (linear, quantile, machines):
        journey(session, bucket)
    print(f"done in {time.time() - began:.1f} s")


if __name__ == "__main__":
    main()
