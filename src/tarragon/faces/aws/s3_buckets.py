"""S3's buckets: folders of the object store, with the region they were made in."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import hub
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.s3_object import bucket_of, buckets_of, owner_of, read_token, token_of

operations = Operations("s3")
REALM, KIND = "s3", "bucket"  # buckets have one name space for all regions
HOME_REGION = "us-east-1"
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
LIMIT = 10_000


def record_of(call: Call, bucket: str) -> Mapping[str, Any]:
    """Read what is kept of a bucket; one that was made by hand gets a record when it is first asked for."""
    found = call.server.documents.find(REALM, KIND, bucket)
    if found is None:
        made = dict(buckets_of(call).names()).get(bucket, call.server.clock())
        region = hub.region_of(bucket) or HOME_REGION
        found = call.server.documents.put(REALM, KIND, bucket, {"region": region, "created": made, "settings": {}})
    return found.content


def keep_setting(call: Call, bucket: str, name: str, value: object) -> None:
    """Keep a bucket's setting; None forgets it."""
    record_of(call, bucket)

    def edit(record: Mapping[str, Any]) -> Mapping[str, Any]:
        settings = {key: each for key, each in record["settings"].items() if key != name}
        return {**record, "settings": settings if value is None else {**settings, name: value}}

    call.server.documents.change(REALM, KIND, bucket, edit)


@operations.answer
def create_bucket(call: Call) -> Answer:
    """Make a bucket."""
    bucket = str(call.params["Bucket"])
    if not NAME.fullmatch(bucket) or ".." in bucket or ADDRESS.fullmatch(bucket):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", fields={"BucketName": bucket[:100]})
    configuration = call.params.get("CreateBucketConfiguration") or {}
    region = _region(call, configuration.get("LocationConstraint"))
    tags = configuration.get("Tags")
    settings: dict[str, Any] = {"tagging": {"TagSet": tags}} if tags else {}
    if call.params.get("ACL"):
        settings["acl"] = {"ACL": call.params["ACL"]}
    if call.params.get("ObjectOwnership"):
        settings["ownership"] = {"Rules": [{"ObjectOwnership": call.params["ObjectOwnership"]}]}
    if buckets_of(call).make(bucket):
        record = {"region": region, "created": call.server.clock(), "settings": settings}
        call.server.documents.put(REALM, KIND, bucket, record)
    elif call.region != HOME_REGION:
        raise AwsError(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
            status=409,
            fields={"BucketName": bucket},
        )
    return {"Location": f"/{bucket}"}


def _region(call: Call, told: str | None) -> str:
    if told == "EU":  # the name of eu-west-1 before there were several
        told = "eu-west-1"
    if call.region == HOME_REGION or told == call.region:
        return told or HOME_REGION
    raise AwsError(
        "IllegalLocationConstraintException",
        f"The {told or 'unspecified'} location constraint is incompatible for the region specific endpoint this "
        "request was sent to.",
    )


@operations.answer
def head_bucket(call: Call) -> Answer:
    """Say that a bucket is there, and where."""
    return {"BucketRegion": record_of(call, bucket_of(call))["region"]}


@operations.answer
def get_bucket_location(call: Call) -> Answer:
    """Say where a bucket is; nothing means us-east-1."""
    region = record_of(call, bucket_of(call))["region"]
    return {"LocationConstraint": "" if region == HOME_REGION else region}


@operations.answer
def delete_bucket(call: Call) -> Answer:
    """Remove an empty bucket."""
    bucket = bucket_of(call)
    try:
        buckets_of(call).remove(bucket)
    except ConflictError:
        raise AwsError(
            "BucketNotEmpty", "The bucket you tried to delete is not empty", status=409, fields={"BucketName": bucket}
        ) from None
    with suppress(NotFoundError):  # made by hand and never asked for
        call.server.documents.delete(REALM, KIND, bucket)
    return {}


@operations.answer
def list_buckets(call: Call) -> Answer:
    """List the buckets by name."""
    params = call.params
    prefix, region = params.get("Prefix", ""), params.get("BucketRegion")
    after = read_token(params["ContinuationToken"]) if params.get("ContinuationToken") else ""
    limit = max(1, min(params.get("MaxBuckets") or LIMIT, LIMIT))
    known = {each.name: each.content for each in call.server.documents.list(REALM, KIND)}
    listed = []
    for name, _ in buckets_of(call).names():
        if NAME.fullmatch(name) and name.startswith(prefix) and name > after and not hub.region_of(name):
            record = known.get(name) or record_of(call, name)
            if region in (None, record["region"]):
                listed.append({"Name": name, "CreationDate": record["created"], "BucketRegion": record["region"]})
    answer: dict[str, Any] = {"Buckets": listed[:limit], "Owner": owner_of(call)}
    if prefix:
        answer["Prefix"] = prefix
    if len(listed) > limit:
        answer["ContinuationToken"] = token_of(str(listed[limit - 1]["Name"]))
    return answer
