import hashlib
import io
import os
from base64 import b64encode

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MB = 1 << 20


@pytest.fixture(scope="module")
def s3(client):
    made = client("s3")
    made.create_bucket(Bucket="parts")
    return made


def code(act, *arguments, **named):
    with pytest.raises(ClientError) as caught:
        act(*arguments, **named)
    return caught.value.response["Error"]["Code"]


def begun(s3, key="k", **more):
    made = s3.create_multipart_upload(Bucket="parts", Key=key, **more)
    return {"Bucket": "parts", "Key": key, "UploadId": made["UploadId"]}


def sent(s3, upload, *bodies, **more):
    made = []
    for number, body in enumerate(bodies, start=1):
        tag = s3.upload_part(**upload, PartNumber=number, Body=body, **more)
        made.append({"PartNumber": number, **{n: v for n, v in tag.items() if n == "ETag" or n.startswith("Checksum")}})
    return made


def content(s3, key="k"):
    return s3.get_object(Bucket="parts", Key=key)["Body"].read()


@pytest.mark.journey
def test_parts_become_an_object(s3):
    bodies = [os.urandom(5 * MB), os.urandom(5 * MB), b"end"]
    upload = begun(s3, ContentType="text/csv", Metadata={"a": "b"}, Tagging="t=1")
    parts = sent(s3, upload, *bodies)
    listed = s3.list_parts(**upload)
    assert [(each["PartNumber"], each["Size"]) for each in listed["Parts"]] == [(1, 5 * MB), (2, 5 * MB), (3, 3)]
    assert code(s3.head_object, Bucket="parts", Key="k") == "404"
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    md5s = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    head = s3.head_object(Bucket="parts", Key="k")
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (10 * MB + 3, "text/csv", {"a": "b"})
    assert content(s3) == b"".join(bodies)
    second = s3.get_object(Bucket="parts", Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (bodies[1], 3)
    assert code(s3.get_object, Bucket="parts", Key="k", PartNumber=4) == "InvalidPartNumber"
    attributes = s3.get_object_attributes(Bucket="parts", Key="k", ObjectAttributes=["ObjectParts", "ETag"])
    assert attributes["ObjectParts"]["TotalPartsCount"] == 3
    assert code(s3.list_parts, **upload) == "NoSuchUpload"


@pytest.mark.journey
@pytest.mark.parametrize("size", [0, 1, 8 * MB, 20 * MB + 1])
def test_transfers(s3, size):
    data = os.urandom(size)
    config = TransferConfig(multipart_threshold=6 * MB, multipart_chunksize=5 * MB, max_concurrency=8)
    s3.upload_fileobj(io.BytesIO(data), "parts", "transfer", Config=config)
    back = io.BytesIO()
    s3.download_fileobj("parts", "transfer", back, Config=config)
    assert back.getvalue() == data
    s3.copy({"Bucket": "parts", "Key": "transfer"}, "parts", "copied", Config=config)
    assert content(s3, "copied") == data


@pytest.mark.journey
@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("CRC32C", "FULL_OBJECT"), ("CRC64NVME", "FULL_OBJECT"),
     ("SHA256", "COMPOSITE"), ("SHA1", "COMPOSITE")],
)  # fmt: skip
def test_checksums(s3, algorithm, kind):
    name = f"Checksum{algorithm}"
    bodies = [b"a" * 5 * MB, b"b" * 100]
    upload = begun(s3, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts = sent(s3, upload, *bodies, ChecksumAlgorithm=algorithm)
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, ChecksumType=kind)
    assert done["ChecksumType"] == kind
    head = s3.head_object(Bucket="parts", Key="k", ChecksumMode="ENABLED")
    assert head[name] == done[name]
    if kind == "FULL_OBJECT":
        assert (
            s3.put_object(Bucket="parts", Key="w", Body=b"".join(bodies), ChecksumAlgorithm=algorithm)[name]
            == done[name]
        )
    else:
        assert done[name].endswith("-2")
    if algorithm == "SHA256":
        inner = b"".join(hashlib.sha256(body).digest() for body in bodies)
        assert done[name] == b64encode(hashlib.sha256(inner).digest()).decode() + "-2"


