"""SDK v2: LDA, a neural topic model on two instances and Object2Vec, by records and by JSON Lines, then their answers."""

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
common = {
    "role": role, "instance_type": "ml.c5.xlarge", "sagemaker_session": session,
    "output_path": f"s3://{bucket}/topics/out",
}  # fmt: skip
typed = {"data_location": f"s3://{bucket}/topics/records", **common}
rng = np.random.default_rng(0)
beta = np.kron(np.eye(3), np.full(10, 0.1))  # three topics of ten words each
theta = rng.dirichlet(np.full(3, 0.2), 600)
counts = np.stack([rng.multinomial(40, h @ beta) for h in theta]).astype("float32")
main = theta.argmax(axis=1)
sure = theta.max(axis=1) > 0.9


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


def apart(topics):
    """Whether documents of each topic, and no others, are given one topic of the answer."""
    groups = [set(topics[sure][main[sure] == k].argmax(axis=1)) for k in range(3)]
    return all(len(g) == 1 for g in groups) and len(set.union(*groups)) == 3


def put(key, text):
    s3.put_object(Bucket=bucket, Key=f"topics/{key}", Body=text)
    return f"s3://{bucket}/topics/{key}"


lda = sagemaker.LDA(num_topics=3, alpha0=0.6, **typed)
lda.fit([lda.record_set(counts), lda.record_set(counts[:100], channel="test")], mini_batch_size=600, wait=False)
ntm = sagemaker.NTM(
    instance_count=2, num_topics=3, epochs=10, optimizer="adam", learning_rate=0.01,
    encoder_layers_activation="relu", **typed,
)  # fmt: skip
records = [ntm.record_set(counts), ntm.record_set(counts[:100], channel="validation")]
ntm.fit(records, mini_batch_size=32, wait=False)


def lines(n, seed):
    rng = np.random.default_rng(seed)
    rows = [{"label": int(a % 2 == b % 2), "in0": [int(a)], "in1": [int(b)]} for a, b in rng.integers(1, 20, (n, 2))]
    return "\n".join(map(json.dumps, rows))


pairs = Estimator(
    sagemaker.image_uris.retrieve("object2vec", "us-east-1"), instance_count=1, base_job_name="pairs",
    hyperparameters={
        "enc0_max_seq_len": 1, "enc0_vocab_size": 21, "enc0_network": "pooled_embedding", "enc_dim": 8,
        "enc0_token_embedding_dim": 8, "mlp_dim": 16, "mlp_activation": "relu", "epochs": 12, "learning_rate": 0.02,
        "early_stopping_tolerance": 0.000001,
    }, **common,
)  # fmt: skip
kinds = {"train": lines(800, 0), "validation": lines(100, 1), "test": lines(100, 2)}
pairs.fit(
    {
        name: TrainingInput(put(f"pairs/{name}/rows.jsonl", text), content_type="application/jsonlines")
        for name, text in kinds.items()
    },
    wait=False,
)

metrics = ended(lda)
assert -np.log(30) < metrics["test:pwll"] < -2, metrics
found = np.array([r.label["topic_mixture"].float32_tensor.values for r in served(lda, "topics-lda").predict(counts)])
assert apart(found)
key = lda.model_data.removeprefix(f"s3://{bucket}/")
with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as archive:
    assert "model_algo-1" in archive.getnames()
print("lda", metrics)

metrics = ended(ntm)
assert "validation:total_loss" in metrics, metrics
found = np.array([r.label["topic_weights"].float32_tensor.values for r in served(ntm, "topics-ntm").predict(counts)])
assert apart(found)
print("ntm", metrics)

metrics = ended(pairs)
assert metrics["test:accuracy"] > 0.9, metrics
served(pairs, "topics-pairs")
body = json.dumps({"instances": [{"in0": [3], "in1": [5]}, {"in0": [3], "in1": [4]}]})
scores = [each["scores"] for each in json.loads(asked("topics-pairs", body, "application/json"))["predictions"]]
assert [int(np.argmax(s)) for s in scores] == [1, 0], scores
answer = asked("topics-pairs", '{"in0": [3]}\n{"in0": [5]}', "application/jsonlines", "application/jsonlines")
assert [len(json.loads(line)["embeddings"]) for line in answer.splitlines()] == [8, 8]
print("object2vec", metrics)
