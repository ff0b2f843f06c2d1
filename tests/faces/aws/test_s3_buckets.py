import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Objects


@pytest.fixture(scope="module")
def s3(client):
    return client("s3")


def code(act, *arguments, **named):
    with pytest.raises(ClientError) as caught:
        act(*arguments, **named)
    return caught.value.response["Error"]["Code"]


@pytest.mark.journey
def test_a_bucket_comes_and_goes(s3):
    assert s3.create_bucket(Bucket="one")["Location"] == "/one"
    s3.create_bucket(Bucket="one")  # in us-east-1 its owner may say so again
    assert s3.head_bucket(Bucket="one")["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket="one")["LocationConstraint"] is None
    s3.put_object(Bucket="one", Key="a", Body=b"")
    assert code(s3.delete_bucket, Bucket="one") == "BucketNotEmpty"
    s3.delete_object(Bucket="one", Key="a")
    s3.delete_bucket(Bucket="one")
    assert code(s3.head_bucket, Bucket="one") == "404"
    assert code(s3.delete_bucket, Bucket="one") == "NoSuchBucket"


@pytest.mark.journey
def test_regions(client):
    west = client("s3", region="eu-west-1")
    assert code(west.create_bucket, Bucket="west") == "IllegalLocationConstraintException"
    here = {"LocationConstraint": "eu-west-1"}
    west.create_bucket(Bucket="west", CreateBucketConfiguration=here)
    assert code(west.create_bucket, Bucket="west", CreateBucketConfiguration=here) == "BucketAlreadyOwnedByYou"
    assert west.get_bucket_location(Bucket="west")["LocationConstraint"] == "eu-west-1"
    assert client("s3").head_bucket(Bucket="west")["BucketRegion"] == "eu-west-1"
    listed = client("s3").list_buckets(BucketRegion="eu-west-1")["Buckets"]
    assert [each["Name"] for each in listed] == ["west"]


@pytest.mark.journey
@pytest.mark.parametrize("name", ["Upper", "a", "x" * 64, "a..b", "1.2.3.4", "-a-b", "under_score"])
def test_names_that_are_none(s3, name):
    from botocore.exceptions import ParamValidationError

    with pytest.raises((ClientError, ParamValidationError)):
        s3.create_bucket(Bucket=name)


@pytest.mark.journey
def test_listing(s3, server):
    for name in ("list-a", "list-b", "list-c"):
        s3.create_bucket(Bucket=name)
    Objects(server.home / "objects").put("s3://list-native/x", b"1")
    (server.home / "objects" / "not a bucket").mkdir()
    names = [each["Name"] for each in s3.list_buckets(Prefix="list-")["Buckets"]]
    assert names == ["list-a", "list-b", "list-c", "list-native"]
    first = s3.list_buckets(Prefix="list-", MaxBuckets=3)
    rest = s3.list_buckets(Prefix="list-", MaxBuckets=3, ContinuationToken=first["ContinuationToken"])
    assert [each["Name"] for each in first["Buckets"] + rest["Buckets"]] == names
    assert "ContinuationToken" not in rest
    everything = s3.list_buckets()
    assert everything["Owner"]["ID"]
    assert "not a bucket" not in [each["Name"] for each in everything["Buckets"]]
    assert s3.head_bucket(Bucket="list-native")["BucketRegion"] == "us-east-1"
    dates = {each["Name"]: each["CreationDate"] for each in s3.list_buckets()["Buckets"]}
    s3.put_object(Bucket="list-native", Key="y", Body=b"")
    assert {each["Name"]: each["CreationDate"] for each in s3.list_buckets()["Buckets"]} == dates


@pytest.mark.journey
def test_somebody_elses(s3):
    s3.create_bucket(Bucket="mine")
    s3.head_bucket(Bucket="mine", ExpectedBucketOwner="123456789012")
    assert code(s3.head_bucket, Bucket="mine", ExpectedBucketOwner="111122223333") == "403"
    assert code(s3.delete_bucket, Bucket="mine", ExpectedBucketOwner="111122223333") == "AccessDenied"
