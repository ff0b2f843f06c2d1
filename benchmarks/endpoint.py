"""InvokeEndpoint of a one-row tree model: latency, requests per second, and the server's memory over many requests.

python benchmarks/endpoint.py [--requests 100000] [--connections 16] [--peer /path/to/python-with-mlflow]

The load comes from a process of its own: raw sockets that stay open, requests signed beforehand as boto3 signs them.
Beside it, in the same run: a bare uvicorn application that answers a constant, unsigned (what the HTTP server itself
allows), and, given a Python that has MLflow, the same booster behind ``mlflow models serve``.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import numpy as np
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
FEATURES = 30
SERVE = """
import sys
from pathlib import Path
from tarragon.faces.aws.gateway import serve
serve(Path(sys.argv[1]), port=0, ready=lambda url: sys.stdout.write(url + chr(10)) and sys.stdout.flush())
"""
CONSTANT = """
import sys, uvicorn
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"0.5"})
uvicorn.run(app, port=int(sys.argv[1]), access_log=False, lifespan="off", log_level="error")
"""
MLFLOW = """
import sys, mlflow.xgboost, xgboost
booster = xgboost.Booster(model_file=sys.argv[1])
mlflow.xgboost.save_model(booster, sys.argv[2])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--peer", help="a Python that has MLflow and XGBoost")
    parser.add_argument("--load", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.load:
        load(json.loads(a.load))
        return
    row = ",".join(f"{value:.4f}" for value in np.random.default_rng(0).normal(size=FEATURES)).encode()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = booster(folder)
        with process(["-c", SERVE, str(folder / "home")]) as (pid, line):
            request = deployed(folder / "home", line, model, row)
            port = int(line.rpartition(":")[2])
            measure("warm", port, request, 2_000, 4)
            one = measure("tarragon", port, request, min(a.requests, 5_000), 1)
            before = memory(pid)
            many = measure("tarragon", port, request, a.requests, a.connections)
            after = memory(pid)
            print(f"memory of the server and its workers: {before:.0f} MB before, {after:.0f} MB after {a.requests:,}")
        port = free()
        with process(["-c", CONSTANT, str(port)], wait=port):
            limit = measure("constant", port, plain("/", row, "text/csv"), a.requests // 5, a.connections)
        served = mlflow(a.peer, folder, model, row, a.connections) if a.peer else None
    good = one[0] < 3 and many[2] >= 1_000 and after < before * 1.1 + 5
    print(f"bars: p50 < 3 ms, at least 1,000 requests/s, flat memory: {'met' if good else 'MISSED'}")
    print(f"ratio to a constant answer without signatures: {many[2] / limit[2]:.2f} of its requests/s")
    if served is not None:
        print(f"ratio to mlflow models serve: {many[2] / served[2]:.1f} times its requests/s")


def booster(folder: Path) -> Path:
    import xgboost

    random = np.random.default_rng(0)
    X = random.normal(size=(5_000, FEATURES))
    y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(float)
    settings = {"objective": "binary:logistic", "max_depth": 6, "nthread": 2}
    made = xgboost.train(settings, xgboost.DMatrix(X, y), num_boost_round=100)
    path = folder / "xgboost-model.ubj"
    made.save_model(path)
    return path


def deployed(home: Path, url: str, model: Path, row: bytes) -> bytes:
    """Deploy the booster and sign one request for it."""
    keys = json.loads((home / "keys.json").read_text())
    key = next(iter(keys.values())) if isinstance(keys, dict) and "access_key" not in keys else keys
    from tarragon.engine import Keys

    key = Keys(home).root
    settings = {
        "region_name": "us-east-1", "endpoint_url": url, "aws_access_key_id": key.access_key,
        "aws_secret_access_key": key.secret, "config": Config(retries={"max_attempts": 0}),
    }  # fmt: skip
    s3, sagemaker = boto3.client("s3", **settings), boto3.client("sagemaker", **settings)
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        tar.add(model, "xgboost-model")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="model.tar.gz", Body=held.getvalue())
    container = {"Image": IMAGE, "ModelDataUrl": "s3://models/model.tar.gz"}
    role = "arn:aws:iam::123456789012:role/SageMaker"
    sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "AllTraffic", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    began = time.perf_counter()
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    while (status := sagemaker.describe_endpoint(EndpointName="e"))["EndpointStatus"] == "Creating":
        time.sleep(0.02)
    if status["EndpointStatus"] != "InService":
        raise SystemExit(status.get("FailureReason"))
    print(f"deployed in {time.perf_counter() - began:.2f} s")
    request = AWSRequest("POST", f"{url}/endpoints/e/invocations", {"Content-Type": "text/csv"}, row)
    SigV4Auth(Credentials(key.access_key, key.secret), "sagemaker", "us-east-1").add_auth(request)
    return plain("/endpoints/e/invocations", row, "text/csv", url.partition("//")[2], dict(request.headers))


def plain(path: str, body: bytes, kind: str, host: str = "127.0.0.1", headers: dict[str, str] | None = None) -> bytes:
    found = {"Host": host, "Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in found.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def mlflow(python: str, folder: Path, model: Path, row: bytes, connections: int) -> tuple[float, float, float]:
    subprocess.run([python, "-W", "ignore", "-c", MLFLOW, str(model), str(folder / "mlflow")], check=True)
    port = free()
    values = [float(value) for value in row.split(b",")]
    body = json.dumps({"inputs": [values]}).encode()
    argv = ["-m", "mlflow", "models", "serve", "-m", str(folder / "mlflow"), "-p", str(port), "--env-manager", "local"]
    with process(argv, python=python, wait=port):
        return measure("mlflow", port, plain("/invocations", body, "application/json"), 1_000, connections)


def measure(name: str, port: int, request: bytes, count: int, connections: int) -> tuple[float, float, float]:
    """Ask from a process of its own; return p50 and p99 in milliseconds and the requests per second."""
    given = {"port": port, "request": request.hex(), "count": count, "connections": connections}
    asked = [sys.executable, __file__, "--load", json.dumps(given)]
    said = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    p50, p99, rate = said["p50"], said["p99"], said["rate"]
    if name != "warm":
        print(f"{name:9} {connections:2} connections: p50 {p50:6.2f} ms, p99 {p99:6.2f} ms, {rate:7.0f} requests/s")
    return p50, p99, rate


def load(given: dict[str, object]) -> None:
    times: list[float] = []
    request, count, connections = bytes.fromhex(given["request"]), given["count"], given["connections"]

    async def one(share: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", given["port"])
        for _ in range(share):
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(head.decode() + (await reader.read(2000)).decode())
            lower = head.lower()
            at = lower.index(b"content-length:") + 15
            await reader.readexactly(int(lower[at : lower.index(b"\r", at)]))
            times.append(time.perf_counter() - began)
        writer.close()

    async def all_of_them() -> None:
        await asyncio.gather(*(one(count // connections) for _ in range(connections)))

    import uvloop

    began = time.perf_counter()
    uvloop.run(all_of_them())
    seconds = time.perf_counter() - began
    found = np.percentile(np.array(times) * 1000, [50, 99])
    print(json.dumps({"p50": found[0], "p99": found[1], "rate": len(times) / seconds}))


@contextmanager
def process(argv: list[str], python: str = sys.executable, wait: int = 0) -> Iterator[tuple[int, str]]:
    """Run a server until the block is left; it says its address, or is waited for at a port."""
    pipe = None if wait else subprocess.PIPE
    quiet = subprocess.DEVNULL if wait else None
    running = subprocess.Popen([python, *argv], stdout=pipe or quiet, stderr=quiet, text=True)
    try:
        line = ""
        if wait:
            while socket.socket().connect_ex(("127.0.0.1", wait)):
                time.sleep(0.1)
        else:
            assert running.stdout is not None
            line = running.stdout.readline().strip()
        yield running.pid, line
    finally:
        running.terminate()
        running.wait()


def free() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def memory(pid: int) -> float:
    """Add up the private memory of a process and what it started, in MB."""
    total = 0
    for each in family(pid):
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


def family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        children = (task / "children").read_text().split()
        found += [each for child in children for each in family(int(child))]
    return found


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main()
