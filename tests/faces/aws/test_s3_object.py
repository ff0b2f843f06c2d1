import pytest

from tarragon.engine import Stored
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.s3_object import check_md5, copied_from, described, facts_of, given_checksum, tags_of


def test_what_is_kept_of_a_request():
    facts = facts_of({"ContentEncoding": "gzip, aws-chunked", "Metadata": {"a": "b"}, "Tagging": "x=1&y=", "Body": b""})
    assert facts == {"members": {"ContentEncoding": "gzip", "Metadata": {"a": "b"}}, "tags": {"x": "1", "y": ""}}
    assert facts_of({"ContentEncoding": "aws-chunked"}) == {"members": {}}
    with pytest.raises(AwsError, match="own keys"):
        facts_of({"SSECustomerAlgorithm": "AES256"})


def test_how_it_is_told():
    stored = Stored("k", 3, 10.5, "abc", {"tag": "abc", "checksum": {"algorithm": "SHA1", "value": "v", "type": "t"}})
    told = described(stored, checksums=True)
    assert (told["ETag"], told["ContentLength"], told["ContentType"]) == ('"abc"', 3, "binary/octet-stream")
    assert (told["ChecksumSHA1"], told["ServerSideEncryption"]) == ("v", "AES256")
    assert "ChecksumSHA1" not in described(stored, checksums=False)


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("/b/k", ("b", "k")),
        ("b/a%20b%2Bc", ("b", "a b+c")),
        ("b/k?versionId=null", ("b", "k")),
        ("b/a/%2F", ("b", "a//")),
    ],
)
def test_sources_of_copies(source, read):
    assert copied_from(source) == read


@pytest.mark.parametrize("source", ["", "/", "b", "b/", "/b", "b/k?versionId=7"])
def test_sources_that_are_none(source):
    with pytest.raises(AwsError):
        copied_from(source)


def test_small_checks():
    check_md5({}, b"")
    assert given_checksum({"ChecksumSHA1": "x"}) == ("SHA1", "x")
    assert given_checksum({}) is None
    with pytest.raises(AwsError):
        tags_of([("", "x")])
