"""S3's objects through a real client, and the AWS command line where it is installed."""

import hashlib
import io
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Keys, Objects

AWKWARD = [
    "a", "a/b", "a/", "a//c", "/x", "../y", "a/../b", "z" * 300 + "/q", "p" * 1024, "C:", "~~x", "%2e%2e/x", "A",
    "é/ü", "...", ".", "a b+c", "a?b#c", "\U0001f600", "a&<>'\"", "a\\b", "a\tb",
]  # fmt: skip
CLI = os.environ.get("TARRAGON_TEST_AWS") or shutil.which("aws")


@pytest.fixture(scope="module")
def s3(client):
    made = client("s3")
    made.create_bucket(Bucket="data")
    return made


def code(act, *arguments, **named):
    with pytest.raises(ClientError) as caught:
        act(*arguments, **named)
    return caught.value.response["Error"]["Code"]


def body(s3, key, **more):
    return s3.get_object(Bucket="data", Key=key, **more)["Body"].read()


@pytest.mark.journey
@pytest.mark.parametrize("key", AWKWARD)
def test_any_key(s3, key):
    data = f"content of {key}".encode()
    put = s3.put_object(Bucket="data", Key=key, Body=data)
    assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert body(s3, key) == data
    assert s3.head_object(Bucket="data", Key=key)["ContentLength"] == len(data)
    assert key in [each["Key"] for each in s3.list_objects_v2(Bucket="data", Prefix=key)["Contents"]]
    s3.copy_object(Bucket="data", Key=key[:1000] + ".copy", CopySource={"Bucket": "data", "Key": key})
    assert body(s3, key[:1000] + ".copy") == data


@pytest.mark.journey
def test_every_key_goes_away_again(s3):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="data")
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    answer = s3.delete_objects(Bucket="data", Delete={"Objects": [{"Key": key} for key in [*keys, "never was"]]})
    assert len(answer["Deleted"]) == len(keys) + 1
    assert s3.list_objects_v2(Bucket="data")["KeyCount"] == 0
    quiet = s3.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "x"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert s3.delete_object(Bucket="data", Key="never was")["ResponseMetadata"]["HTTPStatusCode"] == 204


@pytest.mark.journey
def test_what_is_kept_with_an_object(s3):
    s3.put_object(
        Bucket="data", Key="kept", Body=b"x", ContentType="text/csv", ContentEncoding="gzip", CacheControl="no-cache",
        ContentDisposition="attachment", ContentLanguage="de", Metadata={"one": "1", "two": "zwei"},
        StorageClass="STANDARD_IA", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/key", Tagging="a=b&c=d%20e",
    )  # fmt: skip
    head, got = s3.head_object(Bucket="data", Key="kept"), s3.get_object(Bucket="data", Key="kept")
    for answer in (head, got):
        assert answer["ContentType"] == "text/csv"
        assert answer["ContentEncoding"] == "gzip"
        assert answer["CacheControl"] == "no-cache"
        assert answer["ContentDisposition"] == "attachment"
        assert answer["ContentLanguage"] == "de"
        assert answer["Metadata"] == {"one": "1", "two": "zwei"}
        assert answer["StorageClass"] == "STANDARD_IA"
        assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", "alias/key")
        assert answer["AcceptRanges"] == "bytes"
    assert got["TagCount"] == 2
    s3.put_object(Bucket="data", Key="kept", Body=b"y")
    assert s3.head_object(Bucket="data", Key="kept")["Metadata"] == {}
    assert s3.head_object(Bucket="data", Key="kept")["ContentType"] == "binary/octet-stream"
    assert s3.head_object(Bucket="data", Key="kept")["ServerSideEncryption"] == "AES256"


@pytest.mark.journey
def test_overrides(s3):
    s3.put_object(Bucket="data", Key="o", Body=b"x")
    got = s3.get_object(
        Bucket="data", Key="o", ResponseContentType="text/x", ResponseContentDisposition="inline",
        ResponseCacheControl="none",
    )  # fmt: skip
    assert (got["ContentType"], got["ContentDisposition"], got["CacheControl"]) == ("text/x", "inline", "none")


