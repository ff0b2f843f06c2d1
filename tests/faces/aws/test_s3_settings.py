import json

import pytest
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def s3(client):
    made = client("s3")
    made.create_bucket(Bucket="settings")
    made.put_object(Bucket="settings", Key="k", Body=b"x")
    return made


def code(act, *arguments, **named):
    with pytest.raises(ClientError) as caught:
        act(*arguments, **named)
    return caught.value.response["Error"]["Code"]


B = {"Bucket": "settings"}
KEPT = {
    "bucket_cors": ("CORSConfiguration", {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
                    "NoSuchCORSConfiguration", "delete_bucket_cors"),
    "bucket_lifecycle_configuration": (
        "LifecycleConfiguration",
        {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}]},
        "NoSuchLifecycleConfiguration", "delete_bucket_lifecycle"),
    "bucket_tagging": ("Tagging", {"TagSet": [{"Key": "a", "Value": "b"}]}, "NoSuchTagSet", "delete_bucket_tagging"),
    "bucket_versioning": ("VersioningConfiguration", {"Status": "Enabled"}, None, None),
    "public_access_block": (
        "PublicAccessBlockConfiguration", {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
                                           "RestrictPublicBuckets": True},
        "NoSuchPublicAccessBlockConfiguration", "delete_public_access_block"),
    "bucket_ownership_controls": ("OwnershipControls", {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}, None,
                                  "delete_bucket_ownership_controls"),
    "bucket_encryption": (
        "ServerSideEncryptionConfiguration",
        {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}]}, None,
        "delete_bucket_encryption"),
    "bucket_notification_configuration": ("NotificationConfiguration", {"EventBridgeConfiguration": {}}, None, None),
}  # fmt: skip


def told(s3, name):
    answer = getattr(s3, f"get_{name}")(**B)
    answer.pop("ResponseMetadata")
    return answer


@pytest.mark.journey
@pytest.mark.parametrize("name", KEPT)
def test_settings_are_kept_and_told(s3, name):
    member, value, missing, remove = KEPT[name]
    before = code(getattr(s3, f"get_{name}"), **B) if missing else told(s3, name)
    getattr(s3, f"put_{name}")(**B, **{member: value})
    answer = told(s3, name)
    assert (answer.get(member, answer)) == value
    if remove:
        getattr(s3, remove)(**B)
        assert (code(getattr(s3, f"get_{name}"), **B) if missing else told(s3, name)) == before
        assert before == (missing or before)
    assert code(getattr(s3, f"get_{name}"), Bucket="not-there") == "NoSuchBucket"


@pytest.mark.journey
def test_what_new_buckets_say(s3):
    s3.create_bucket(Bucket="fresh")
    rule = s3.get_bucket_encryption(Bucket="fresh")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert "Status" not in s3.get_bucket_versioning(Bucket="fresh")
    rules = s3.get_bucket_ownership_controls(Bucket="fresh")["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_request_payment(Bucket="fresh")["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="fresh")
    assert code(s3.get_bucket_website, Bucket="fresh") == "NoSuchWebsiteConfiguration"
    assert code(s3.get_bucket_replication, Bucket="fresh") == "ReplicationConfigurationNotFoundError"
    assert code(s3.get_object_lock_configuration, Bucket="fresh") == "ObjectLockConfigurationNotFoundError"


@pytest.mark.journey
def test_policies(s3):
    assert code(s3.get_bucket_policy, **B) == "NoSuchBucketPolicy"
    assert code(s3.get_bucket_policy_status, **B) == "NoSuchBucketPolicy"
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    s3.put_bucket_policy(**B, Policy=policy)
    assert s3.get_bucket_policy(**B)["Policy"] == policy
    assert s3.get_bucket_policy_status(**B)["PolicyStatus"]["IsPublic"] is False
    s3.delete_bucket_policy(**B)
    assert code(s3.get_bucket_policy, **B) == "NoSuchBucketPolicy"


@pytest.mark.journey
def test_tags_of_objects(s3):
    k = {**B, "Key": "k"}
    assert s3.get_object_tagging(**k)["TagSet"] == []
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.put_object_tagging(**k, Tagging={"TagSet": tags})
    assert s3.get_object_tagging(**k)["TagSet"] == tags
    assert s3.get_object(**k)["TagCount"] == 2
    s3.delete_object_tagging(**k)
    assert s3.get_object_tagging(**k)["TagSet"] == []
    many = [{"Key": str(n), "Value": ""} for n in range(11)]
    assert code(s3.put_object_tagging, **k, Tagging={"TagSet": many}) == "BadRequest"
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert code(s3.put_object_tagging, **k, Tagging={"TagSet": twice}) == "InvalidTag"
    assert code(s3.get_object_tagging, **B, Key="no") == "NoSuchKey"
    assert code(s3.put_object_tagging, **B, Key="no", Tagging={"TagSet": []}) == "NoSuchKey"


@pytest.mark.journey
def test_access_lists(s3):
    k = {**B, "Key": "k"}
    for get, put in ((lambda: s3.get_bucket_acl(**B), lambda **a: s3.put_bucket_acl(**B, **a)),
                     (lambda: s3.get_object_acl(**k), lambda **a: s3.put_object_acl(**k, **a))):  # fmt: skip
        assert [each["Permission"] for each in get()["Grants"]] == ["FULL_CONTROL"]
        put(ACL="public-read")
        assert [each["Permission"] for each in get()["Grants"]] == ["FULL_CONTROL", "READ"]
        told = get()
        put(AccessControlPolicy={"Owner": told["Owner"], "Grants": told["Grants"][:1]})
        assert get()["Grants"] == told["Grants"][:1]
