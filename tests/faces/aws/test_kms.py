"""KMS: keys and aliases are kept and found; what would need cryptography is refused by name."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def kms(client: Any) -> Any:
    return client("kms")


def test_a_key_is_found_by_id_arn_and_alias(kms: Any, client: Any) -> None:
    made = kms.create_key(Description="mine", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    assert made["Arn"] == f"arn:aws:kms:us-east-1:123456789012:key/{made['KeyId']}"
    kms.create_alias(AliasName="alias/mine", TargetKeyId=made["Arn"])
    alias_arn = "arn:aws:kms:us-east-1:123456789012:alias/mine"
    for name in (made["KeyId"], made["Arn"], "alias/mine", alias_arn):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == made["KeyId"]
    (alias,) = kms.list_aliases(KeyId=made["KeyId"])["Aliases"]
    assert (alias["AliasArn"], alias["TargetKeyId"]) == (alias_arn, made["KeyId"])
    assert made["KeyId"] in [each["KeyId"] for each in kms.list_keys()["Keys"]]
    kms.tag_resource(KeyId=made["KeyId"], Tags=[{"TagKey": "c", "TagValue": "d"}])
    assert len(kms.list_resource_tags(KeyId=made["KeyId"])["Tags"]) == 2
    with pytest.raises(kms.exceptions.AlreadyExistsException):
        kms.create_alias(AliasName="alias/mine", TargetKeyId=made["KeyId"])
    with pytest.raises(ClientError, match="does not exist"):
        client("kms", "eu-west-1").describe_key(KeyId=made["KeyId"])
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName="alias/mine", TargetKeyId=other)
    assert kms.describe_key(KeyId="alias/mine")["KeyMetadata"]["KeyId"] == other
    kms.delete_alias(AliasName="alias/mine")
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/mine")


def test_a_key_lives_through_its_states(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    def state() -> tuple[str, bool]:
        found = kms.describe_key(KeyId=key)["KeyMetadata"]
        return found["KeyState"], found["Enabled"]

    assert state() == ("Enabled", True)
    kms.disable_key(KeyId=key)
    assert state() == ("Disabled", False)
    kms.enable_key(KeyId=key)
    answer = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (answer["KeyState"], answer["PendingWindowInDays"]) == ("PendingDeletion", 7)
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.enable_key(KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    assert state() == ("Disabled", False)
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.cancel_key_deletion(KeyId=key)


def test_amazons_own_keys_are_there(kms: Any) -> None:
    first = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert first["KeyManager"] == "AWS"
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"] == first["KeyId"]
    with pytest.raises(ClientError, match="alias/aws"):
        kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=first["KeyId"])


def test_what_needs_cryptography_is_refused_by_name(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError, match="Encrypt"):
        kms.encrypt(KeyId=key, Plaintext=b"secret")
    with pytest.raises(ClientError, match="RSA_2048"):
        kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")


def test_keys_are_listed_page_by_page(kms: Any) -> None:
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    assert len(pages) > 2
    assert made <= {each["KeyId"] for page in pages for each in page["Keys"]}
