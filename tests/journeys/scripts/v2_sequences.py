"""SDK v2: forecasts with DeepAR and translations with Seq2Seq, trained, deployed, asked; DeepAR in a batch too.

The records are written with the SDK's own protobuf classes, as the Seq2Seq notebook does it.
"""

import io
import json
import time

import boto3
import numpy as np
import sagemaker
from sagemaker import image_uris
from sagemaker.amazon.common import _write_recordio
from sagemaker.amazon.record_pb2 import Record
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import JSONSerializer
from sagemaker.transformer import Transformer

session = sagemaker.Session()
role, bucket, s3 = sagemaker.get_execution_role(), session.default_bucket(), boto3.client("s3")
client = boto3.client("sagemaker")


def estimator(image, **hyperparameters):
    return Estimator(
        image_uris.retrieve(image, session.boto_region_name), role, instance_count=1, instance_type="ml.c5.xlarge",
        sagemaker_session=session, output_path=f"s3://{bucket}/sequences/models", hyperparameters=hyperparameters,
    )  # fmt: skip


def finished(trained):
    job = client.describe_training_job(TrainingJobName=trained.latest_training_job.name)
    assert job["TrainingJobStatus"] == "Completed", job
    return {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}


def deployed(trained, name):
    """Deploy without the SDK's wait of half a minute."""
    predictor = trained.deploy(
        1, "ml.m5.large", endpoint_name=name, wait=False, serializer=JSONSerializer(),
        deserializer=JSONDeserializer(),
    )  # fmt: skip
    while client.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating":
        time.sleep(0.2)
    assert client.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    return predictor


# DeepAR
rng = np.random.default_rng(0)
t = np.arange(140)
series = [
    {
        "start": "2024-01-01 00:00:00", "cat": [i % 2],
        "target": (20 + 10 * (i % 2) + 8 * np.sin(2 * np.pi * t / 7) + rng.normal(0, 0.5, 140)).round(3).tolist(),
    }
    for i in range(20)
]  # fmt: skip
past = [{**one, "target": one["target"][:-7]} for one in series]
for key, rows in (("train/train.json", past), ("test/test.json", series), ("batch/batch.jsonl", past[:5])):
    s3.put_object(Bucket=bucket, Key=f"sequences/{key}", Body="\n".join(map(json.dumps, rows)))
forecaster = estimator(
    "forecasting-deepar", time_freq="D", prediction_length=7, context_length=14, epochs=12, num_cells=20, num_layers=1,
    mini_batch_size=32, learning_rate=0.02, early_stopping_patience=25,
)  # fmt: skip
forecaster.fit({name: f"s3://{bucket}/sequences/{name}" for name in ("train", "test")}, logs=False)
final = finished(forecaster)
assert {"train:final_loss", "test:RMSE", "test:mean_wQuantileLoss"} <= set(final), final
assert final["test:RMSE"] < 5, final
predictor = deployed(forecaster, "sequences-deepar")
request = {
    "instances": past[:2],
    "configuration": {
        "num_samples": 40, "output_types": ["mean", "quantiles", "samples"], "quantiles": ["0.1", "0.5", "0.9"]
    },
}  # fmt: skip
answers = predictor.predict(request)["predictions"]
for answer, one in zip(answers, series, strict=False):
    actual = np.array(one["target"][-7:])
    assert np.corrcoef(answer["mean"], actual)[0, 1] > 0.8, (answer["mean"], actual)
    assert np.shape(answer["samples"]) == (40, 7)
    low, middle, high = (np.array(answer["quantiles"][level]) for level in ("0.1", "0.5", "0.9"))
    assert (low <= middle).all() and (middle <= high).all()
assert np.mean(answers[1]["mean"]) - np.mean(answers[0]["mean"]) > 5
predictor.delete_model()
predictor.delete_endpoint()