@pytest.mark.journey
def test_what_is_refused(s3):
    upload = begun(s3, "refused")
    parts = sent(s3, upload, b"small", b"end")

    def complete(*chosen, **more):
        return code(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": list(chosen)}, **more)

    assert complete(*parts) == "EntityTooSmall"
    assert complete(parts[1], parts[0]) == "InvalidPartOrder"
    assert complete({"PartNumber": 9, "ETag": '"x"'}) == "InvalidPart"
    assert complete({"PartNumber": 1, "ETag": '"x"'}) == "InvalidPart"
    assert complete() == "MalformedXML"
    assert complete(parts[0], MpuObjectSize=7) == "InvalidRequest"
    for number in (0, 10_001):
        assert code(s3.upload_part, **upload, PartNumber=number, Body=b"x") == "InvalidArgument"
    assert code(s3.upload_part, **{**upload, "UploadId": "../../x"}, PartNumber=1, Body=b"x") == "NoSuchUpload"
    assert code(s3.upload_part, **{**upload, "Key": "other"}, PartNumber=1, Body=b"x") == "NoSuchUpload"
    wrong = b64encode(bytes(4)).decode()
    assert code(s3.upload_part, **upload, PartNumber=1, Body=b"x", ChecksumCRC32=wrong) == "BadDigest"
    s3.put_object(Bucket="parts", Key="refused", Body=b"there")
    assert complete(parts[0], IfNoneMatch="*") == "PreconditionFailed"
    assert content(s3, "refused") == b"there"
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts[:1]})
    assert content(s3, "refused") == b"small"


@pytest.mark.journey
def test_parts_copied_from_objects(s3):
    data = os.urandom(11 * MB)
    s3.put_object(Bucket="parts", Key="source", Body=data)
    upload = begun(s3, "by parts")
    source = {"Bucket": "parts", "Key": "source"}
    parts = []
    for number, asked in ((1, f"bytes=0-{6 * MB - 1}"), (2, f"bytes={6 * MB}-{11 * MB - 1}")):
        made = s3.upload_part_copy(**upload, PartNumber=number, CopySource=source, CopySourceRange=asked)
        parts.append({"PartNumber": number, "ETag": made["CopyPartResult"]["ETag"]})
    for bad in ("bytes=0-99999999", "bytes=5-", "x"):
        refused = code(s3.upload_part_copy, **upload, PartNumber=3, CopySource=source, CopySourceRange=bad)
        assert refused == "InvalidArgument"
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert content(s3, "by parts") == data


@pytest.mark.journey
def test_unfinished_uploads_are_listed_and_aborted(s3):
    uploads = [begun(s3, key) for key in ("open/a", "open/a", "open/b", "open/deep/c")]
    paginator = s3.get_paginator("list_multipart_uploads")
    for size in (1, 1000):
        found = [
            each["UploadId"]
            for page in paginator.paginate(Bucket="parts", Prefix="open/", PaginationConfig={"PageSize": size})
            for each in page.get("Uploads", [])
        ]
        assert sorted(found) == sorted(each["UploadId"] for each in uploads)
    rolled = s3.list_multipart_uploads(Bucket="parts", Prefix="open/", Delimiter="/")
    assert [each["Prefix"] for each in rolled["CommonPrefixes"]] == ["open/deep/"]
    sent(s3, uploads[0], b"x")
    for each in uploads:
        s3.abort_multipart_upload(**each)
        assert code(s3.abort_multipart_upload, **each) == "NoSuchUpload"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="parts", Prefix="open/")


@pytest.mark.journey
def test_parts_are_paged(s3):
    upload = begun(s3, "paged")
    sent(s3, upload, b"1", b"2", b"3")
    pages = list(s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 2}))
    assert [[each["PartNumber"] for each in page["Parts"]] for page in pages] == [[1, 2], [3]]
    s3.abort_multipart_upload(**upload)
