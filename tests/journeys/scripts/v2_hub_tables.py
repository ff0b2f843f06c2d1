"""SDK v2: the model hub's LightGBM, CatBoost, TabTransformer and AutoGluon, as their notebooks train and deploy them.

The notebooks retrieve the URIs of image, script and model from the hub; here they are written out. Nothing here knows
about Tarragon: run it with ``tarragon run -- python v2_hub_tables.py``.
"""

import io
import json
import tarfile
import time

import boto3
import numpy as np
import sagemaker
from sagemaker.estimator import Estimator

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
ACCOUNT = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
IMAGES = {
    "lightgbm": f"{ACCOUNT}/pytorch-{{}}:1.12.0-cpu-py38",
    "catboost": f"{ACCOUNT}/mxnet-{{}}:1.9.0-cpu-py38",
    "pytorch": f"{ACCOUNT}/pytorch-{{}}:1.12.0-cpu-py38",
    "autogluon": f"{ACCOUNT}/autogluon-{{}}:0.4.3-cpu-py38",
}
CASES = (
    # framework, model id, folder of the script, hyperparameters
    (
        "lightgbm",
        "lightgbm-classification-model",
        "lightgbm/transfer_learning/classification/v2.1.2",
        {"num_boost_round": "50", "metric": "auto", "num_leaves": "16"},
    ),
    (
        "catboost",
        "catboost-regression-model",
        "catboost/transfer_learning/regression/v2.1.2",
        {"iterations": "200", "learning_rate": "0.1", "eval_metric": "RMSE"},
    ),
    (
        "pytorch",
        "pytorch-tabtransformerclassification-model",
        "pytorch/transfer_learning/tabtransformerclassification/prepack/v1.0.0",
        {"n_epochs": "20", "input_dim": "16", "n_blocks": "1", "learning_rate": "0.01", "batch_size": "64"},
    ),
    (
        "autogluon",
        "autogluon-regression-ensemble",
        "autogluon/transfer_learning/regression/prepack/v1.0.1",
        {"presets": "medium_quality", "time_limit": "8"},
    ),
)


def table(seed, classes, n=400):
    """Label first, a category of three levels, three numbers."""
    rng = np.random.default_rng(seed)
    level, X = rng.integers(0, 3, n), rng.normal(size=(n, 3))
    value = 2 * X[:, 0] - X[:, 1] + 2 * (level == 2) + rng.normal(0, 0.2, n)
    label = (value > 0.6).astype(int) if classes else value
    return np.column_stack([label, level, X])


def csv(rows):
    return "\n".join(",".join(f"{v:.6g}" for v in row) for row in rows)


def placeholder(names):
    """An archive as the hub has them, without the code in it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return file.getvalue()


def started(session, bucket, case):
    framework, model_id, script, hyperparameters = case
    classes = "classification" in model_id
    place = f"hub/{model_id}"
    for channel, seed in (("train", 0), ("validation", 1)):
        session.upload_string_as_file_body(csv(table(seed, classes)), bucket, f"{place}/rows/{channel}/data.csv")
    session.upload_string_as_file_body('{"cat_index_list": [1]}', bucket, f"{place}/rows/train/categorical_index.json")
    s3 = boto3.client("s3")
    code = f"hub-cache/source-directory-tarballs/{script}/sourcedir.tar.gz"
    start = f"hub-cache/{framework}-training/train-{model_id}.tar.gz"
    for key, names in ((code, ["transfer_learning.py", "inference.py"]), (start, ["model"])):
        s3.put_object(Bucket=bucket, Key=key, Body=placeholder(names))
    estimator = Estimator(
        role=ROLE,
        image_uri=IMAGES[framework].format("training"),
        source_dir=f"s3://{bucket}/{code}",
        model_uri=f"s3://{bucket}/{start}",
        entry_point="transfer_learning.py",
        instance_count=1,
        instance_type="ml.m5.xlarge",
        max_run=360000,
        hyperparameters=hyperparameters,
        output_path=f"s3://{bucket}/{place}/output",
        sagemaker_session=session,
        base_job_name=model_id[:40],
    )
    name = "training" if framework in ("pytorch", "autogluon") else "train"
    whole = (
        {"training": f"s3://{bucket}/{place}/rows"}
        if name == "training"
        else {"train": f"s3://{bucket}/{place}/rows/train", "validation": f"s3://{bucket}/{place}/rows/validation"}
    )
    estimator.fit(whole, wait=False)
    return estimator, code


def ended(client, name):
    while True:
        job = client.describe_training_job(TrainingJobName=name)
        if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            return job
        time.sleep(0.5)


def asked(estimator, bucket, code, case):
    framework, model_id, _, _ = case
    classes = "classification" in model_id
    estimator.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        image_uri=IMAGES[framework].format("inference"),
        source_dir=f"s3://{bucket}/{code}",
        entry_point="inference.py",
        endpoint_name=f"v2-{model_id}"[:60],
        wait=False,
    )
    name = f"v2-{model_id}"[:60]
    client, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
    while (state := client.describe_endpoint(EndpointName=name)["EndpointStatus"]) == "Creating":
        time.sleep(0.3)
    assert state == "InService", client.describe_endpoint(EndpointName=name)
    rows = table(2, classes)
    reply = runtime.invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Accept="application/json;verbose", Body=csv(rows[:, 1:])
    )
    found = json.loads(reply["Body"].read())
    if classes:
        assert found["labels"] == [0, 1]
        good = np.mean(np.array(found["predicted_label"]) == rows[:, 0])
        assert np.allclose(np.sum(found["probabilities"], axis=1), 1)
    else:
        good = np.corrcoef(found["prediction"], rows[:, 0])[0, 1]
    print(model_id, "held out:", round(float(good), 3))
    assert good > 0.85, (model_id, good)
    client.delete_endpoint(EndpointName=name)


session = sagemaker.Session()
bucket = session.default_bucket()
client = boto3.client("sagemaker")
running = [(case, *started(session, bucket, case)) for case in CASES]
for case, estimator, code in running:
    job = ended(client, estimator.latest_training_job.name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    final = {each["MetricName"]: each["Value"] for each in job.get("FinalMetricDataList", ())}
    print(case[1], final)
    expected = {"lightgbm": "binary_logloss", "catboost": "RMSE", "pytorch": "f1_score"}.get(case[0])
    assert expected is None or expected in final, final
    asked(estimator, bucket, code, case)
