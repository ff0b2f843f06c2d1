"""S3 through boto3 against the disk itself: one large file up and down in parts, and many keys listed.

What boto3 and S3's own rules cost is measured beside: the same upload to, and listing from, a bare server that throws
bodies away and answers canned pages, and the digests S3 asks for of the same bytes on one core.

python benchmarks/s3.py [--size-mb 1024] [--keys 100000] [--endpoint URL]

Without an endpoint a server of its own is started on a fresh home beside the working directory's disk. Credentials of
a given endpoint come from the environment, as ``tarragon env`` prints them.
"""

from __future__ import annotations

import argparse
import hashlib
import http.server
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
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
SETTINGS = Config(retries={"max_attempts": 1}, max_pool_connections=16)
BLOCK = 8 << 20
PAGE = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-mb", type=int, default=1024)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--endpoint", help="a running server instead of one of our own")
    parser.add_argument("--folder", type=Path, default=None, help="where files go; a temporary folder by default")
    a = parser.parse_args()
    digests(a.size_mb)
    with tempfile.TemporaryDirectory(dir=a.folder) as name:
        folder = Path(name)
        with server(folder / "home", a.endpoint) as client:
            client.create_bucket(Bucket="benchmark")
            with bare(a.keys) as limit:
                transfer(client, limit, folder, a.size_mb)
                listing(client, limit, folder, a.keys, local=not a.endpoint)


def digests(size_mb: int) -> None:
    block = os.urandom(1 << 20)
    began = time.process_time()
    for _ in range(size_mb):
        for digest in (hashlib.md5, hashlib.sha256, zlib.crc32):
            digest(block)
    took = time.process_time() - began
    print(f"one core: MD5, SHA-256 and CRC-32 of the file {size_mb / took:7.0f} MB/s ({took:.1f} s)")


def transfer(client: object, limit: object, folder: Path, size_mb: int) -> None:
    block = os.urandom(BLOCK)
    source, back = folder / "source", folder / "back"
    writing = rate(size_mb, lambda: write(source, block, size_mb))
    reading = rate(size_mb, lambda: read(source))
    config = TransferConfig(multipart_chunksize=BLOCK * 2, max_concurrency=8)
    thrown = rate(size_mb, lambda: limit.upload_file(str(source), "benchmark", "large", Config=config))
    up = rate(size_mb, lambda: client.upload_file(str(source), "benchmark", "large", Config=config))
    down = rate(size_mb, lambda: client.download_file("benchmark", "large", str(back), Config=config))
    same = subprocess.run(["cmp", str(source), str(back)], check=False).returncode == 0
    print(f"disk: write and fsync {writing:7.0f} MB/s, read {reading:7.0f} MB/s")
    told = "the same" if same else "DIFFERENT"
    print(f"S3:   up in parts     {up:7.0f} MB/s, down {down:7.0f} MB/s (bar 200), bytes {told}")
    print(f"ratio to the disk     {up / writing:7.2f}       {down / reading:7.2f}")
    print(f"boto3 to a server that throws bytes away {thrown:.0f} MB/s; ratio to it {up / thrown:.2f}")
    back.unlink()


def listing(client: object, limit: object, folder: Path, keys: int, *, local: bool) -> None:
    if local:  # as a job would leave them: files in the store's folder
        for number in range(keys):
            path = folder / "home" / "objects" / "benchmark" / "many" / f"{number // 1000:04}" / f"{number:07}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"1,2\n")
    else:
        for number in range(keys):
            client.put_object(Bucket="benchmark", Key=f"many/{number // 1000:04}/{number:07}.csv", Body=b"1,2\n")
    for what, asked in (("first time", client), ("again", client), ("canned pages", limit)):
        waited, began = Waited(asked), time.perf_counter()
        found = sum(
            len(page.get("Contents", ()))
            for page in asked.get_paginator("list_objects_v2").paginate(Bucket="benchmark", Prefix="many/")
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


class Bare(http.server.BaseHTTPRequestHandler):
    """Throws bodies away; answers pages of ``keys`` keys made beforehand, and uploads by their names alone."""

    protocol_version, keys = "HTTP/1.1", 0

    def do_PUT(self) -> None:
        """Take a body and forget it."""
        left, block = int(self.headers["Content-Length"]), memoryview(bytearray(1 << 20))
        while left:
            left -= self.rfile.readinto(block[: min(left, len(block))])
        self.answer(b"")

    def do_POST(self) -> None:
        """Begin or end an upload."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")

    def do_GET(self) -> None:
        """Answer a page."""
        _, _, token = self.path.partition("continuation-token=")
        self.answer(canned(int(token.partition("&")[0] or 0), self.keys))

    def answer(self, body: bytes) -> None:
        """Send an answer with this body."""
        self.send_response(200)
        self.send_header("ETag", '"e"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@cache
def canned(first: int, keys: int) -> bytes:
    last = min(first + PAGE, keys)
    rows = "".join(
        f"<Contents><Key>many/{n // 1000:04}/{n:07}.csv</Key><LastModified>2026-01-31T12:00:00.000Z</LastModified>"
        f'<ETag>"{n:032}"</ETag><Size>4</Size><StorageClass>STANDARD</StorageClass></Contents>'
        for n in range(first, last)
    )
    more = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < keys else ""
    truncated = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
    return f"<ListBucketResult>{truncated}{rows}{more}</ListBucketResult>".encode()


def answer_barely(told: object, keys: int) -> None:
    Bare.keys = keys
    for first in range(0, keys, PAGE):
        canned(first, keys)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bare) as made:
        told.send(made.server_address[1])
        made.serve_forever()


@contextmanager
def bare(keys: int) -> Iterator[object]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=answer_barely, args=(theirs, keys))
    process.start()
    try:
        yield boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{ours.recv()}", region_name="us-east-1", aws_access_key_id="a",
            aws_secret_access_key="b", config=SETTINGS,
        )  # fmt: skip
    finally:
        process.terminate()
        process.join()


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
    if endpoint:
        yield boto3.client("s3", endpoint_url=endpoint, config=SETTINGS)
        return
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(home)], stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().strip()
        from tarragon.engine import Keys

        key = Keys(home).root
        yield boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=key.access_key,
            aws_secret_access_key=key.secret, config=SETTINGS,
        )  # fmt: skip
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
