import boto3
import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Keys

KEYS = ["a", "a b+c%/x", "a/1", "a/2", "a/b/3", "b", "c/1", "é/ü", "z&<>"]


@pytest.fixture(scope="module")
def s3(client):
    made = client("s3")
    made.create_bucket(Bucket="listed")
    for key in KEYS:
        made.put_object(Bucket="listed", Key=key, Body=key.encode())
    return made


def expected(prefix="", delimiter=""):
    found = []
    for key in sorted((key for key in KEYS if key.startswith(prefix)), key=str.encode):
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        rolled = key if at < 0 else key[: at + 1]
        if rolled not in found:
            found.append(rolled)
    return found


@pytest.mark.journey
@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects", "list_object_versions"])
@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize(("prefix", "delimiter"), [("", ""), ("", "/"), ("a/", "/"), ("a", "/"), ("nothing", "")])
def test_pages(s3, operation, size, prefix, delimiter):
    pages = s3.get_paginator(operation).paginate(
        Bucket="listed", Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": size}
    )
    got = []
    for page in pages:
        contents = page.get("Versions" if operation == "list_object_versions" else "Contents", [])
        both = [each["Key"] for each in contents] + [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        assert len(both) <= size
        got += sorted(both, key=str.encode)
    assert got == expected(prefix, delimiter)


@pytest.mark.journey
def test_from_a_key_on(s3):
    def keys(**more):
        return [each["Key"] for each in s3.list_objects_v2(Bucket="listed", **more).get("Contents", [])]

    for after in ("", "a", "a/1", "a/x", "zz", "é/ü"):
        assert keys(StartAfter=after) == [key for key in expected() if key.encode() > after.encode()]
    marked = s3.list_objects(Bucket="listed", Marker="b", MaxKeys=1)
    assert [each["Key"] for each in marked["Contents"]] == ["c/1"]
    assert marked["IsTruncated"] is True


@pytest.mark.journey
def test_what_is_said_of_a_page(s3):
    page = s3.list_objects_v2(Bucket="listed", MaxKeys=0)
    assert (page["KeyCount"], page["IsTruncated"], page["MaxKeys"]) == (0, False, 0)
    page = s3.list_objects_v2(Bucket="listed", Prefix="a/1", FetchOwner=True)
    only = page["Contents"][0]
    assert (only["Size"], only["StorageClass"], page["Name"], page["KeyCount"]) == (3, "STANDARD", "listed", 1)
    assert only["Owner"]["ID"]
    assert s3.list_objects_v2(Bucket="listed", MaxKeys=5000)["MaxKeys"] == 1000
    version = s3.list_object_versions(Bucket="listed", Prefix="b")["Versions"][0]
    assert (version["VersionId"], version["IsLatest"]) == ("null", True)
    with pytest.raises(ClientError, match="InvalidArgument"):
        s3.list_objects_v2(Bucket="listed", ContinuationToken="\N{SNOWMAN}")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.list_objects_v2(Bucket="not-there")


@pytest.mark.journey
def test_the_resource(server, s3):
    key = Keys(server.home).root
    resource = boto3.resource(
        "s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret,
    )  # fmt: skip
    bucket = resource.Bucket("listed")
    assert [each.key for each in bucket.objects.all()] == expected()
    assert [each.key for each in bucket.objects.filter(Prefix="a/")] == expected("a/")
    assert bucket.creation_date is not None