@pytest.mark.journey
def test_ranges(s3):
    data = bytes(range(256)) * 4096
    s3.put_object(Bucket="data", Key="r", Body=data)
    for asked, start, end in (
        ("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=1000000-", 1_000_000, len(data)),
        ("bytes=-3", len(data) - 3, len(data)), ("bytes=0-99999999", 0, len(data)), ("bytes=-99999999", 0, len(data)),
    ):  # fmt: skip
        got = s3.get_object(Bucket="data", Key="r", Range=asked, ChecksumMode="ENABLED")
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["ContentRange"] == f"bytes {start}-{end - 1}/{len(data)}"
        assert got["Body"].read() == data[start:end]
        assert "ChecksumCRC32" not in got
    for asked in ("bytes=5-4", "lines=1-2", "bytes=a-b", "bytes=-", "bytes=0-1,5-6"):
        assert body(s3, "r", Range=asked) == data
    assert code(s3.get_object, Bucket="data", Key="r", Range="bytes=99999999-") == "InvalidRange"
    assert code(s3.get_object, Bucket="data", Key="r", Range="bytes=-0") == "InvalidRange"
    s3.put_object(Bucket="data", Key="empty", Body=b"")
    assert code(s3.get_object, Bucket="data", Key="empty", Range="bytes=0-0") == "InvalidRange"
    assert body(s3, "empty") == b""


@pytest.mark.journey
def test_conditions(s3):
    tag = s3.put_object(Bucket="data", Key="c", Body=b"1")["ETag"]
    changed = s3.head_object(Bucket="data", Key="c")["LastModified"]
    get = {"Bucket": "data", "Key": "c"}
    assert s3.get_object(**get, IfMatch=tag, IfNoneMatch='"other"')["ETag"] == tag
    assert code(s3.get_object, **get, IfMatch='"other"') == "PreconditionFailed"
    assert code(s3.get_object, **get, IfNoneMatch=tag) == "304"
    assert code(s3.head_object, **get, IfNoneMatch=tag) == "304"
    assert code(s3.head_object, **get, IfMatch='"other"') == "412"
    assert code(s3.get_object, **get, IfModifiedSince=changed) == "304"
    assert code(s3.get_object, **get, IfUnmodifiedSince=changed.replace(year=2020)) == "PreconditionFailed"
    assert code(s3.put_object, **get, Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    assert code(s3.put_object, **get, Body=b"2", IfMatch='"other"') == "PreconditionFailed"
    assert code(s3.put_object, Bucket="data", Key="no", Body=b"2", IfMatch=tag) == "NoSuchKey"
    assert body(s3, "c") == b"1"
    s3.put_object(**get, Body=b"2", IfMatch=tag)
    s3.put_object(Bucket="data", Key="new", Body=b"2", IfNoneMatch="*")
    assert code(s3.delete_object, **get, IfMatch=tag) == "PreconditionFailed"
    assert body(s3, "c") == b"2"


@pytest.mark.journey
def test_of_many_who_create_one_does(client):
    def create(n):
        try:
            client("s3").put_object(Bucket="data", Key="race", Body=b"%d" % n, IfNoneMatch="*")
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "won"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(create, range(12)))
    assert sorted(outcomes) == ["PreconditionFailed"] * 11 + ["won"]


@pytest.mark.journey
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3, algorithm):
    name = f"Checksum{algorithm}"
    put = s3.put_object(Bucket="data", Key=algorithm, Body=b"hello" * 9999, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket="data", Key=algorithm, ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello" * 9999  # botocore compares as it reads
    assert put[name] == got[name]
    assert got["ChecksumType"] == "FULL_OBJECT"
    attributes = s3.get_object_attributes(Bucket="data", Key=algorithm, ObjectAttributes=["Checksum", "ObjectSize"])
    assert (attributes["Checksum"][name], attributes["ObjectSize"]) == (put[name], 5 * 9999)
    wrong = {name: b64encode(b"\0" * len(put[name])).decode()[: len(put[name])]}
    assert code(s3.put_object, Bucket="data", Key="bad", Body=b"x", **wrong) in ("BadDigest", "InvalidRequest")
    assert code(s3.head_object, Bucket="data", Key="bad") == "404"


@pytest.mark.journey
def test_md5_of_the_body(s3):
    right = b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket="data", Key="m", Body=b"x", ContentMD5=right)
    assert code(s3.put_object, Bucket="data", Key="m2", Body=b"y", ContentMD5=right) == "BadDigest"
    assert code(s3.put_object, Bucket="data", Key="m2", Body=b"y", ContentMD5="nonsense") == "InvalidDigest"
    assert code(s3.head_object, Bucket="data", Key="m2") == "404"


