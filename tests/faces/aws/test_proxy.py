"""A client with AWS's own addresses reaches the local server through the proxy, and nobody else does."""

import asyncio
import http.client
import subprocess
import sys
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tarragon.engine import Keys
from tarragon.faces.aws.authority import Authority
from tarragon.faces.aws.gateway import Running
from tarragon.faces.aws.proxy import Proxy

ASK = """
import boto3
sts = boto3.client("sts", region_name="eu-west-1", endpoint_url="https://sts.eu-west-1.amazonaws.com")
print(sts.get_caller_identity()["Account"])
boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="through-the-proxy")
print(boto3.client("s3", region_name="us-east-1").list_buckets()["Buckets"][0]["Name"])
"""


@pytest.fixture(scope="module")
def proxy(server: Running) -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = Proxy(Authority(server.home), server.url)
    yield asyncio.run_coroutine_threadsafe(made.start(), loop).result(10)
    asyncio.run_coroutine_threadsafe(made.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def test_hard_wired_addresses_are_answered_here(server: Running, proxy: str) -> None:
    key = Keys(server.home).root
    environment = {
        "AWS_ACCESS_KEY_ID": key.access_key, "AWS_SECRET_ACCESS_KEY": key.secret, "HTTPS_PROXY": proxy,
        "AWS_CA_BUNDLE": str(Authority(server.home).bundle), "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["123456789012", "through-the-proxy"], done.stderr


@pytest.mark.parametrize("name", ["example.com:443", "amazonaws.com.evil.example:443", "127.0.0.1:22"])
def test_other_names_are_refused(proxy: str, name: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(proxy).netloc, timeout=10)
    connection.request("CONNECT", name)
    assert connection.getresponse().status == 403
    connection.close()
