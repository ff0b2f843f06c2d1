"""SDK v2: the model hub by its ids alone: URIs, defaults, and JumpStartEstimator from fit to answers."""

import json
import time

import boto3
import numpy as np
import sagemaker
from sagemaker import hyperparameters, image_uris, model_uris, script_uris
from sagemaker.jumpstart.estimator import JumpStartEstimator

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
MODEL = "lightgbm-regression-model"
session = sagemaker.Session()
bucket, s3 = session.default_bucket(), boto3.client("s3")


def table(seed, n=400):
    X = np.random.default_rng(seed).normal(size=(n, 4))
    return np.column_stack([2 * X[:, 0] - X[:, 1], X])


def csv(rows):
    return "\n".join(",".join(f"{v:.6g}" for v in row) for row in rows)


for model_id in ("catboost-classification-model", "pytorch-tabtransformerregression-model"):
    asked = {"model_id": model_id, "model_version": "*"}
    image = image_uris.retrieve(
        region=None, framework=None, image_scope="training", instance_type="ml.m5.xlarge", **asked
    )
    script = script_uris.retrieve(script_scope="training", **asked)
    start = model_uris.retrieve(model_scope="training", **asked)
    defaults = hyperparameters.retrieve_default(**asked)
    assert "/transfer_learning/" in script and model_id in start and "training" in image, (image, script, start)
    assert {"learning_rate"} <= set(defaults), defaults

for channel, seed in (("train", 0), ("validation", 1)):
    s3.put_object(Bucket=bucket, Key=f"hub-ids/{channel}/data.csv", Body=csv(table(seed)))
estimator = JumpStartEstimator(
    model_id=MODEL, role=ROLE, sagemaker_session=session, hyperparameters={"num_boost_round": "60"},
    instance_type="ml.m5.xlarge",
)  # fmt: skip
estimator.fit({"training": f"s3://{bucket}/hub-ids"}, wait=False)
client, name = boto3.client("sagemaker"), estimator.latest_training_job.name
while (job := client.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
    time.sleep(0.5)
assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
assert {each["MetricName"] for each in job["FinalMetricDataList"]} == {"rmse"}
estimator.deploy(endpoint_name="hub-ids", wait=False)
while (state := client.describe_endpoint(EndpointName="hub-ids")["EndpointStatus"]) == "Creating":
    time.sleep(0.3)
assert state == "InService", client.describe_endpoint(EndpointName="hub-ids")
rows = table(2)
reply = boto3.client("sagemaker-runtime").invoke_endpoint(
    EndpointName="hub-ids", ContentType="text/csv", Body=csv(rows[:, 1:])
)

found = json.loads(reply["Body"].read())["prediction"]
assert np.corrcoef(found, rows[:, 0])[0, 1] > 0.95
assert all(not each["Name"].startswith("jumpstart") for each in s3.list_buckets()["Buckets"])
client.delete_endpoint(EndpointName="hub-ids")
print("done")
