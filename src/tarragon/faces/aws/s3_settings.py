"""What S3 keeps of a bucket or object beside the bytes: tags, access, and settings that are kept and told.

This server has one account and keeps one version of everything: access lists, policies, lifecycle rules and versioning
are kept for those who ask for them again, and change nothing here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.s3_buckets import keep_setting, record_of
from tarragon.faces.aws.s3_object import bucket_of, edited, key_of, owner_of, stored_of, tags_of

operations = Operations("s3")
Members = dict[str, Any]
GROUP = "http://acs.amazonaws.com/groups/global/"
GRANTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "public-read": (("AllUsers", "READ"),),
    "public-read-write": (("AllUsers", "READ"), ("AllUsers", "WRITE")),
    "authenticated-read": (("AuthenticatedUsers", "READ"),),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A bucket's setting.

    Parameters
    ----------
    name : str
        In function names: "bucket_cors" has ``get_bucket_cors``, ``put_bucket_cors``, ``delete_bucket_cors``.
    member : str
        The input that holds it.
    nested : bool
        Whether the output holds it under the same name; else its members are the output's.
    missing : str
        The error's code when there is none; "" answers ``default`` instead.
    message : str
    default : mapping, optional
    removed : str
        Name of the function that removes it; "" for none.
    """

    name: str
    member: str
    nested: bool = False
    missing: str = ""
    message: str = ""
    default: Mapping[str, Any] | None = None
    removed: str = ""


SETTINGS = (
    Setting("bucket_cors", "CORSConfiguration", missing="NoSuchCORSConfiguration",
            message="The CORS configuration does not exist", removed="delete_bucket_cors"),
    Setting("bucket_policy", "Policy", nested=True, missing="NoSuchBucketPolicy",
            message="The bucket policy does not exist", removed="delete_bucket_policy"),
    Setting("bucket_versioning", "VersioningConfiguration", default={}),
    Setting("bucket_encryption", "ServerSideEncryptionConfiguration", nested=True, default={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]},
        removed="delete_bucket_encryption"),
    Setting("bucket_lifecycle_configuration", "LifecycleConfiguration", missing="NoSuchLifecycleConfiguration",
            message="The lifecycle configuration does not exist", removed="delete_bucket_lifecycle"),
    Setting("public_access_block", "PublicAccessBlockConfiguration", nested=True,
            missing="NoSuchPublicAccessBlockConfiguration",
            message="The public access block configuration was not found", removed="delete_public_access_block"),
    Setting("bucket_notification_configuration", "NotificationConfiguration", default={}),
    Setting("bucket_ownership_controls", "OwnershipControls", nested=True,
            default={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            removed="delete_bucket_ownership_controls"),
    Setting("bucket_tagging", "Tagging", missing="NoSuchTagSet", message="The TagSet does not exist",
            removed="delete_bucket_tagging"),
    Setting("bucket_logging", "BucketLoggingStatus", default={}),
    Setting("bucket_website", "WebsiteConfiguration", missing="NoSuchWebsiteConfiguration",
            message="The specified bucket does not have a website configuration", removed="delete_bucket_website"),
    Setting("bucket_request_payment", "RequestPaymentConfiguration", default={"Payer": "BucketOwner"}),
    Setting("bucket_accelerate_configuration", "AccelerateConfiguration", default={}),
    Setting("bucket_replication", "ReplicationConfiguration", nested=True,
            missing="ReplicationConfigurationNotFoundError", message="The replication configuration was not found",
            removed="delete_bucket_replication"),
    Setting("object_lock_configuration", "ObjectLockConfiguration", nested=True,
            missing="ObjectLockConfigurationNotFoundError",
            message="Object Lock configuration does not exist for this bucket"),
)  # fmt: skip


def _declare(setting: Setting) -> None:
    def get(call: Call) -> Answer:
        bucket = bucket_of(call)
        found = record_of(call, bucket)["settings"].get(setting.name, setting.default)
        if found is None:
            raise AwsError(setting.missing, setting.message, status=404, fields={"BucketName": bucket})
        return {setting.member: found} if setting.nested else found

    def put(call: Call) -> Answer:
        keep_setting(call, bucket_of(call), setting.name, call.params.get(setting.member) or {})
        return {}

    def remove(call: Call) -> Answer:
        keep_setting(call, bucket_of(call), setting.name, None)
        return {}

    for function, name in ((get, f"get_{setting.name}"), (put, f"put_{setting.name}"), (remove, setting.removed)):
        if name:
            function.__name__ = name
            function.__doc__ = f"Answer {name.replace('_', ' ')}."
            operations.answer(function)


for _setting in SETTINGS:
    _declare(_setting)


@operations.answer
def get_bucket_policy_status(call: Call) -> Answer:
    """Say whether a bucket's policy lets everybody in: nobody gets in here without a key."""
    bucket = bucket_of(call)
    if "bucket_policy" not in record_of(call, bucket)["settings"]:
        raise AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", status=404)
    return {"PolicyStatus": {"IsPublic": False}}


@operations.answer
def get_bucket_acl(call: Call) -> Answer:
    """Tell a bucket's access list."""
    return _access(call, record_of(call, bucket_of(call))["settings"].get("acl", {}))


@operations.answer
def put_bucket_acl(call: Call) -> Answer:
    """Keep a bucket's access list."""
    keep_setting(call, bucket_of(call), "acl", _asked(call))
    return {}


@operations.answer
def get_object_acl(call: Call) -> Answer:
    """Tell an object's access list."""
    return _access(call, stored_of(call, bucket_of(call), key_of(call)).facts.get("acl", {}))


@operations.answer
def put_object_acl(call: Call) -> Answer:
    """Keep an object's access list."""
    asked = _asked(call)
    edited(call, lambda stored: {**stored.facts, "acl": asked})
    return {}


def _asked(call: Call) -> Members:
    if policy := call.params.get("AccessControlPolicy"):
        return {"AccessControlPolicy": policy}
    return {"ACL": call.params.get("ACL", "private")}


def _access(call: Call, kept: Mapping[str, Any]) -> Members:
    owner = owner_of(call)
    if policy := kept.get("AccessControlPolicy"):
        return {"Owner": policy.get("Owner") or owner, "Grants": policy.get("Grants") or []}
    grants = [{"Grantee": {**owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]
    for group, permission in GRANTS.get(str(kept.get("ACL", "")), ()):
        grants.append({"Grantee": {"Type": "Group", "URI": GROUP + group}, "Permission": permission})
    return {"Owner": owner, "Grants": grants}


@operations.answer
def get_object_tagging(call: Call) -> Answer:
    """Tell an object's tags."""
    tags = stored_of(call, bucket_of(call), key_of(call)).facts.get("tags", {})
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


@operations.answer
def put_object_tagging(call: Call) -> Answer:
    """Replace an object's tags."""
    tags = tags_of([(each["Key"], each["Value"]) for each in call.params["Tagging"]["TagSet"]])
    edited(call, lambda stored: {**stored.facts, "tags": tags})
    return {}


@operations.answer
def delete_object_tagging(call: Call) -> Answer:
    """Remove an object's tags."""
    edited(call, lambda stored: {name: value for name, value in stored.facts.items() if name != "tags"})
    return {}
