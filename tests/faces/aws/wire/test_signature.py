import datetime
import hashlib
import time
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.wire.signature import UNSIGNED, Secret, Signed, verify

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
LASTING = Credentials("AKID", SECRET)
PASSING = Credentials("ASIA", SECRET, "to+ken/1==")
KEYS = {"AKID": Secret(SECRET), "ASIA": Secret(SECRET, "to+ken/1==", time.time() + 3600)}


def signed(signer, method="GET", url="http://127.0.0.1:4747/b/k", data=b"", headers=None, **more):
    request = AWSRequest(method=method, url=url, data=data, headers=headers or {})
    request.context.update(more.pop("context", {}))
    signer.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    given = [(k.lower(), v.decode() if isinstance(v, bytes) else v) for k, v in prepared.headers.items()]
    given = [pair for pair in given if pair[0] != "host"] + [("host", parts.netloc)]
    hashed = more.pop("payload_hash", hashlib.sha256(data).hexdigest())
    return Signed(method, parts.path, parts.query, given, hashed, **more)


def check(request, now=None):
    return verify(request, KEYS.get, time.time() if now is None else now)


def refused(request, now=None):
    with pytest.raises(AwsError) as caught:
        check(request, now)
    return caught.value.code


PATHS = ["/", "/b/k", "/b/a%20b%2Bc/%C3%A9", "/b/a//../b/./c/", "/endpoints/x/invocations", "/model/a%3Ab%2Fc/invoke"]
QUERIES = ["", "?uploads", "?list-type=2&prefix=a%2Fb%20c&delimiter=%2F", "?x=b&x=a&A=1"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("credentials", [LASTING, PASSING])
def test_headers_as_botocore_signs_them(path, query, credentials):
    url = f"http://127.0.0.1:4747{path}{query}"
    for service, signer in (("sagemaker", SigV4Auth), ("s3", S3SigV4Auth)):
        request = signed(signer(credentials, service, "eu-west-1"), "POST", url, b"body", {"x-amz-meta-a": " 1  2 "})
        identity = check(request)
        assert (identity.access_key, identity.region, identity.service) == (
            credentials.access_key, "eu-west-1", service,
        )  # fmt: skip
        assert identity.scope.endswith(f"/eu-west-1/{service}/aws4_request")
        assert identity.payload == hashlib.sha256(b"body").hexdigest()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("credentials", [LASTING, PASSING])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_presigned_urls_of_both_versions(path, query, credentials, method):
    url = f"http://127.0.0.1:4747{path}{query}"
    headers = {"Content-Type": "text/plain", "x-amz-acl": "private"} if method == "PUT" else {}
    for signer in (S3SigV4QueryAuth(credentials, "s3", "us-east-1", 60), HmacV1QueryAuth(credentials, 60)):
        request = signed(signer, method, url, headers=headers, payload_hash=None)
        identity = check(request)
        assert identity.access_key == credentials.access_key
        assert identity.payload == UNSIGNED
        assert refused(request, time.time() + 61) == "AccessDenied"
        bad = Signed("DELETE", request.path, request.query, request.headers)
        assert refused(bad) == "SignatureDoesNotMatch"


def test_presigned_for_other_services():
    check(signed(SigV4QueryAuth(LASTING, "sts", "us-east-1", 60), url="http://h/?Action=GetCallerIdentity"))


def test_a_virtual_host_in_version_2():
    request = AWSRequest("GET", "http://bucket.localhost:4747/k", auth_path="/bucket/k")
    HmacV1QueryAuth(LASTING, 60).add_auth(request)
    parts = urlsplit(request.url)
    check(Signed("GET", parts.path, parts.query, [("host", parts.netloc)], bucket="bucket"))


def test_streaming_and_unsigned_payloads():
    for payload in (UNSIGNED, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        signer = S3SigV4Auth(LASTING, "s3", "us-east-1")
        signer.payload = lambda request, payload=payload: payload
        request = signed(signer, "PUT", data=b"x", headers={"X-Amz-Content-SHA256": payload}, payload_hash=None)
        identity = check(request)
        assert identity.payload == payload
        assert (len(identity.key), len(identity.seed)) == (32, 64)


@pytest.mark.parametrize(
    ("service", "signer", "codes"),
    [
        ("s3", S3SigV4Auth,
         ("InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "AuthorizationHeaderMalformed")),
        ("sts", SigV4Auth,
         ("InvalidClientTokenId", "SignatureDoesNotMatch", "SignatureDoesNotMatch", "IncompleteSignature")),
        ("sagemaker", SigV4Auth,
         ("UnrecognizedClientException", "InvalidSignatureException", "InvalidSignatureException",
          "IncompleteSignatureException")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_the_services_words(service, signer, codes):
    unknown, wrong, skewed, incomplete = codes
    assert refused(signed(signer(Credentials("NOBODY", "x"), service, "us-east-1"))) == unknown
    assert refused(signed(signer(Credentials("AKID", "x"), service, "us-east-1"))) == wrong
    good = signed(signer(LASTING, service, "us-east-1"), service=service)
    for seconds in (-901, 901):
        assert refused(good, time.time() + seconds) == skewed
    for seconds in (-890, 890):
        check(good, time.time() + seconds)
    broken = [(n, v.replace("SignedHeaders", "Signed") if n == "authorization" else v) for n, v in good.headers]
    assert refused(Signed("GET", good.path, good.query, broken, good.payload_hash, service=service)) == incomplete
    for body, path, query, method in (
        (b"other", good.path, "", "GET"), (b"", "/b/other", "", "GET"), (b"", good.path, "acl", "GET"),
        (b"", good.path, "", "DELETE"),
    ):  # fmt: skip
        code = refused(Signed(method, path, query, good.headers, hashlib.sha256(body).hexdigest()))
        assert code in (wrong, "XAmzContentSHA256Mismatch")


def test_nothing_is_missing_authentication():
    for service, code in (
        ("s3", "AccessDenied"), ("sts", "MissingAuthenticationToken"),
        ("sagemaker", "MissingAuthenticationTokenException"),
    ):  # fmt: skip
        assert refused(Signed("GET", "/", "", [("host", "h")], service=service)) == code


def test_temporary_credentials_need_their_token_and_time():
    signer = S3SigV4Auth(Credentials("ASIA", SECRET, "another"), "s3", "us-east-1")
    assert refused(signed(signer)) == "InvalidToken"
    assert refused(signed(S3SigV4Auth(Credentials("ASIA", SECRET), "s3", "us-east-1"))) == "InvalidToken"
    past = {"ASIA": Secret(SECRET, "to+ken/1==", time.time() - 1)}
    with pytest.raises(AwsError, match="expired"):
        verify(signed(S3SigV4Auth(PASSING, "s3", "us-east-1")), past.get, time.time())


def test_headers_added_on_the_way_are_refused():
    good = signed(S3SigV4Auth(LASTING, "s3", "us-east-1"))
    added = Signed("GET", good.path, good.query, [*good.headers, ("x-amz-acl", "public-read")], good.payload_hash)
    assert refused(added) == "AccessDenied"


@pytest.mark.parametrize(
    "authorization",
    ["", "AWS4-HMAC-SHA256", "Bearer x", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=x",
     "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/s3/aws4_request, SignedHeaders=date, Signature=x",
     "AWS4-HMAC-SHA256 Credential=AKID/\N{SNOWMAN}/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=\xff"],
)  # fmt: skip
@pytest.mark.parametrize("date", ["", "20260101T000000Z", "2026", "20269999T000000Z", "\N{SNOWMAN}"])
def test_nonsense_is_refused_in_order(authorization, date):
    headers = [("host", "h"), ("authorization", authorization), ("x-amz-date", date)]
    refused(Signed("GET", "/", "", headers))


def test_dates_in_the_old_header_are_read():
    signer = SigV4Auth(LASTING, "sagemaker", "us-east-1")
    request = signed(signer)
    stamp = next(v for n, v in request.headers if n == "x-amz-date")
    old = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = [(n, v) for n, v in request.headers if n != "x-amz-date"] + [("date", old)]
    assert refused(Signed("GET", request.path, "", headers, request.payload_hash)) == "InvalidSignatureException"


def test_it_is_quick():
    request = signed(SigV4Auth(LASTING, "sagemaker", "us-east-1"), "POST", data=b"1,2,3")
    check(request)
    best = min(_timed(lambda: check(request)) for _ in range(300))
    assert best < 200e-6  # the bar is 100 µs on a quiet machine


def _timed(act):
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
