"""SDK v2: the user's own scripts in scikit-learn and PyTorch images, trained, deployed and asked."""

import json
import tempfile
from pathlib import Path

import boto3
import numpy as np
import sagemaker
from sagemaker.pytorch import PyTorch
from sagemaker.sklearn import SKLearn

SKLEARN = """
import argparse, json, os
import joblib, numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression

def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--C", type=float, default=1.0)
    parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    args, _ = parser.parse_known_args()
    table = pd.concat(pd.read_csv(os.path.join(args.train, f), header=None) for f in os.listdir(args.train))
    model = LogisticRegression(C=args.C).fit(table.iloc[:, 1:].values, table.iloc[:, 0].values)
    print("train_accuracy=%.4f;" % model.score(table.iloc[:, 1:].values, table.iloc[:, 0].values))
    joblib.dump(model, os.path.join(args.model_dir, "model.joblib"))
"""
PYTORCH = """
import argparse, os, sys
import numpy as np, torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(3, 1)

    def forward(self, x):
        return self.line(x)[:, 0]

def model_fn(model_dir):
    net = Net()
    net.load_state_dict(torch.load(os.path.join(model_dir, "model.pth")))
    return net.eval()

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--fail", default="False")
    args = parser.parse_args()
    if args.fail == "True":
        sys.exit(3)
    data = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAINING"], "data.csv"), delimiter=",", dtype="float32")
    X, y = torch.tensor(data[:, 1:]), torch.tensor(data[:, 0])
    net, loss = Net(), torch.nn.MSELoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    for epoch in range(args.epochs):
        optimizer.zero_grad(); error = loss(net(X), y); error.backward(); optimizer.step()
        print(f"epoch {epoch} loss={error.item():.5f};")
    torch.save(net.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pth"))
    with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt"), "w") as file:
        file.write(os.environ["SM_CURRENT_HOST"])
"""

session = sagemaker.Session()
role, bucket, s3 = sagemaker.get_execution_role(), session.default_bucket(), boto3.client("s3")
rng = np.random.default_rng(1)
X = rng.normal(size=(300, 3))
labels = (X[:, 0] > 0).astype(int)


def upload(target: np.ndarray, name: str) -> str:
    text = "\n".join(",".join(f"{v:.5f}" for v in row) for row in np.column_stack([target, X]))
    s3.put_object(Bucket=bucket, Key=f"{name}/data.csv", Body=text)
    return f"s3://{bucket}/{name}"


with tempfile.TemporaryDirectory() as folder:
    source = Path(folder)
    (source / "train.py").write_text(SKLEARN)
    estimator = SKLearn(
        entry_point="train.py", source_dir=folder, framework_version="1.2-1", instance_type="ml.m5.large", role=role,
        hyperparameters={"C": 10.0}, metric_definitions=[{"Name": "train:accuracy", "Regex": "train_accuracy=([0-9.]+);"}],
        sagemaker_session=session,
    )  # fmt: skip
    estimator.fit({"train": upload(labels, "labels")}, logs=True)
    described = estimator.latest_training_job.describe()
    (metric,) = described["FinalMetricDataList"]
    assert metric["MetricName"] == "train:accuracy"
    assert metric["Value"] > 0.95, metric
    frame = estimator.training_job_analytics.dataframe()
    assert list(frame["metric_name"]) == ["train:accuracy"], frame
    predictor = estimator.deploy(1, "ml.m5.large")
    answers = predictor.predict(X[:20])
    assert (np.asarray(answers) == labels[:20]).mean() > 0.9
    predictor.delete_endpoint()

    (source / "torch_train.py").write_text(PYTORCH)
    line = X @ np.array([1.0, -2.0, 0.5])
    torch_estimator = PyTorch(
        entry_point="torch_train.py", source_dir=folder, framework_version="2.1", py_version="py310", role=role,
        instance_count=1, instance_type="ml.m5.large", hyperparameters={"epochs": 120},
        metric_definitions=[{"Name": "loss", "Regex": r"loss=([0-9.]+);"}], sagemaker_session=session,
    )  # fmt: skip
    torch_estimator.fit({"training": upload(line, "line")}, logs=False)
    (metric,) = torch_estimator.latest_training_job.describe()["FinalMetricDataList"]
    assert metric["Value"] < 0.05, metric
    output = f"{torch_estimator.latest_training_job.name}/output/output.tar.gz"
    assert s3.head_object(Bucket=bucket, Key=output)["ContentLength"] > 0

    failing = PyTorch(
        entry_point="torch_train.py", source_dir=folder, framework_version="2.1", py_version="py310", role=role,
        instance_count=1, instance_type="ml.m5.large", hyperparameters={"epochs": 1, "fail": True}, sagemaker_session=session,
    )  # fmt: skip
    try:
        failing.fit({"training": f"s3://{bucket}/line"}, logs=False)
    except sagemaker.exceptions.UnexpectedStatusException as error:
        assert "ExitCode 3" in str(error), error
        assert "AlgorithmError" in str(error), error
    else:
        raise AssertionError("a script that exits with 3 must fail its job")
print("done", json.dumps({"accuracy": described["FinalMetricDataList"][0]["Value"]}))
