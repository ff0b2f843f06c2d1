"""An object's facts in S3's members, both ways, and the words S3 has for what is not there."""

import binascii
import hashlib
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote

from tarragon.engine import Buckets, Stored, buckets_in
from tarragon.errors import NotFoundError
from tarragon.faces.aws import hub
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Call
from tarragon.faces.aws.wire.checksum import SIZES, member

KEPT = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires", "Metadata",
    "WebsiteRedirectLocation", "ServerSideEncryption", "StorageClass", "SSEKMSKeyId", "BucketKeyEnabled",
    "ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus",
)  # fmt: skip
ENCRYPTION = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")
CONTENT_TYPE = "binary/octet-stream"
METADATA_BYTES = 2048  # S3's limit for a request's own metadata
KEY_BYTES = 1024
LARGEST = 5 << 30  # of one put, part or copy
TAGS = 10
Facts = dict[str, Any]


def buckets_of(call: Call) -> Buckets:
    """Open the store."""
    return buckets_in(call.server.workspace.home / "objects")


def bucket_of(call: Call, name: str | None = None) -> str:
    """Name the call's bucket, or another, if it is there and the caller's. Raises ``NoSuchBucket``."""
    bucket = str(call.params["Bucket"]) if name is None else name
    check_owner(call, call.params.get("ExpectedBucketOwner" if name is None else "ExpectedSourceBucketOwner"))
    if not hub.lay_out(buckets_of(call), bucket) and not buckets_of(call).exists(bucket):
        raise AwsError(
            "NoSuchBucket", "The specified bucket does not exist", status=404, fields={"BucketName": bucket[:100]}
        )
    return bucket


def check_owner(call: Call, expected: str | None) -> None:
    """Refuse a caller who thinks that somebody else owns the bucket."""
    if expected is not None and expected != call.account:
        raise AwsError("AccessDenied", "Access Denied", status=403)


def key_of(call: Call) -> str:
    """Name the call's key. Raises ``KeyTooLongError``."""
    return checked_key(str(call.params["Key"]))


def checked_key(key: str) -> str:
    """Return a key that S3 allows. Raises ``KeyTooLongError``, ``InvalidURI``."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise AwsError("InvalidURI", "Couldn't parse the specified URI.") from None
    if size > KEY_BYTES:
        raise AwsError("KeyTooLongError", "Your key is too long", fields={"MaxSizeAllowed": KEY_BYTES})
    return key


def stored_of(call: Call, bucket: str, key: str) -> Stored:
    """Describe an object. Raises ``NoSuchKey``."""
    check_version(call.params.get("VersionId"))
    try:
        return buckets_of(call).stat(bucket, key)
    except NotFoundError:
        raise no_such_key(key) from None


def no_such_key(key: str) -> AwsError:
    """Make the error of a key with no object."""
    return AwsError("NoSuchKey", "The specified key does not exist.", status=404, fields={"Key": key})


def check_version(version: str | None) -> None:
    """Refuse versions other than the one there is, which S3 calls null."""
    if version not in (None, "null"):
        raise AwsError("NoSuchVersion", "The specified version does not exist.", status=404)


def edited(call: Call, edit: Callable[[Stored], Facts]) -> Stored:
    """Change what is kept of the call's object."""
    bucket, key = bucket_of(call), key_of(call)
    check_version(call.params.get("VersionId"))
    try:
        return buckets_of(call).edit(bucket, key, edit)
    except NotFoundError:
        raise no_such_key(key) from None


def facts_of(params: Mapping[str, Any]) -> Facts:
    """Gather what a request wants kept with an object."""
    if params.get("SSECustomerAlgorithm") or params.get("SSECustomerKey"):
        raise AwsError("NotImplemented", "Encryption with a customer's own keys is not implemented", status=501)
    members = {name: params[name] for name in KEPT if params.get(name) is not None}
    encodings = [each.strip() for each in members.pop("ContentEncoding", "").split(",")]
    if kept := ",".join(each for each in encodings if each and each != "aws-chunked"):
        members["ContentEncoding"] = kept
    metadata = members.get("Metadata", {})
    if sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items()) > METADATA_BYTES:
        raise AwsError(
            "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size",
            fields={"MaxSizeAllowed": METADATA_BYTES},
        )  # fmt: skip
    facts: Facts = {"members": members}
    if params.get("Tagging"):
        facts["tags"] = tags_of(parse_qsl(params["Tagging"], keep_blank_values=True))
    if params.get("ACL"):
        facts["acl"] = {"ACL": params["ACL"]}
    return facts