model = forecaster.create_model(
    env={
        "DEEPAR_INFERENCE_CONFIG": json.dumps({"num_samples": 20, "output_types": ["quantiles"], "quantiles": ["0.5"]})
    }
)
model.create(instance_type="ml.m5.large")
transformer = Transformer(
    model.name, 1, "ml.m5.large", strategy="SingleRecord", assemble_with="Line",
    output_path=f"s3://{bucket}/sequences/answers", accept="application/jsonlines", sagemaker_session=session,
)  # fmt: skip
transformer.transform(
    f"s3://{bucket}/sequences/batch", content_type="application/jsonlines", split_type="Line", logs=False
)
body = s3.get_object(Bucket=bucket, Key="sequences/answers/batch.jsonl.out")["Body"].read().decode()
lines = [json.loads(line) for line in body.splitlines()]
assert [list(line) for line in lines] == [["quantiles"]] * 5, lines
assert len(lines[0]["quantiles"]["0.5"]) == 7

# Seq2Seq: say a number's digits backwards
WORDS = {"<pad>": 0, "<unk>": 1, "<s>": 2, "</s>": 3, **{str(digit): 4 + digit for digit in range(5)}}


def records(n):
    file = io.BytesIO()
    for _ in range(n):
        tokens = rng.integers(4, 9, rng.integers(1, 5)).tolist()
        record = Record()
        record.features["source"].int32_tensor.values.extend(tokens)
        record.features["target"].int32_tensor.values.extend(tokens[::-1])
        _write_recordio(file, record.SerializeToString())
    return file.getvalue()


for key, body in (("train/train.rec", records(500)), ("validation/val.rec", records(60)),
                  ("vocab/vocab.src.json", json.dumps(WORDS)), ("vocab/vocab.trg.json", json.dumps(WORDS))):  # fmt: skip
    s3.put_object(Bucket=bucket, Key=f"sequences/translate/{key}", Body=body)
translator = estimator(
    "seq2seq", rnn_num_hidden=32, num_embed_source=16, num_embed_target=16, batch_size=32, max_num_epochs=10,
    learning_rate=0.01, optimized_metric="bleu", bleu_sample_size=20, checkpoint_frequency_num_batches=100,
    max_seq_len_source=10, max_seq_len_target=10,
)  # fmt: skip
channels = {
    name: TrainingInput(f"s3://{bucket}/sequences/translate/{name}", content_type="application/x-recordio-protobuf")
    for name in ("train", "validation", "vocab")
}
translator.fit(channels, logs=False)
final = finished(translator)
assert final["validation:accuracy"] > 0.8, final
assert final["validation:bleu"] > 50, final
predictor = deployed(translator, "sequences-seq2seq")
instances = [{"data": "1 2 3"}, {"data": "4 0", "configuration": {"attention_matrix": "true"}}]
first, second = predictor.predict({"instances": instances})["predictions"]
assert (first["target"], second["target"]) == ("3 2 1", "0 4"), (first, second)
assert np.shape(second["matrix"]) == (2, 2)
record, file = Record(), io.BytesIO()
record.features["source"].int32_tensor.values.extend([5, 6])
_write_recordio(file, record.SerializeToString())
answer = (
    boto3.client("sagemaker-runtime")
    .invoke_endpoint(
        EndpointName="sequences-seq2seq", ContentType="application/x-recordio-protobuf", Body=file.getvalue()
    )["Body"]
    .read()
)
found = Record()
found.ParseFromString(answer[8 : 8 + int.from_bytes(answer[4:8], "little")])
assert list(found.features["target"].int32_tensor.values) == [6, 5]
predictor.delete_model()
predictor.delete_endpoint()

# What cannot be learnt from is said
bad = estimator("forecasting-deepar", time_freq="fortnight", prediction_length=7, context_length=14, epochs=1)
try:
    bad.fit({"train": f"s3://{bucket}/sequences/train"}, logs=False)
    raise AssertionError("a wrong frequency was learnt")
except sagemaker.exceptions.UnexpectedStatusException as error:
    assert "time_freq" in str(error), error
print("done")