@pytest.mark.journey
def test_copies(s3):
    s3.put_object(
        Bucket="data", Key="from", Body=b"x" * 300_000, Metadata={"a": "1"}, ContentType="text/csv", Tagging="t=1"
    )
    tag = s3.head_object(Bucket="data", Key="from")["ETag"]
    source = {"Bucket": "data", "Key": "from"}
    made = s3.copy_object(Bucket="data", Key="to", CopySource=source)
    assert made["CopyObjectResult"]["ETag"] == tag
    head = s3.head_object(Bucket="data", Key="to")
    assert (head["Metadata"], head["ContentType"]) == ({"a": "1"}, "text/csv")
    assert s3.get_object_tagging(Bucket="data", Key="to")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(Bucket="data", Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(Bucket="data", Key="to")["Metadata"] == {"b": "2"}
    made = s3.copy_object(Bucket="data", Key="to", CopySource=source, ChecksumAlgorithm="SHA256")
    digest = b64encode(hashlib.sha256(b"x" * 300_000).digest()).decode()
    assert made["CopyObjectResult"]["ChecksumSHA256"] == digest
    assert code(s3.copy_object, Bucket="data", Key="from", CopySource=source) == "InvalidRequest"
    s3.copy_object(Bucket="data", Key="from", CopySource=source, MetadataDirective="REPLACE", Metadata={"c": "3"})
    assert s3.head_object(Bucket="data", Key="from")["Metadata"] == {"c": "3"}
    assert code(s3.copy_object, Bucket="data", Key="t", CopySource={"Bucket": "data", "Key": "no"}) == "NoSuchKey"
    assert code(s3.copy_object, Bucket="data", Key="t", CopySource="nobucket/x") == "NoSuchBucket"
    assert (
        code(s3.copy_object, Bucket="data", Key="t", CopySource=source, CopySourceIfMatch='"x"') == "PreconditionFailed"
    )
    assert (
        code(s3.copy_object, Bucket="data", Key="t", CopySource=source, CopySourceIfNoneMatch=tag)
        == "PreconditionFailed"
    )


@pytest.mark.journey
def test_what_is_not_there(s3):
    assert code(s3.get_object, Bucket="data", Key="no") == "NoSuchKey"
    assert code(s3.head_object, Bucket="data", Key="no") == "404"
    assert code(s3.get_object, Bucket="no-bucket", Key="no") == "NoSuchBucket"
    assert code(s3.put_object, Bucket="no-bucket", Key="no", Body=b"x") == "NoSuchBucket"
    assert code(s3.get_object, Bucket=".meta", Key="index.db") in ("NoSuchBucket", "InvalidBucketName")
    assert code(s3.put_object, Bucket="data", Key="k" * 1025, Body=b"x") == "KeyTooLongError"
    assert code(s3.get_object, Bucket="data", Key="no", ExpectedBucketOwner="111122223333") == "AccessDenied"
    assert code(s3.head_object, Bucket="data", Key="no", ExpectedBucketOwner="111122223333") == "403"
    assert code(s3.put_object, Bucket="data", Key="m", Body=b"", Metadata={"x": "y" * 2100}) == "MetadataTooLarge"


@pytest.mark.journey
def test_native_code_and_hands_see_the_same_bytes(s3, server):
    objects = Objects(server.home / "objects")
    s3.put_object(Bucket="data", Key="shared/a.csv", Body=b"1,2")
    assert objects.get("s3://data/shared/a.csv") == b"1,2"
    assert (server.home / "objects" / "data" / "shared" / "a.csv").read_bytes() == b"1,2"
    objects.put("s3://data/shared/native", b"n")
    (server.home / "objects" / "data" / "shared" / "hand.txt").write_bytes(b"h")
    listed = {each["Key"]: each for each in s3.list_objects_v2(Bucket="data", Prefix="shared/")["Contents"]}
    assert set(listed) == {"shared/a.csv", "shared/native", "shared/hand.txt"}
    assert listed["shared/hand.txt"]["ETag"] == f'"{hashlib.md5(b"h").hexdigest()}"'
    assert body(s3, "shared/native") == b"n"
    (server.home / "objects" / "data" / "shared" / "a.csv").write_bytes(b"changed")
    assert s3.head_object(Bucket="data", Key="shared/a.csv")["ETag"] == f'"{hashlib.md5(b"changed").hexdigest()}"'


@pytest.mark.journey
@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_urls(client, s3, version):
    signer = client("s3", signature_version=version)
    data = os.urandom(100_000)
    put = signer.generate_presigned_url("put_object", {"Bucket": "data", "Key": f"pre {version}"}, 60)
    urllib.request.urlopen(urllib.request.Request(put, data=data, method="PUT", headers={"Content-Type": ""})).close()
    get = signer.generate_presigned_url(
        "get_object", {"Bucket": "data", "Key": f"pre {version}", "ResponseContentType": "x/y"}, 60
    )
    with urllib.request.urlopen(get) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (data, "x/y")
    late = signer.generate_presigned_url("get_object", {"Bucket": "data", "Key": f"pre {version}"}, 1)
    time.sleep(2.1)  # Version 2 counts whole seconds
    forged = get.replace("pre", "pro", 1)
    for url, said in ((late, b"expired"), (forged, b"SignatureDoesNotMatch"), (get.partition("?")[0], b"AccessDenied")):
        with pytest.raises(HTTPError) as caught:
            urllib.request.urlopen(url)
        assert caught.value.code == 403
        assert said in caught.value.read()


@pytest.mark.journey
def test_a_body_cut_short_or_forged_leaves_nothing(server, client, s3):
    """The headers are signed and sent, but not all of the body, or another."""
    url = client("s3", signature_version="s3v4").generate_presigned_url(
        "put_object", {"Bucket": "data", "Key": "cut"}, 60
    )
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + b"only this")
    assert code(s3.head_object, Bucket="data", Key="cut") == "404"
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        expecting = head.replace("1000", "4").replace(
            "\r\n\r\n", "\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(expecting.encode())
        connection.settimeout(0.8)
        assert b"100 Continue" in connection.recv(1000)
        connection.sendall(b"body")
        assert b"200" in connection.recv(1000)
    assert body(s3, "cut") == b"body"
    making = server.home / "objects" / ".making"
    assert list(making.iterdir()) == []


@pytest.mark.journey
def test_large_objects_stream(s3):
    data = os.urandom(12_000_001)
    s3.put_object(Bucket="data", Key="large", Body=io.BytesIO(data))
    assert body(s3, "large") == data
    assert body(s3, "large", Range="bytes=1000000-9000000") == data[1_000_000:9_000_001]


@pytest.mark.journey
def test_signed_chunks_from_other_clients(client, s3):
    signer = client("s3", request_checksum_calculation="when_required", signature_version="s3v4")
    signer.put_object(Bucket="data", Key="plain", Body=b"x" * 1000)
    assert body(s3, "plain") == b"x" * 1000
    assert s3.head_object(Bucket="data", Key="plain", ChecksumMode="ENABLED")["ChecksumCRC64NVME"]


@pytest.mark.journey
@pytest.mark.skipif(not CLI, reason="the AWS command line is not installed; TARRAGON_TEST_AWS names it")
def test_the_command_line(server, s3, tmp_path):
    key = Keys(server.home).root
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_ENDPOINT_URL": server.url, "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key.access_key, "AWS_SECRET_ACCESS_KEY": key.secret, "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip

    def aws(*words):
        done = subprocess.run([CLI, *words], env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "a.csv").write_bytes(b"1,2\n")
    (source / "deep" / "big").write_bytes(os.urandom(9_000_000))
    aws("s3", "mb", "s3://by-cli")
    assert "upload" in aws("s3", "sync", str(source), "s3://by-cli/x/")
    assert aws("s3", "sync", str(source), "s3://by-cli/x/") == ""
    assert "a.csv" in aws("s3", "ls", "s3://by-cli/x/")
    aws("s3", "sync", "s3://by-cli/x/", str(tmp_path / "back"))
    assert (tmp_path / "back" / "deep" / "big").read_bytes() == (source / "deep" / "big").read_bytes()
    (source / "a.csv").unlink()
    assert "delete" in aws("s3", "sync", "--delete", str(source), "s3://by-cli/x/")
    aws("s3", "cp", str(tmp_path / "back" / "a.csv"), "s3://by-cli/one.csv")
    aws("s3", "cp", "s3://by-cli/one.csv", "s3://by-cli/two.csv")
    aws("s3", "mv", "s3://by-cli/two.csv", "s3://by-cli/three.csv")
    assert aws("s3", "cp", "s3://by-cli/three.csv", "-") == "1,2\n"
    with urllib.request.urlopen(aws("s3", "presign", "s3://by-cli/three.csv").strip()) as answer:
        assert answer.read() == b"1,2\n"
    aws("s3", "rm", "--recursive", "s3://by-cli/")
    aws("s3", "rb", "s3://by-cli")
