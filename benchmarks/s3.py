"""S3 through boto3 against the disk itself: one large file up and down in parts, and many keys listed.

python benchmarks/s3.py [--size-mb 1024] [--keys 100000] [--endpoint URL]

Without an endpoint a server of its own is started on a fresh home beside the working directory's disk. Credentials of
a given endpoint come from the environment, as ``tarragon env`` prints them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

SERVE = """
import sys
from pathlib import Path
from tarragon.faces.aws.gateway import serve
serve(Path(sys.argv[1]), port=0, ready=lambda url: sys.stdout.write(url + chr(10)) and sys.stdout.flush())
"""
BLOCK = 8 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mb", type=int, default=1024)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--endpoint", help="a running server instead of one of our own")
    parser.add_argument("--folder", type=Path, default=None, help="where files go; a temporary folder by default")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=a.folder) as name:
        folder = Path(name)
        with server(folder / "home", a.endpoint) as client:
            client.create_bucket(Bucket="benchmark")
            transfer(client, folder, a.size_mb)
            listing(client, folder, a.keys, local=not a.endpoint)


def transfer(client: object, folder: Path, size_mb: int) -> None:
    block = os.urandom(BLOCK)
    source, back = folder / "source", folder / "back"
    writing = rate(size_mb, lambda: write(source, block, size_mb))
    reading = rate(size_mb, lambda: read(source))
    config = TransferConfig(multipart_chunksize=BLOCK * 2, max_concurrency=8)
    up = rate(size_mb, lambda: client.upload_file(str(source), "benchmark", "large", Config=config))
    down = rate(size_mb, lambda: client.download_file("benchmark", "large", str(back), Config=config))
    same = subprocess.run(["cmp", str(source), str(back)], check=False).returncode == 0
    print(f"disk: write and fsync {writing:7.0f} MB/s, read {reading:7.0f} MB/s")
    told = "the same" if same else "DIFFERENT"
    print(f"S3:   up in parts     {up:7.0f} MB/s, down {down:7.0f} MB/s (bar 200), bytes {told}")
    print(f"ratio to the disk     {up / writing:7.2f}       {down / reading:7.2f}")
    back.unlink()


def listing(client: object, folder: Path, keys: int, *, local: bool) -> None:
    if local:  # as a job would leave them: files in the store's folder
        for number in range(keys):
            path = folder / "home" / "objects" / "benchmark" / "many" / f"{number // 1000:04}" / f"{number:07}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"1,2\n")
    else:
        for number in range(keys):
            client.put_object(Bucket="benchmark", Key=f"many/{number // 1000:04}/{number:07}.csv", Body=b"1,2\n")
    waited = Waited(client)
    for what in ("first time", "again"):
        began, waited.seconds = time.perf_counter(), 0.0
        found = sum(
            len(page.get("Contents", ()))
            for page in client.get_paginator("list_objects_v2").paginate(Bucket="benchmark", Prefix="many/")
        )
        took = time.perf_counter() - began
        print(
            f"listed {found:,} keys in {took:5.1f} s, {what} (bar 10): {waited.seconds:.1f} s for the server, "
            f"{took - waited.seconds:.1f} s for botocore to read its answers"
        )


class Waited:
    """Seconds between a listing's request and its answer, before botocore makes values of it."""

    def __init__(self, client: object) -> None:
        self.seconds, self._began = 0.0, 0.0
        client.meta.events.register("request-created.s3.ListObjectsV2", self._asked)
        client.meta.events.register("before-parse.s3.ListObjectsV2", self._answered)

    def _asked(self, **_: object) -> None:
        self._began = time.perf_counter()

    def _answered(self, **_: object) -> None:
        self.seconds += time.perf_counter() - self._began


def write(path: Path, block: bytes, size_mb: int) -> None:
    with open(path, "wb") as file:
        for _ in range(size_mb * (1 << 20) // BLOCK):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> None:
    with open(path, "rb", buffering=0) as file:
        while file.read(BLOCK):
            pass


def rate(size_mb: int, act: object) -> float:
    began = time.perf_counter()
    act()
    return size_mb / (time.perf_counter() - began)


@contextmanager
def server(home: Path, endpoint: str | None) -> Iterator[object]:
    settings = Config(retries={"max_attempts": 1}, max_pool_connections=16)
    if endpoint:
        yield boto3.client("s3", endpoint_url=endpoint, config=settings)
        return
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(home)], stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().strip()
        from tarragon.engine import Keys

        key = Keys(home).root
        yield boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=key.access_key,
            aws_secret_access_key=key.secret, config=settings,
        )  # fmt: skip
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
