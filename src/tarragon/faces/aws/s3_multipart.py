"""S3's uploads in parts."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from tarragon.engine import PartDraft, PartRow, UploadRow, Uploads, blocks, uploads_in
from tarragon.errors import NotFoundError
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.s3 import received
from tarragon.faces.aws.s3_condition import RANGE, check_copy, check_write
from tarragon.faces.aws.s3_object import (
    LARGEST,
    bucket_of,
    buckets_of,
    checksum_of,
    copied_from,
    encryption_of,
    facts_of,
    given_checksum,
    key_of,
    no_such_key,
    owner_of,
    quoted,
    too_large,
)
from tarragon.faces.aws.wire.checksum import CYCLIC, DEFAULT, Part, begun, combined, composite, member, text
from tarragon.faces.aws.wire.chunked import Body

operations = Operations("s3")
PARTS = 10_000
SMALLEST = 5 << 20  # of a part that is not the last
LIMIT = 1000
WHOLE_LIMIT = 5 << 40  # of an object


def uploads_of(call: Call) -> Uploads:
    """Open the uploads."""
    return uploads_in(buckets_of(call).root)


def upload_of(call: Call) -> UploadRow:
    """Look the call's upload up. Raises ``NoSuchUpload``."""
    bucket, key = bucket_of(call), key_of(call)
    try:
        return uploads_of(call).find(bucket, key, call.params["UploadId"])
    except NotFoundError:
        raise _no_such_upload(call.params["UploadId"]) from None


@operations.answer
def create_multipart_upload(call: Call) -> Answer:
    """Begin an upload."""
    params = call.params
    bucket, key = bucket_of(call), key_of(call)
    algorithm = params.get("ChecksumAlgorithm")
    whole = algorithm in (None, "CRC64NVME")
    kind = params.get("ChecksumType") or ("FULL_OBJECT" if whole else "COMPOSITE")
    if (kind == "FULL_OBJECT") != (algorithm in (None, *CYCLIC)) and kind == "FULL_OBJECT":
        raise AwsError("InvalidRequest", f"The FULL_OBJECT checksum type cannot be used with the {algorithm} algorithm")
    if kind == "COMPOSITE" and whole:
        raise AwsError("InvalidRequest", f"The COMPOSITE checksum type cannot be used with the {DEFAULT} algorithm")
    facts = facts_of(params) | {"algorithm": algorithm or DEFAULT, "kind": kind}
    row = uploads_of(call).begin(bucket, key, facts, call.server.clock())
    answer = {"Bucket": bucket, "Key": key, "UploadId": row.upload, **encryption_of(facts)}
    return answer | ({"ChecksumAlgorithm": algorithm, "ChecksumType": kind} if algorithm else {})


@operations.answer
async def upload_part(call: Call) -> Answer:
    """Store a part, in its place in the whole where that is known."""
    row, number = upload_of(call), _number(call)
    body = call.body
    assert isinstance(body, Body)
    size = body.expected_bytes or 0
    uploads = uploads_of(call)
    body.also(row.facts["algorithm"])
    draft = await asyncio.to_thread(uploads.draft, row, number, size)
    try:
        computed = await received(call, draft)
        checksum = computed[row.facts["algorithm"]]
        await asyncio.to_thread(_keep, call, row, draft, checksum)
    except BaseException:
        uploads.drop(row, number, draft)
        raise
    given = {member(name): value for name, value in computed.items()}
    return {"ETag": quoted(draft.md5.hex()), **given, **encryption_of(row.facts)}


def _keep(call: Call, row: UploadRow, draft: PartDraft, checksum: str) -> None:
    known = {"md5": draft.md5.hex(), "checksum": checksum}
    try:
        uploads_of(call).keep(row, _number(call), draft, (call.server.clock(), known))
    except NotFoundError:
        raise _no_such_upload(row.upload) from None


