"""Kill the server with SIGKILL, again and again, while jobs, uploads and endpoints are live, and count what is lost.

Usage: ``python benchmarks/server_kill.py [--kills 20] [--seed 0]``. Each round starts the server on the same home,
checks everything that was acknowledged so far, makes more of it in threads, and kills the server at a random moment.
Printed last: what was acknowledged, what of it was lost (nothing may be), and how the jobs ended.
"""

import argparse
import hashlib
import io
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tarragon.engine import Keys

ROLE = "arn:aws:iam::123456789012:role/service-role/tarragon"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
BUCKET = "kill-test"


class Server:
    """A server in a process of its own, on one home and one port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start, wait until it answers, and return the seconds that took."""
        began = time.monotonic()
        code = f"from tarragon.faces.aws.gateway import serve; serve({str(self.home)!r}, port={self.port})"
        with open(self.home / "out.txt", "ab") as out:
            self.process = subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=out)
        while time.monotonic() - began < 60:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                self.client("sts").get_caller_identity()
                return time.monotonic() - began
            except (OSError, BotoCoreError):
                time.sleep(0.05)
        raise SystemExit(f"the server did not come up: see {self.home / 'out.txt'}")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self, service: str) -> Any:
        """Make a client that is tried once."""
        key = Keys(self.home).root
        return boto3.client(
            service, region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=key.access_key, aws_secret_access_key=key.secret,
            config=Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=30),
        )  # fmt: skip


class Ledger:
    """What the server acknowledged."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}
        self.jobs: list[str] = []
        self.experiments: list[str] = []
        self.running = True

    def keep_busy(self, server: Server, number: int) -> list[threading.Thread]:
        """Upload, train and record in threads until the server is gone."""
        tasks = (self._upload, self._train, self._record)
        threads = [threading.Thread(target=self._until_gone, args=(task, server, number)) for task in tasks]
        for each in threads:
            each.start()
        return threads

    def _until_gone(self, task: Any, server: Server, number: int) -> None:
        n = 0
        while True:
            try:
                task(server, f"r{number}-{n}", random.Random(f"{number}-{n}"))
            except (BotoCoreError, ClientError, OSError):
                return  # gone, and not acknowledged
            n += 1

    def _upload(self, server: Server, name: str, rng: random.Random) -> None:
        s3, body = server.client("s3"), rng.randbytes(rng.choice((10, 1_000, 6_000_000)))
        if len(body) > 5_000_000:
            upload = s3.create_multipart_upload(Bucket=BUCKET, Key=f"o/{name}")["UploadId"]
            parts = []
            for number, half in enumerate((body[: 5 << 20], body[5 << 20 :]), 1):
                put = s3.upload_part(Bucket=BUCKET, Key=f"o/{name}", UploadId=upload, PartNumber=number, Body=half)
                parts.append({"PartNumber": number, "ETag": put["ETag"]})
            s3.complete_multipart_upload(
                Bucket=BUCKET, Key=f"o/{name}", UploadId=upload, MultipartUpload={"Parts": parts}
            )
        else:
            s3.put_object(Bucket=BUCKET, Key=f"o/{name}", Body=body)
        self.objects[f"o/{name}"] = hashlib.sha256(body).hexdigest()

    def _train(self, server: Server, name: str, rng: random.Random) -> None:
        train(server, f"job-{name}", rounds=rng.choice((5, 400)))
        self.jobs.append(f"job-{name}")
        time.sleep(rng.uniform(0.1, 1.0))

    def _record(self, server: Server, name: str, rng: random.Random) -> None:
        server.client("sagemaker").create_experiment(ExperimentName=f"e-{name}")
        self.experiments.append(f"e-{name}")
        time.sleep(0.02)

    def lost(self, server: Server) -> list[str]:
        """Name what was acknowledged and is not there, or not as it was."""
        s3, sagemaker, gone = server.client("s3"), server.client("sagemaker"), []
        for key, digest in self.objects.items():
            try:
                body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
                if hashlib.sha256(body).hexdigest() != digest:
                    gone.append(f"object {key} changed")
            except ClientError:
                gone.append(f"object {key}")
        for kind, names in (("training_job", self.jobs), ("experiment", self.experiments)):
            argument = {"training_job": "TrainingJobName", "experiment": "ExperimentName"}[kind]
            for name in names:
                try:
                    getattr(sagemaker, f"describe_{kind}")(**{argument: name})
                except ClientError:
                    gone.append(f"{kind} {name}")
        return gone


def train(server: Server, name: str, rounds: int) -> None:
    """Create a training job."""
    server.client("sagemaker").create_training_job(
        TrainingJobName=name, RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={"num_round": str(rounds), "objective": "reg:squarederror"},
        InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}}}],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )  # fmt: skip


def prepare(server: Server) -> None:
    """Upload a table, train a model and deploy it."""
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    rows = np.random.default_rng(0).normal(size=(2_000, 6))
    rows[:, 0] = rows[:, 1] * 2 + rows[:, 2]
    text = io.StringIO()
    np.savetxt(text, rows, delimiter=",", fmt="%.5f")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="train/data.csv", Body=text.getvalue().encode())
    train(server, "first", 20)
    wait(lambda: sagemaker.describe_training_job(TrainingJobName="first")["TrainingJobStatus"] != "InProgress")
    found = sagemaker.describe_training_job(TrainingJobName="first")
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    model = {"Image": IMAGE, "ModelDataUrl": found["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=model)
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")


def answers(server: Server) -> str:
    """Invoke the endpoint once it is InService."""
    sagemaker, runtime = server.client("sagemaker"), server.client("sagemaker-runtime")
    wait(lambda: sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] not in ("Creating", "Updating"))
    answer = runtime.invoke_endpoint(EndpointName="e", ContentType="text/csv", Body=b"0.1,0.2,0.3,0.4,0.5")
    return str(answer["Body"].read().decode())


def wait(true: Any, seconds: float = 120) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit("waited in vain")
        time.sleep(0.1)


def main() -> None:
    """Kill and count."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    rng, ledger, lost, starts = random.Random(given.seed), Ledger(), [], []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.start()
        prepare(server)
        expected = answers(server)
        for number in range(given.kills):
            threads = ledger.keep_busy(server, number)
            time.sleep(rng.uniform(0.5, 4.0))
            server.kill()
            for thread in threads:
                thread.join()
            starts.append(server.start())
            lost += ledger.lost(server)
            same = answers(server) == expected
            lost += [] if same else [f"the endpoint's answer after kill {number}"]
            print(
                f"kill {number + 1}: {len(ledger.objects)} objects, {len(ledger.jobs)} jobs, up in {starts[-1]:.1f} s",
                flush=True,
            )
        sagemaker = server.client("sagemaker")
        statuses: dict[str, int] = {}

        def over() -> bool:
            statuses.clear()
            for name in ledger.jobs:
                status = sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"]
                statuses[status] = statuses.get(status, 0) + 1
            return "InProgress" not in statuses

        wait(over, 600)
        server.kill()
    told = (len(ledger.objects), len(ledger.jobs), len(ledger.experiments))
    print("{} kills; acknowledged: {} objects, {} jobs, {} experiments".format(given.kills, *told))
    print(f"jobs ended: {statuses}; longest start {max(starts):.1f} s")
    print(f"lost: {lost or 'nothing'}")
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
