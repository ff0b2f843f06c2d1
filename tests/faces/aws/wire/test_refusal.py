import pytest

from tarragon.faces.aws.wire.refusal import incomplete, query_error, refusal


@pytest.mark.parametrize("reason", ["missing", "unknown", "token", "expired", "wrong", "skewed"])
def test_each_protocol_has_its_word(reason):
    codes = {service: refusal(service, reason).code for service in ("s3", "sts", "sagemaker")}
    assert codes["s3"] == refusal("", reason).code
    assert codes["sagemaker"].endswith("Exception")
    assert not codes["sts"].endswith("Exception")


def test_the_request_is_quoted_briefly():
    assert "20260101T000000Z" in str(refusal("sts", "skewed", "20260101T000000Z"))
    assert len(str(refusal("sts", "skewed", "x" * 10_000))) < 200


def test_what_lacks_a_part():
    assert incomplete("s3", "x").code == "AuthorizationHeaderMalformed"
    assert incomplete("iam", "x").code == "IncompleteSignature"
    assert query_error("x").status == 400
