"""S3's objects: put, get, head, copy, delete."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any, BinaryIO

from tarragon.engine import Draft, PartDraft, Stored, blocks
from tarragon.errors import NotFoundError, ParameterError
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Call, Operations, Streamed
from tarragon.faces.aws.s3_condition import check_copy, check_read, check_removal, check_write, run_of
from tarragon.faces.aws.s3_object import (
    LARGEST,
    bucket_of,
    buckets_of,
    check_md5,
    check_version,
    checked_key,
    checksum_in,
    checksum_of,
    copied_from,
    described,
    encryption_of,
    facts_of,
    key_of,
    no_such_key,
    quoted,
    stored_of,
    too_large,
)
from tarragon.faces.aws.wire.checksum import DEFAULT, begun, text
from tarragon.faces.aws.wire.chunked import Body

operations = Operations("s3")
AT_ONCE = 256 << 10  # bytes that are read or written faster than a thread is asked to
BATCH = 1000  # keys of one DeleteObjects
OVERRIDES = {f"Response{name}": name for name in (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires",
)}  # fmt: skip
STATUS = "__status__"


@operations.answer
async def put_object(call: Call) -> Answer:
    """Store an object: aside while it comes, then in its place at once."""
    bucket, key = bucket_of(call), key_of(call)
    facts = facts_of(call.params)
    draft = buckets_of(call).draft()
    try:
        computed = await received(call, draft)
        stored = await asyncio.to_thread(_put, call, (bucket, key), draft, facts | {"checksum": checksum_in(computed)})
    finally:
        draft.discard()
    return {"ETag": quoted(stored.tag), **checksum_of(stored.facts), **encryption_of(stored.facts)}


async def received(call: Call, draft: Draft | PartDraft) -> Mapping[str, str]:
    """Write a call's body to a draft; return the checksums that were computed and compared."""
    body = call.body
    assert isinstance(body, Body)
    if (body.expected_bytes or 0) > LARGEST:
        raise too_large(body.expected_bytes or 0)

    def write(block: bytes) -> None:
        if draft.size_bytes + len(block) > LARGEST:
            raise too_large(draft.size_bytes + len(block))
        draft.write(block)

    await body.drain(write)
    check_md5(call.params, draft.md5)
    return body.checksums


def _put(call: Call, where: tuple[str, str], draft: Draft, facts: dict[str, Any]) -> Stored:
    kept = {"tag": draft.md5.hex(), **facts}
    conditional = {"IfMatch", "IfNoneMatch"} & call.params.keys()
    check = partial(check_write, call.params, where[1]) if conditional else None
    try:
        return buckets_of(call).keep(draft, where, kept, check)
    except NotFoundError:
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", status=404) from None
    except ParameterError:
        raise AwsError("KeyTooLongError", "Your key is too long for this disk") from None


@operations.answer
def get_object(call: Call) -> Answer:
    """Read an object, or some of it."""
    file, answer = _opened(call)
    start, size = answer.pop("start"), answer["ContentLength"]
    if size <= AT_ONCE:
        with file:
            return {"Body": b"".join(blocks(file, start, size)), **answer}
    return {"Body": Streamed(_sent(file, start, size), size), **answer}


@operations.answer
def head_object(call: Call) -> Answer:
    """Describe an object."""
    file, answer = _opened(call)
    file.close()
    del answer["start"]
    return answer


def _opened(call: Call) -> tuple[BinaryIO, dict[str, Any]]:
    bucket, key = bucket_of(call), key_of(call)
    check_version(call.params.get("VersionId"))
    try:
        file, stored = buckets_of(call).open(bucket, key)
    except NotFoundError:
        raise no_such_key(key) from None
    try:
        check_read(call.params, stored)
        run = run_of(call.params, stored)
    except AwsError:
        file.close()
        raise
    answer = described(stored, checksums=call.params.get("ChecksumMode") == "ENABLED" and run is None)
    answer |= {name: call.params[asked] for asked, name in OVERRIDES.items() if call.params.get(asked) is not None}
    answer["start"] = 0
    if run is not None:
        answer |= {"ContentLength": run.size, STATUS: 206, "start": run.start}
        if run.size:
            answer["ContentRange"] = run.text
        if call.params.get("PartNumber") is not None and stored.facts.get("parts"):
            answer["PartsCount"] = len(stored.facts["parts"])
    return file, answer


async def _sent(file: BinaryIO, start: int, size: int) -> AsyncIterator[bytes]:
    with file:
        pieces = blocks(file, start, size)
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece


