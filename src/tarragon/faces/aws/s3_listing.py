"""S3's listings of a bucket's objects: versions 1 and 2, and of versions, of which each object has one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tarragon.engine import Page, Stored, Wanted
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.s3_object import bucket_of, buckets_of, owner_of, quoted, read_token, token_of

operations = Operations("s3")
LIMIT = 1000
ENCODED = (
    "Prefix", "Delimiter", "StartAfter", "Marker", "NextMarker", "KeyMarker", "NextKeyMarker",
)  # fmt: skip


@operations.answer
def list_objects_v2(call: Call) -> Answer:
    """List objects, version 2: by continuation token or from a key on."""
    params = call.params
    after = read_token(params["ContinuationToken"]) if params.get("ContinuationToken") else params.get("StartAfter", "")
    page, answer = _page(call, after)
    owner = owner_of(call) if params.get("FetchOwner") else None
    answer |= {
        "Contents": [_content(each, owner) for each in page.objects],
        "KeyCount": len(page.objects) + len(page.prefixes),
        "StartAfter": params.get("StartAfter"),
        "ContinuationToken": params.get("ContinuationToken"),
    }
    if page.more:
        answer["NextContinuationToken"] = token_of(page.last)
    return _encoded(params, answer)


@operations.answer
def list_objects(call: Call) -> Answer:
    """List objects, version 1: from a marker on."""
    page, answer = _page(call, call.params.get("Marker", ""))
    owner = owner_of(call)
    answer |= {"Contents": [_content(each, owner) for each in page.objects], "Marker": call.params.get("Marker", "")}
    if page.more and call.params.get("Delimiter"):
        answer["NextMarker"] = page.last
    return _encoded(call.params, answer)


@operations.answer
def list_object_versions(call: Call) -> Answer:
    """List versions: each object's only one, which S3 calls null."""
    page, answer = _page(call, call.params.get("KeyMarker", ""))
    owner = owner_of(call)
    answer |= {
        "Versions": [{**_content(each, owner), "VersionId": "null", "IsLatest": True} for each in page.objects],
        "KeyMarker": call.params.get("KeyMarker", ""),
        "VersionIdMarker": call.params.get("VersionIdMarker", ""),
    }
    if page.more:
        answer |= {"NextKeyMarker": page.last, "NextVersionIdMarker": "null"}
    return _encoded(call.params, answer)


def _page(call: Call, after: str) -> tuple[Page, dict[str, Any]]:
    bucket = bucket_of(call)
    params = call.params
    asked = params.get("MaxKeys", LIMIT)
    if asked < 0:
        raise AwsError("InvalidArgument", "Argument max-keys must be an integer between 0 and 2147483647")
    wanted = Wanted(params.get("Prefix", ""), after, params.get("Delimiter", ""), min(asked, LIMIT))
    page = buckets_of(call).page(bucket, wanted) if asked else Page((), (), "", False)
    return page, {
        "Name": bucket, "Prefix": wanted.prefix, "Delimiter": wanted.delimiter or None, "MaxKeys": wanted.limit,
        "IsTruncated": page.more, "CommonPrefixes": [{"Prefix": each} for each in page.prefixes],
        "EncodingType": params.get("EncodingType"),
    }  # fmt: skip


def _content(stored: Stored, owner: Mapping[str, str] | None) -> dict[str, Any]:
    content = {
        "Key": stored.key, "LastModified": stored.modified, "ETag": quoted(stored.tag), "Size": stored.size_bytes,
        "StorageClass": stored.facts.get("members", {}).get("StorageClass", "STANDARD"),
    }  # fmt: skip
    if checksum := stored.facts.get("checksum"):
        content |= {"ChecksumAlgorithm": [checksum["algorithm"]], "ChecksumType": checksum["type"]}
    return content if owner is None else {**content, "Owner": owner}


def _encoded(params: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Percent-encode names where it was asked for: XML cannot hold every character a key may have."""
    answer = {name: value for name, value in answer.items() if value is not None}
    if params.get("EncodingType") != "url":
        return answer
    answer |= {name: quote(answer[name], safe="/") for name in ENCODED if name in answer}
    for name in ("Contents", "Versions", "CommonPrefixes"):
        for each in answer.get(name, ()):
            field = "Prefix" if name == "CommonPrefixes" else "Key"
            each[field] = quote(each[field], safe="/")
    return answer