@operations.answer
def upload_part_copy(call: Call) -> Answer:
    """Store a part that is, or is part of, another object."""
    params = call.params
    row, number = upload_of(call), _number(call)
    bucket, name = copied_from(params["CopySource"])
    bucket_of(call, bucket)
    try:
        file, source = buckets_of(call).open(bucket, name)
    except NotFoundError:
        raise no_such_key(name) from None
    with file:
        check_copy(params, source)
        start, size = _copied_run(params.get("CopySourceRange"), source.size_bytes)
        if size > LARGEST:
            raise too_large(size)
        uploads = uploads_of(call)
        draft = uploads.draft(row, number, size)
        made = begun(row.facts["algorithm"])
        try:
            for block in blocks(file, start, size):
                draft.write(block)
                made.update(block)
            _keep(call, row, draft, text(made.digest()))
        except BaseException:
            uploads.drop(row, number, draft)
            raise
    result = {"ETag": quoted(draft.md5.hex()), "LastModified": call.server.clock()}
    return {
        "CopyPartResult": result | {member(row.facts["algorithm"]): text(made.digest())},
        **encryption_of(row.facts),
    }


def _copied_run(asked: str | None, size: int) -> tuple[int, int]:
    if asked is None:
        return 0, size
    found = RANGE.fullmatch(asked)
    if found is None or not found[1] or not found[2]:
        raise AwsError("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last")
    start, end = int(found[1]), int(found[2])
    if not start <= end < size:
        raise AwsError("InvalidArgument", f"Range specified is not valid for source object of size: {size}")
    return start, end - start + 1


@operations.answer
def complete_multipart_upload(call: Call) -> Answer:
    """Make the object out of its parts."""
    params, row = call.params, upload_of(call)
    listed = (params.get("MultipartUpload") or {}).get("Parts") or []
    parts = _chosen(row, listed, uploads_of(call).parts(row))
    facts = _facts(params, row, parts)
    check = partial(check_write, params, row.key) if params.get("IfMatch") or params.get("IfNoneMatch") else None
    try:
        stored = uploads_of(call).complete(row, parts, facts, check)
    except NotFoundError:
        raise _no_such_upload(row.upload) from None
    location = f"{call.server.url}/{row.bucket}/{quote(row.key, safe='/')}"
    answer = {"Location": location, "Bucket": row.bucket, "Key": row.key, "ETag": quoted(stored.tag)}
    return answer | checksum_of(facts) | encryption_of(facts)


def _chosen(row: UploadRow, listed: Sequence[Mapping[str, Any]], parts: Sequence[PartRow]) -> list[PartRow]:
    if not listed:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed or did not validate")
    numbers = [each.get("PartNumber", 0) for each in listed]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise AwsError(
            "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number."
        )
    there = {each.number: each for each in parts}
    chosen = []
    for number, each in zip(numbers, listed, strict=True):
        part = there.get(number)
        checksum = each.get(member(row.facts["algorithm"]))
        if (
            part is None
            or each.get("ETag", "").strip('"') != part.facts["md5"]
            or checksum not in (None, part.facts["checksum"])
        ):
            raise AwsError(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the "
                "specified entity tag may not match the part's entity tag.",
                fields={"UploadId": row.upload, "PartNumber": number},
            )
        chosen.append(part)
    if small := next((each for each in chosen[:-1] if each.size < SMALLEST), None):
        raise AwsError(
            "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
            fields={"ProposedSize": small.size, "MinSizeAllowed": SMALLEST, "PartNumber": small.number},
        )  # fmt: skip
    return chosen


def _facts(params: Mapping[str, Any], row: UploadRow, parts: Sequence[PartRow]) -> dict[str, Any]:
    algorithm, kind = row.facts["algorithm"], row.facts["kind"]
    size = sum(each.size for each in parts)
    if size > WHOLE_LIMIT:
        raise too_large(size, WHOLE_LIMIT)
    if params.get("MpuObjectSize") not in (None, size):
        raise AwsError("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match what was uploaded")
    sums = [Part(each.facts["checksum"], each.size) for each in parts]
    value = combined(algorithm, sums) if kind == "FULL_OBJECT" else composite(algorithm, sums)
    given = given_checksum(params)
    if given is not None and given[0] == algorithm and given[1] not in (value, value.partition("-")[0]):
        raise AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    tags = hashlib.md5(b"".join(bytes.fromhex(each.facts["md5"]) for each in parts), usedforsecurity=False)
    kept = {name: each for name, each in row.facts.items() if name not in ("algorithm", "kind")}
    return kept | {
        "tag": f"{tags.hexdigest()}-{len(parts)}",
        "parts": [each.size for each in parts],
        "checksum": {"algorithm": algorithm, "value": value, "type": kind},
    }