def tags_of(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Check an object's tags."""
    if len(pairs) > TAGS:
        raise AwsError("BadRequest", f"Object tags cannot be greater than {TAGS}")
    if len(dict(pairs)) < len(pairs):
        raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key")
    if any(not 1 <= len(key) <= 128 or len(value) > 256 for key, value in pairs):
        raise AwsError("InvalidTag", "The TagKey or the TagValue you have provided is invalid")
    return dict(pairs)


def described(stored: Stored, *, checksums: bool) -> Facts:
    """Write an object's facts as the members of GetObject and HeadObject."""
    members = {"ContentType": CONTENT_TYPE, **stored.facts.get("members", {})}
    if members.get("StorageClass") == "STANDARD":
        del members["StorageClass"]
    members |= encryption_of(stored.facts)
    members |= {
        "ETag": quoted(stored.tag), "LastModified": stored.modified, "AcceptRanges": "bytes",
        "ContentLength": stored.size_bytes,
    }  # fmt: skip
    if checksums:
        members |= checksum_of(stored.facts)
    if tags := stored.facts.get("tags"):
        members["TagCount"] = len(tags)
    return members


def encryption_of(facts: Mapping[str, Any]) -> Facts:
    """Echo the encryption that was asked for; S3's own, if none was."""
    members = facts.get("members", {})
    return {"ServerSideEncryption": "AES256", **{name: members[name] for name in ENCRYPTION if name in members}}


def checksum_of(facts: Mapping[str, Any]) -> Facts:
    """Write the kept checksum as members."""
    kept = facts.get("checksum")
    return {member(kept["algorithm"]): kept["value"], "ChecksumType": kept["type"]} if kept else {}


def checksum_in(computed: Mapping[str, str]) -> Facts:
    """Keep the one checksum that was computed over a whole object."""
    return next(({"algorithm": name, "value": value, "type": "FULL_OBJECT"} for name, value in computed.items()), {})


def given_checksum(params: Mapping[str, Any]) -> tuple[str, str] | None:
    """Read the checksum a request names: (algorithm, value)."""
    return next(((name, params[member(name)]) for name in SIZES if params.get(member(name))), None)


def quoted(tag: str) -> str:
    """Write a tag as headers do."""
    return f'"{tag}"'


def check_md5(params: Mapping[str, Any], md5: bytes) -> None:
    """Compare with the request's Content-MD5. Raises ``InvalidDigest``, ``BadDigest``."""
    if (given := params.get("ContentMD5")) is None:
        return
    try:
        digest = b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != len(md5):
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if digest != md5:
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")


def copied_from(source: str) -> tuple[str, str]:
    """Read a copy's source: ``/bucket/key?versionId=…``, percent-encoded."""
    path, _, version = source.partition("?versionId=")
    bucket, slash, key = unquote(path.removeprefix("/")).partition("/")
    if not slash or not bucket or not key:
        raise AwsError("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    check_version(version or None)
    return bucket, key


def owner_of(call: Call) -> dict[str, str]:
    """Name the account as S3 does."""
    return {"ID": hashlib.sha256(call.account.encode()).hexdigest(), "DisplayName": "tarragon"}


def too_large(size: int, limit: int = LARGEST) -> AwsError:
    """Make the error of an object that is larger than S3 takes at once."""
    return AwsError(
        "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size",
        fields={"ProposedSize": size, "MaxSizeAllowed": limit},
    )  # fmt: skip


def token_of(last: str) -> str:
    """Write where a listing goes on, so that nobody reads anything into it."""
    return urlsafe_b64encode(last.encode()).decode()


def read_token(token: str) -> str:
    """Read it back. Raises ``InvalidArgument``."""
    try:
        return b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from None


def http_date(seconds: float) -> str:
    """Write a time as headers do."""
    return formatdate(seconds, usegmt=True)
