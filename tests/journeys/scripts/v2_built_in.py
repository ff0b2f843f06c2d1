"""SDK v2: the built-in algorithms, from a table in S3 to an endpoint's answers."""

import io

import boto3
import numpy as np
import sagemaker
from sagemaker.amazon.linear_learner import LinearLearner
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
role = sagemaker.get_execution_role()
bucket = session.default_bucket()
rng = np.random.default_rng(7)
X = rng.normal(size=(600, 4)).astype("float32")
y = (3 * X[:, 0] - 2 * X[:, 1] + 0.1 * rng.normal(size=600)).astype("float32")


def upload(rows: np.ndarray, name: str) -> str:
    text = io.StringIO()
    np.savetxt(text, rows, delimiter=",", fmt="%.6f")
    boto3.client("s3").put_object(Bucket=bucket, Key=f"table/{name}/data.csv", Body=text.getvalue())
    return f"s3://{bucket}/table/{name}"


table = np.column_stack([y, X])
train, validation = upload(table[:500], "train"), upload(table[500:], "validation")

# XGBoost, by its image
image = sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
booster = Estimator(
    image, role, instance_count=1, instance_type="ml.m5.large", output_path=f"s3://{bucket}/models",
    sagemaker_session=session, hyperparameters={"objective": "reg:squarederror", "num_round": 60, "max_depth": 4},
)  # fmt: skip
booster.fit(
    {"train": TrainingInput(train, content_type="text/csv"), "validation": TrainingInput(validation, content_type="text/csv")},
    logs=True,
)  # fmt: skip
job = booster.latest_training_job.describe()
final = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
assert final["validation:rmse"] < 1.5, final
assert booster.training_job_analytics.dataframe().shape[0] > 0
predictor = booster.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer())
answers = np.array([float(v) for row in predictor.predict(X[500:]) for v in row])
assert answers.shape == (100,)
assert np.corrcoef(answers, y[500:])[0, 1] > 0.95
predictor.delete_model()
predictor.delete_endpoint()

# The linear learner, by its own class, whose records travel as recordIO
learner = LinearLearner(
    role, 1, "ml.m5.large", predictor_type="regressor", sagemaker_session=session, epochs=10, mini_batch_size=100
)
learner.fit(learner.record_set(X[:500], y[:500]), mini_batch_size=100)
linear = learner.deploy(1, "ml.m5.large")
scores = np.array([each.label["score"].float32_tensor.values[0] for each in linear.predict(X[500:])])
assert np.corrcoef(scores, y[500:])[0, 1] > 0.95
linear.delete_model()
linear.delete_endpoint()
print("done")