@operations.answer
def abort_multipart_upload(call: Call) -> Answer:
    """Forget an upload and its parts."""
    uploads_of(call).end(upload_of(call))
    return {}


@operations.answer
def list_parts(call: Call) -> Answer:
    """List an upload's parts by number."""
    params, row = call.params, upload_of(call)
    marker = str(params.get("PartNumberMarker") or 0)
    if not (marker.isascii() and marker.isdigit() and len(marker) < 10):
        raise AwsError("InvalidArgument", "Argument part-number-marker must be an integer")
    limit, after = max(0, min(params.get("MaxParts", LIMIT), LIMIT)), int(marker)
    parts = [each for each in uploads_of(call).parts(row) if each.number > after]
    shown, algorithm = parts[:limit], row.facts["algorithm"]
    who = owner_of(call)
    return {
        "Bucket": row.bucket, "Key": row.key, "UploadId": row.upload, "PartNumberMarker": after, "MaxParts": limit,
        "NextPartNumberMarker": shown[-1].number if shown else 0, "IsTruncated": len(parts) > limit,
        "Parts": [
            {"PartNumber": each.number, "LastModified": each.changed, "ETag": quoted(each.facts["md5"]),
             "Size": each.size, member(algorithm): each.facts["checksum"]}
            for each in shown
        ],
        "Initiator": who, "Owner": who, "ChecksumAlgorithm": algorithm, "ChecksumType": row.facts["kind"],
        "StorageClass": row.facts["members"].get("StorageClass", "STANDARD"),
    }  # fmt: skip


@operations.answer
def list_multipart_uploads(call: Call) -> Answer:
    """List a bucket's unfinished uploads."""
    params, bucket = call.params, bucket_of(call)
    prefix, delimiter = params.get("Prefix", ""), params.get("Delimiter", "")
    limit = max(1, min(params.get("MaxUploads", LIMIT), LIMIT))
    key_marker, upload_marker = params.get("KeyMarker", ""), params.get("UploadIdMarker", "")
    rows = [each for each in uploads_of(call).of(bucket) if each.key.startswith(prefix)]
    if key_marker:
        at = next((i for i, each in enumerate(rows) if (each.key, each.upload) == (key_marker, upload_marker)), None)
        rows = [each for each in rows if each.key > key_marker] if at is None else rows[at + 1 :]
    shown: list[UploadRow] = []
    prefixes: list[str] = []
    more = False
    for each in rows:
        at = each.key.find(delimiter, len(prefix)) if delimiter else -1
        rolled = each.key[: at + len(delimiter)] if at >= 0 else ""
        if rolled and (rolled in prefixes or key_marker.startswith(rolled)):
            continue
        if len(shown) + len(prefixes) >= limit:
            more = True
            break
        if rolled:
            prefixes.append(rolled)
        else:
            shown.append(each)
    encode = partial(quote, safe="/") if params.get("EncodingType") == "url" else str
    who = owner_of(call)
    answer: dict[str, Any] = {
        "Bucket": bucket, "KeyMarker": encode(key_marker), "UploadIdMarker": upload_marker, "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None, "MaxUploads": limit, "IsTruncated": more,
        "EncodingType": params.get("EncodingType"),
        "CommonPrefixes": [{"Prefix": encode(each)} for each in prefixes],
        "Uploads": [
            {"UploadId": each.upload, "Key": encode(each.key), "Initiated": each.began, "Owner": who, "Initiator": who,
             "StorageClass": each.facts["members"].get("StorageClass", "STANDARD"),
             "ChecksumAlgorithm": each.facts["algorithm"], "ChecksumType": each.facts["kind"]}
            for each in shown
        ],
    }  # fmt: skip
    if more:
        last = max([*(each.key for each in shown), *prefixes], default="")
        own = shown[-1].upload if shown and shown[-1].key == last else ""
        answer |= {"NextKeyMarker": encode(last), "NextUploadIdMarker": own}
    return answer


def _number(call: Call) -> int:
    number = int(call.params["PartNumber"])
    if not 1 <= number <= PARTS:
        raise AwsError("InvalidArgument", f"Part number must be an integer between 1 and {PARTS}, inclusive")
    return number


def _no_such_upload(upload: str) -> AwsError:
    return AwsError(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
        status=404,
        fields={"UploadId": upload[:100]},
    )
