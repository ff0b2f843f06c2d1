"""STS: callers are assumed roles; temporary keys sign, need their token, and end."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tarragon.engine import Keys

ROLE = "arn:aws:iam::123456789012:role/service-role/Trainer"


@pytest.fixture
def sts(client: Any) -> Any:
    return client("sts")


def with_keys(server: Any, credentials: Any, **change: str) -> Any:
    told = {
        "aws_access_key_id": credentials["AccessKeyId"], "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"], **change,
    }  # fmt: skip
    return boto3.client("sts", region_name="us-east-1", endpoint_url=server.url, **told)


def test_the_caller_is_an_assumed_role(sts: Any) -> None:
    identity = sts.get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::123456789012:assumed-role/TarragonRole/tarragon"
    assert identity["Account"] == "123456789012"
    assert identity["UserId"].startswith("AROA")
    assert identity["UserId"].endswith(":tarragon")


def test_an_assumed_roles_keys_really_sign(server: Any, sts: Any) -> None:
    answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="me@work", DurationSeconds=900)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/Trainer/me@work"
    credentials = answer["Credentials"]
    assert 800 < (credentials["Expiration"] - datetime.now(UTC)).total_seconds() <= 900
    identity = with_keys(server, credentials).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    for change in ({"aws_session_token": "another"}, {"aws_secret_access_key": "x" * 40}):
        with pytest.raises(ClientError) as error:
            with_keys(server, credentials, **change).get_caller_identity()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_nothing_is_issued_without_a_signature(sts: Any) -> None:
    with pytest.raises(ClientError):
        sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="me", WebIdentityToken="token")


def test_a_session_is_its_callers(server: Any, sts: Any) -> None:
    credentials = sts.get_session_token()["Credentials"]
    assert with_keys(server, credentials).get_caller_identity()["Arn"] == sts.get_caller_identity()["Arn"]


def test_keys_that_ended_are_refused_as_such(server: Any) -> None:
    key = Keys(server.home).issue("Trainer/past", -1)
    credentials = {"AccessKeyId": key.access_key, "SecretAccessKey": key.secret, "SessionToken": key.token}
    with pytest.raises(ClientError) as error:
        with_keys(server, credentials).get_caller_identity()
    assert error.value.response["Error"]["Code"] in ("ExpiredToken", "ExpiredTokenException")


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:iam::123456789012:user/somebody", "ValidationError"),
        ("arn:aws:iam::999999999999:role/Theirs", "AccessDenied"),
    ],
)
def test_what_is_no_role_of_ours_is_refused(sts: Any, arn: str, code: str) -> None:
    with pytest.raises(ClientError) as error:
        sts.assume_role(RoleArn=arn, RoleSessionName="me")
    assert error.value.response["Error"]["Code"] == code


def test_whose_a_key_is(sts: Any, server: Any) -> None:
    assert sts.get_access_key_info(AccessKeyId=Keys(server.home).root.access_key)["Account"] == "123456789012"
    with pytest.raises(ClientError):
        sts.get_access_key_info(AccessKeyId="AKIA" + "X" * 16)
