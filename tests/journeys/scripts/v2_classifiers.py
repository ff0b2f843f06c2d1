"""SDK v2: XGBoost and linear learner, from generated rows to answers of an endpoint, as any SageMaker notebook does it.

Nothing here knows about Tarragon: run it with ``tarragon run -- python v2_classifiers.py``, or against AWS. A deployment
is waited for in sleeps of 30 seconds, so each journey has a thread, and a session, of its own.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import sagemaker
from sagemaker import image_uris
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"


def table(seed, n=600):
    """Label first, then five features of which three matter."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    y = (2 * X[:, 0] - X[:, 1] + 0.5 * X[:, 2] + rng.normal(0, 0.3, n) > 0).astype(int)
    return np.column_stack([y, X])


def upload(session, bucket, name, rows):
    """Write rows as CSV without a header."""
    body = "\n".join(",".join(f"{v:.6g}" for v in row) for row in rows)
    return session.upload_string_as_file_body(body, bucket=bucket, key=f"built-in/{name}/rows.csv")


def metrics(estimator):
    """The final metrics of a job that has ended well."""
    job = estimator.latest_training_job.describe()
    assert job["TrainingJobStatus"] == "Completed"
    return {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}


def of_records(kind, session, bucket, **settings):
    """An estimator of the SDK's own class, which uploads its rows as records."""
    return kind(
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        output_path=f"s3://{bucket}/built-in/output",
        data_location=f"s3://{bucket}/built-in/records",
        **settings,
    )


def xgboost(session, bucket):
    train, valid = table(0), table(1)
    image = image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1")
    estimator = Estimator(
        image,
        ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        output_path=f"s3://{bucket}/built-in/output",
        hyperparameters={"num_round": 25, "objective": "binary:logistic", "max_depth": 3, "eval_metric": "logloss,auc"},
    )
    channels = {
        name: TrainingInput(upload(session, bucket, name, rows), content_type="text/csv")
        for name, rows in (("train", train), ("validation", valid))
    }
    estimator.fit(channels, logs="All")
    final = metrics(estimator)
    assert final["validation:auc"] > 0.9, final
    assert estimator.model_data.endswith("/output/model.tar.gz")

    predictor = estimator.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        serializer=CSVSerializer(),
        deserializer=CSVDeserializer(),
    )
    try:
        scores = np.array([float(v) for row in predictor.predict(valid[:50, 1:]) for v in row])
        assert scores.shape == (50,)
        assert ((scores > 0.5) == valid[:50, 0]).mean() > 0.85
        one = float(predictor.predict(valid[0, 1:])[0][0])
        assert abs(one - scores[0]) < 1e-6
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()
    print("xgboost", round(final["validation:auc"], 3))


def linear_learner(session, bucket):
    train, valid = table(0).astype("float32"), table(1).astype("float32")
    estimator = of_records(sagemaker.LinearLearner, session, bucket, predictor_type="binary_classifier", epochs=5)
    records = estimator.record_set(train[:, 1:], labels=train[:, 0])
    held = estimator.record_set(valid[:, 1:], labels=valid[:, 0], channel="validation")
    estimator.fit([records, held], mini_batch_size=100, logs="All")
    final = metrics(estimator)
    assert final["validation:binary_classification_accuracy"] > 0.85, final

    predictor = estimator.deploy(initial_instance_count=1, instance_type="ml.m5.large")
    try:
        answers = predictor.predict(valid[:50, 1:])
        labels = np.array([r.label["predicted_label"].float32_tensor.values[0] for r in answers])
        scores = np.array([r.label["score"].float32_tensor.values[0] for r in answers])
        assert labels.shape == (50,)
        assert (labels == valid[:50, 0]).mean() > 0.85
        assert 0 <= scores.min() < scores.max() <= 1
        spoken = sagemaker.Predictor(
            predictor.endpoint_name, session, serializer=CSVSerializer(), deserializer=JSONDeserializer()
        )
        answer = spoken.predict(valid[:2, 1:])
        assert [p["predicted_label"] for p in answer["predictions"]] == labels[:2].tolist()
        assert abs(answer["predictions"][0]["score"] - scores[0]) < 1e-4
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()
    print("linear-learner", round(final["validation:binary_classification_accuracy"], 3))


def nearest(session, bucket):
    train, valid = table(0).astype("float32"), table(1).astype("float32")
    estimator = of_records(sagemaker.KNN, session, bucket, k=5, sample_size=600, predictor_type="classifier")
    held = estimator.record_set(valid[:, 1:], labels=valid[:, 0], channel="test")
    estimator.fit([estimator.record_set(train[:, 1:], labels=train[:, 0]), held], logs="All")
    predictor = estimator.deploy(initial_instance_count=1, instance_type="ml.m5.large")
    try:
        answers = predictor.predict(valid[:50, 1:])
        labels = np.array([r.label["predicted_label"].float32_tensor.values[0] for r in answers])
        assert (labels == valid[:50, 0]).mean() > 0.8
    finally:
        predictor.delete_model()
        predictor.delete_endpoint()
    print("knn", round(float((labels == valid[:50, 0]).mean()), 3))


def refusals(session, bucket):
    """A hyperparameter nobody knows fails the job, with the reason."""
    image = image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1")
    estimator = Estimator(
        image,
        ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        output_path=f"s3://{bucket}/built-in/output",
        hyperparameters={"num_round": 2, "trees": 3},
    )
    channel = TrainingInput(upload(session, bucket, "train", table(0, 50)), content_type="text/csv")
    try:
        estimator.fit({"train": channel}, logs=False)
    except sagemaker.exceptions.UnexpectedStatusException as error:
        assert "ClientError" in str(error), error
        assert "trees" in str(error), error
    else:
        raise AssertionError("the job should have failed")
    print("refused")


def main():
    began = time.time()
    journeys = (xgboost, linear_learner, nearest, refusals)
    sessions = [sagemaker.Session() for _ in journeys]
    bucket = sessions[0].default_bucket()
    with ThreadPoolExecutor(len(journeys)) as pool:
        ended = [pool.submit(journey, own, bucket) for journey, own in zip(journeys, sessions, strict=True)]
    for each in ended:
        each.result()
    print(f"done in {time.time() - began:.1f} s")


if __name__ == "__main__":
    main()
