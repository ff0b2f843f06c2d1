"""The fixtures as a user's own tests have them."""

import boto3

from tarragon.testing import LocalServer


def names() -> list[str]:
    return [each["Name"] for each in boto3.client("s3").list_buckets()["Buckets"]]


def test_unmodified_code_reaches_the_server(tarragon_env: LocalServer) -> None:
    before = names()  # the server is the session's: other tests have buckets there too
    boto3.client("s3").create_bucket(Bucket="of-a-test")
    assert sorted(names()) == sorted([*before, "of-a-test"])
    assert boto3.client("sagemaker").meta.endpoint_url == tarragon_env.url


def test_the_server_is_the_sessions_and_the_environment_the_tests(tarragon_server: LocalServer) -> None:
    assert boto3.client("sts", region_name="us-east-1").meta.endpoint_url != tarragon_server.url