@operations.answer
def delete_object(call: Call) -> Answer:
    """Remove an object; none is fine."""
    bucket, key = bucket_of(call), key_of(call)
    check_version(call.params.get("VersionId"))
    buckets_of(call).delete(bucket, key, partial(check_removal, call.params))
    return {}


@operations.answer
def delete_objects(call: Call) -> Answer:
    """Remove several objects, each by itself."""
    bucket = bucket_of(call)
    asked = call.params["Delete"]
    if not 0 < len(asked["Objects"]) <= BATCH:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed or did not validate")
    buckets = buckets_of(call)
    deleted, errors = [], []
    for each in asked["Objects"]:
        try:
            check_version(each.get("VersionId"))
            buckets.delete(bucket, checked_key(each["Key"]), partial(check_removal, each))
            deleted.append({"Key": each["Key"]})
        except AwsError as error:
            errors.append({"Key": each["Key"], "Code": error.code, "Message": error.message})
    return {"Deleted": [] if asked.get("Quiet") else deleted, "Errors": errors}


@operations.answer
def copy_object(call: Call) -> Answer:
    """Copy an object, within the kernel where its checksums are known."""
    params = call.params
    target, key = bucket_of(call), key_of(call)
    bucket, name = copied_from(params["CopySource"])
    bucket_of(call, bucket)
    try:
        file, source = buckets_of(call).open(bucket, name)
    except NotFoundError:
        raise no_such_key(name) from None
    with file:
        check_copy(params, source)
        if source.size_bytes > LARGEST:
            raise AwsError("InvalidRequest", "The specified copy source is larger than the maximum allowable size "
                           f"for a copy source: {LARGEST}")  # fmt: skip
        facts = _facts_of_copy(params, source, same=(bucket, name) == (target, key))
        draft = buckets_of(call).draft()
        try:
            facts |= _copy(file, source, draft, params.get("ChecksumAlgorithm"))
            check = partial(check_write, params, key)
            stored = buckets_of(call).keep(draft, (target, key), facts, check)
        finally:
            draft.discard()
    result = {"ETag": quoted(stored.tag), "LastModified": stored.modified, **checksum_of(stored.facts)}
    return {"CopyObjectResult": result, **encryption_of(stored.facts)}


def _facts_of_copy(params: Mapping[str, Any], source: Stored, *, same: bool) -> dict[str, Any]:
    asked = facts_of(params)
    replaced = params.get("MetadataDirective", "COPY") == "REPLACE"
    changes = ("StorageClass", "ServerSideEncryption", "WebsiteRedirectLocation", "SSEKMSKeyId")
    if same and not replaced and not any(params.get(name) for name in changes):
        raise AwsError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
        )
    before = dict(source.facts.get("members", {}))
    before.pop("StorageClass", None)  # never goes along
    chosen = {name: asked["members"][name] for name in changes if name in asked["members"]}
    members = asked["members"] if replaced else before | chosen
    tags = asked.get("tags") if params.get("TaggingDirective") == "REPLACE" else source.facts.get("tags")
    return {"members": members, **({"tags": tags} if tags else {}), **({"acl": asked["acl"]} if "acl" in asked else {})}


def _copy(file: BinaryIO, source: Stored, draft: Draft, algorithm: str | None) -> dict[str, Any]:
    known = source.facts.get("checksum") or {}
    wanted = algorithm or known.get("algorithm", DEFAULT)
    if "-" not in source.tag and known.get("type") == "FULL_OBJECT" and known["algorithm"] == wanted:
        draft.take(file, 0, source.size_bytes, hashed=False)
        return {"tag": source.tag, "checksum": known}
    made = begun(wanted)
    for block in blocks(file, 0, source.size_bytes):
        made.update(block)
        draft.write(block)
    return {"tag": draft.md5.hex(), "checksum": checksum_in({wanted: text(made.digest())})}


@operations.answer
def get_object_attributes(call: Call) -> Answer:
    """Describe an object by the attributes that are asked for."""
    stored = stored_of(call, bucket_of(call), key_of(call))
    sizes = stored.facts.get("parts") or []
    attributes = {
        "ETag": stored.tag,
        "Checksum": checksum_of(stored.facts) or None,
        "ObjectParts": {"TotalPartsCount": len(sizes)} if sizes else None,
        "StorageClass": stored.facts.get("members", {}).get("StorageClass", "STANDARD"),
        "ObjectSize": stored.size_bytes,
    }
    chosen = {name: value for name, value in attributes.items() if name in call.params["ObjectAttributes"]}
    return {"LastModified": stored.modified, **chosen}
