"""Who sent a request: Signature Version 4 in a header or a presigned URL, and S3's presigned Version 2.

A signature is a keyed hash over the request's canonical text; it is right if we, who know the key, compute the same.
Sources: "Signature Version 4 signing process" and "Authenticating Requests (AWS Signature Version 2)", AWS's guides.
"""

import calendar
import hashlib
import hmac
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from math import inf
from urllib.parse import quote, unquote, unquote_plus

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.wire.refusal import incomplete, query_error, refusal

SKEW_S = 15 * 60.0  # AWS accepts clocks this far apart
LONGEST_S = 7 * 24 * 3600  # a presigned URL lives a week at most
ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
# Query arguments that Version 2 signs.
SUBRESOURCES = frozenset({
    "accelerate", "acl", "cors", "defaultObjectAcl", "location", "logging", "partNumber", "policy", "requestPayment",
    "torrent", "versioning", "versionId", "versions", "website", "uploads", "uploadId", "response-content-type",
    "response-content-language", "response-expires", "response-cache-control", "response-content-disposition",
    "response-content-encoding", "delete", "lifecycle", "tagging", "restore", "storageClass", "notification",
    "replication", "analytics", "metrics", "inventory", "select", "select-type", "object-lock",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it came, before anything is decoded.

    Parameters
    ----------
    method : str
    path : str
        Percent-encoded, as in the request line, without the query.
    query : str
        What follows "?", as it came.
    headers : sequence of (name, value)
        Names in lower case.
    payload_hash : str, optional
        Hexadecimal SHA-256 of the body; None when the body is yet to come, and the header is taken at its word.
    service : str
        The signing name of the service the request is routed to; decides how errors are spelt when the request names
        none.
    bucket : str
        The bucket, where it is in the host's name.
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    payload_hash: str | None = None
    service: str = ""
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class Secret:
    """What belongs to an access key.

    Parameters
    ----------
    key : str
        The secret access key.
    token : str
        The session token that must come with temporary credentials; "" for lasting ones.
    expires : float
        Seconds since 1970.
    """

    key: str
    token: str = ""
    expires: float = inf


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent a request, and what its body's chunks are signed with.

    Parameters
    ----------
    access_key : str
    region, service : str
        As the signature's scope names them; "" for Version 2, which has none.
    payload : str
        What was signed for the body: a hexadecimal SHA-256, ``UNSIGNED-PAYLOAD``, ``STREAMING-…``.
    key : bytes
        The derived signing key.
    seed : str
        The request's own signature: the first link of a chain of chunk signatures.
    scope : str
        ``<date>/<region>/<service>/aws4_request``.
    date : str
        ``20260131T101500Z``.
    """

    access_key: str
    region: str = ""
    service: str = ""
    payload: str = UNSIGNED
    key: bytes = b""
    seed: str = ""
    scope: str = ""
    date: str = ""


Keys = Callable[[str], Secret | None]


def verify(request: Signed, keys: Keys, now: float) -> Identity:
    """Verify a request's signature.

    Some tens of microseconds for a small request; the signing key is derived once per key, day, region and service.

    Parameters
    ----------
    request : Signed
    keys : callable
        Finds an access key's secret; None when there is no such key.
    now : float
        Seconds since 1970.

    Raises
    ------
    AwsError
        As AWS spells it for the service.
    """
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name, []).append(value)
    if "authorization" in headers:
        return _in_header(request, headers, keys, now)
    pairs = _pairs(request.query)
    query = {unquote_plus(name): unquote_plus(value) for name, value in pairs} if pairs else {}
    if "X-Amz-Signature" in query or "X-Amz-Algorithm" in query:
        return _in_query(request, headers, query, keys, now)
    if "AWSAccessKeyId" in query and "Signature" in query:
        return _version_2(request, headers, query, keys, now)
    raise refusal(request.service, "missing")


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a Version 4 signature says of itself."""

    access_key: str
    day: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str
    date: str

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def _in_header(request: Signed, headers: Mapping[str, list[str]], keys: Keys, now: float) -> Identity:
    text = headers["authorization"][0]
    algorithm, _, rest = text.partition(" ")
    if algorithm != ALGORITHM:
        raise incomplete(request.service, f"Unsupported authorization type: {algorithm[:40]!r}.")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    for name in ("Credential", "Signature", "SignedHeaders"):
        if not parts.get(name):
            raise incomplete(request.service, f"Authorization header requires '{name}' parameter.")
    date = headers.get("x-amz-date", [""])[0] or _basic_date(headers.get("date", [""])[0])
    claim = _claim(request, parts["Credential"], parts["SignedHeaders"], parts["Signature"], date)
    if abs(now - _seconds(date, claim.service)) > SKEW_S:
        raise refusal(claim.service, "skewed", date)
    secret = _secret(claim, keys, headers.get("x-amz-security-token", [""])[0], now)
    payload = headers.get("x-amz-content-sha256", [""])[0]
    if request.payload_hash is not None and not payload.startswith(("STREAMING-", UNSIGNED)):
        if payload and payload.lower() != request.payload_hash and claim.service == "s3":
            raise AwsError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        payload = request.payload_hash
    return _compared(request, headers, claim, secret, payload or EMPTY_SHA256, _pairs(request.query))


def _in_query(
    request: Signed, headers: Mapping[str, list[str]], query: Mapping[str, str], keys: Keys, now: float
) -> Identity:
    needed = ("Credential", "Date", "Expires", "SignedHeaders", "Signature")
    if query.get("X-Amz-Algorithm") != ALGORITHM or not all(query.get(f"X-Amz-{name}") for name in needed):
        raise query_error(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
            "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    lifetime = query["X-Amz-Expires"]
    if not lifetime.isascii() or not lifetime.isdigit() or len(lifetime) > 9:
        raise query_error("X-Amz-Expires should be a number")
    if int(lifetime) > LONGEST_S:
        raise query_error("X-Amz-Expires must be less than a week (in seconds) that is 604800")
    date = query["X-Amz-Date"]
    claim = _claim(request, query["X-Amz-Credential"], query["X-Amz-SignedHeaders"], query["X-Amz-Signature"], date)
    began = _seconds(date, claim.service)
    if now > began + int(lifetime):
        raise AwsError("AccessDenied", "Request has expired", status=403)
    if began > now + SKEW_S:
        raise AwsError("AccessDenied", "Request is not valid yet", status=403)
    secret = _secret(claim, keys, query.get("X-Amz-Security-Token", ""), now)
    if claim.service == "s3":
        payload = headers.get("x-amz-content-sha256", [""])[0] or query.get("X-Amz-Content-Sha256", "") or UNSIGNED
    else:
        payload = request.payload_hash or EMPTY_SHA256
    pairs = [pair for pair in _pairs(request.query) if pair[0] != "X-Amz-Signature"]
    return _compared(request, headers, claim, secret, payload, pairs)


def _claim(request: Signed, credential: str, signed: str, signature: str, date: str) -> _Claim:
    scope = credential.rsplit("/", 4)
    if len(scope) != 5 or scope[4] != "aws4_request":
        raise incomplete(request.service, "Credential must have exactly 5 slash-delimited elements, "
                          "ending in aws4_request.")  # fmt: skip
    access_key, day, region, service, _ = scope
    names = tuple(signed.lower().split(";"))
    if "host" not in names:
        raise incomplete(service, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    if not date or date[:8] != day:
        raise incomplete(service, "Date in Credential scope does not match the request's date.")
    return _Claim(access_key, day, region, service, names, signature, date)


def _secret(claim: _Claim, keys: Keys, token: str, now: float) -> Secret:
    secret = keys(claim.access_key)
    if secret is None or not hmac.compare_digest(secret.token.encode(), token.encode(errors="replace")):
        raise refusal(claim.service, "unknown" if secret is None else "token")
    if now >= secret.expires:
        raise refusal(claim.service, "expired")
    return secret


def _compared(
    request: Signed,
    headers: Mapping[str, list[str]],
    claim: _Claim,
    secret: Secret,
    payload: str,
    pairs: list[tuple[str, str]],
) -> Identity:
    s3 = claim.service == "s3"
    if s3:
        _all_signed(headers, claim.signed)
    lines = "".join(f"{name}:{','.join(_squeezed(v) for v in headers.get(name, ['']))}\n" for name in claim.signed)
    tail = f"{lines}\n{';'.join(claim.signed)}\n{payload}"
    key = signing_key(secret.key, claim.day, claim.region, claim.service)
    path = request.path or "/"
    # Clients sign the path and query as they wrote them or as the standard would have written them.
    as_sent = f"{request.method}\n{path if s3 else quote(_walked(path), safe='/~')}\n{_query(pairs)}\n{tail}"
    if not _right(claim, key, as_sent):
        standard = quote(unquote(path), safe="/~") if s3 else quote(quote(unquote(_walked(path)), safe="/~"), safe="/~")
        again = [(quote(unquote(n), safe="~"), quote(unquote(v), safe="~")) for n, v in pairs]
        if not _right(claim, key, f"{request.method}\n{standard}\n{_query(again)}\n{tail}"):
            raise refusal(claim.service, "wrong")
    return Identity(
        claim.access_key, claim.region, claim.service, payload, key, claim.signature, claim.scope, claim.date
    )


def _right(claim: _Claim, key: bytes, canonical: str) -> bool:
    hashed = hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()
    expected = signature_of(key, f"{ALGORITHM}\n{claim.date}\n{claim.scope}\n{hashed}")
    return hmac.compare_digest(expected.encode(), claim.signature.encode(errors="replace"))


def _all_signed(headers: Mapping[str, list[str]], signed: tuple[str, ...]) -> None:
    """S3 refuses x-amz headers that the signature does not cover; the payload's hash is covered anyway."""
    for name in headers:
        if name.startswith("x-amz-") and name not in signed and name != "x-amz-content-sha256":
            raise AwsError(
                "AccessDenied",
                "There were headers present in the request which were not signed",
                status=403,
                fields={"HeadersNotSigned": name},
            )


@lru_cache(maxsize=1024)
def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """Derive the key that signs a day's requests to a service in a region."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature_of(key: bytes, text: str) -> str:
    """Sign a text, hexadecimal."""
    return hmac.digest(key, text.encode(), "sha256").hex()


def _version_2(
    request: Signed, headers: Mapping[str, list[str]], query: Mapping[str, str], keys: Keys, now: float
) -> Identity:
    secret = keys(query["AWSAccessKeyId"])
    expires = query.get("Expires", "")
    if not expires.isascii() or not expires.isdigit() or len(expires) > 12:
        raise AwsError("AccessDenied", f"Invalid date (should be seconds since epoch): {expires[:40]}", status=403)
    if secret is None:
        raise refusal("s3", "unknown")
    if now > int(expires):
        raise AwsError("AccessDenied", "Request has expired", status=403, fields={"Expires": expires})
    token = query.get("x-amz-security-token", "") or headers.get("x-amz-security-token", [""])[0]
    if not hmac.compare_digest(secret.token.encode(), token.encode(errors="replace")):
        raise refusal("s3", "token")
    if now >= secret.expires:
        raise refusal("s3", "expired")
    # The x-amz headers a URL was signed with ride along in its query.
    custom = {name: value for name, value in query.items() if name.startswith("x-amz-")}
    custom |= {n: ",".join(v.strip() for v in values) for n, values in headers.items() if n.startswith("x-amz-")}
    standard = [headers.get(name, [query.get(name, "")])[0].strip() for name in ("content-md5", "content-type")]
    signed = sorted(p for p in (p.partition("=") for p in request.query.split("&")) if p[0] in SUBRESOURCES)
    path = (f"/{request.bucket}" if request.bucket else "") + request.path
    resource = path + ("?" if signed else "") + "&".join(n + equals + unquote(v) for n, equals, v in signed)
    lines = [request.method, *standard, expires, *(f"{name}:{custom[name]}" for name in sorted(custom)), resource]
    text = "\n".join(lines).encode(errors="surrogatepass")
    expected = b64encode(hmac.digest(secret.key.encode(), text, "sha1"))
    if not hmac.compare_digest(expected, query["Signature"].encode(errors="replace")):
        raise refusal("s3", "wrong")
    return Identity(query["AWSAccessKeyId"], service="s3")


def _pairs(query: str) -> list[tuple[str, str]]:
    if not query:
        return []
    return [(name, value) for name, _, value in (part.partition("=") for part in query.split("&")) if name or value]


def _query(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _squeezed(value: str) -> str:
    return " ".join(value.split())


def _walked(path: str) -> str:
    """Take "." and ".." and empty parts out of a path; S3 alone does not."""
    if "//" not in path and "/." not in path:
        return path
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part and part != ".":
            kept.append(part)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def _seconds(date: str, service: str) -> float:
    try:
        return _parsed(date)
    except ValueError:
        raise incomplete(service, f"Date must be in ISO-8601 'basic format'. Got {date[:40]!r}.") from None


@lru_cache(maxsize=256)
def _parsed(date: str) -> float:
    # strptime costs as much as the whole rest; requests of the same second share the answer
    return calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))


def _basic_date(date: str) -> str:
    try:
        return parsedate_to_datetime(date).strftime("%Y%m%dT%H%M%SZ") if date else ""
    except (TypeError, ValueError):
        return ""
