"""KMS as far as clients insist: keys have ids, aliases and states, and are named where data is said to be encrypted.

There is no cryptography behind them: Encrypt, Decrypt and data keys are not answered, so that nobody takes for secret
what is not. The disk under the home is the place to encrypt.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tarragon.engine import Document
from tarragon.errors import ConflictError
from tarragon.faces.aws import listing
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Call, Operations

operations = Operations("kms")
KEY, ALIAS = "kms-key", "kms-alias"
PAGE = 100
DAY_S = 86_400
WINDOW_DAYS = 30
SYMMETRIC = "SYMMETRIC_DEFAULT"
OWN = re.compile(r"alias/aws/\w+")  # AWS's own keys, which are there without being made


@operations.answer
def create_key(call: Call) -> Answer:
    """Make a key."""
    params = call.params
    spec = params.get("KeySpec") or params.get("CustomerMasterKeySpec") or SYMMETRIC
    if spec != SYMMETRIC or params.get("MultiRegion") or params.get("Origin", "AWS_KMS") != "AWS_KMS":
        raise AwsError("UnsupportedOperationException", f"Only {SYMMETRIC} keys of one region are kept; asked: {spec}")
    content = {
        "description": params.get("Description", ""), "state": "Enabled", "manager": "CUSTOMER", "deletion": None,
        "policy": params.get("Policy"), "tags": [dict(tag) for tag in params.get("Tags") or ()],
    }  # fmt: skip
    return {"KeyMetadata": _metadata(call, call.server.documents.create(call.region, KEY, str(uuid.uuid4()), content))}


@operations.answer
def describe_key(call: Call) -> Answer:
    """Describe a key, by id, ARN or alias."""
    return {"KeyMetadata": _metadata(call, _key(call))}


@operations.answer
def list_keys(call: Call) -> Answer:
    """List keys."""
    held = call.server.documents.list(call.region, KEY)
    return _page(
        "Keys", [{"KeyId": each.name, "KeyArn": call.arn("key", each.name, "kms")} for each in held], call.params
    )


@operations.answer
def enable_key(call: Call) -> Answer:
    """Let a key be used."""
    _change(call, state="Enabled")
    return None


@operations.answer
def disable_key(call: Call) -> Answer:
    """Let a key not be used."""
    _change(call, state="Disabled")
    return None


@operations.answer
def update_key_description(call: Call) -> Answer:
    """Describe a key anew."""
    _change(call, description=call.params["Description"])
    return None


@operations.answer
def schedule_key_deletion(call: Call) -> Answer:
    """Mark a key for deletion; it is gone once the window is over."""
    days = call.params.get("PendingWindowInDays") or WINDOW_DAYS
    at = call.server.clock() + days * DAY_S
    key = _change(call, state="PendingDeletion", deletion=at)
    return {
        "KeyId": call.arn("key", key.name, "kms"), "DeletionDate": at, "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }  # fmt: skip


@operations.answer
def cancel_key_deletion(call: Call) -> Answer:
    """Keep a key that was marked for deletion; it is disabled."""
    key = _key(call)
    if key.content["state"] != "PendingDeletion":
        raise _state(call, key)
    _put(call, key, state="Disabled", deletion=None)
    return {"KeyId": call.arn("key", key.name, "kms")}


@operations.answer
def create_alias(call: Call) -> Answer:
    """Give a key a further name."""
    alias = call.params["AliasName"]
    if OWN.match(alias) or not alias.startswith("alias/"):
        raise AwsError("InvalidAliasNameException", 'An alias begins with "alias/", and not with "alias/aws/"')
    try:
        call.server.documents.create(call.region, ALIAS, alias, {"key": _key(call, call.params["TargetKeyId"]).name})
    except ConflictError:
        arn = f"arn:aws:kms:{call.region}:{call.account}:{alias}"
        raise AwsError("AlreadyExistsException", f"An alias with the name {arn} already exists") from None
    return None


@operations.answer
def update_alias(call: Call) -> Answer:
    """Give an alias to another key."""
    alias = _alias(call, call.params["AliasName"])
    call.server.documents.put(call.region, ALIAS, alias.name, {"key": _key(call, call.params["TargetKeyId"]).name})
    return None


@operations.answer
def delete_alias(call: Call) -> Answer:
    """Take a further name away."""
    call.server.documents.delete(call.region, ALIAS, _alias(call, call.params["AliasName"]).name)
    return None


@operations.answer
def list_aliases(call: Call) -> Answer:
    """List aliases, of all keys or of one."""
    key = _key(call).name if call.params.get("KeyId") else None
    held = [each for each in call.server.documents.list(call.region, ALIAS) if key in (None, each.content["key"])]
    items = [
        {
            "AliasName": each.name, "AliasArn": f"arn:aws:kms:{call.region}:{call.account}:{each.name}",
            "TargetKeyId": each.content["key"], "CreationDate": each.created, "LastUpdatedDate": each.updated,
        }
        for each in held
    ]  # fmt: skip
    return _page("Aliases", items, call.params)


@operations.answer
def list_resource_tags(call: Call) -> Answer:
    """List a key's tags."""
    return _page("Tags", list(_key(call).content["tags"]), call.params)


@operations.answer
def tag_resource(call: Call) -> Answer:
    """Add tags to a key."""
    sent = {tag["TagKey"]: tag["TagValue"] for tag in call.params["Tags"]}
    held = {tag["TagKey"]: tag["TagValue"] for tag in _key(call).content["tags"]}
    _change(call, tags=[{"TagKey": name, "TagValue": value} for name, value in {**held, **sent}.items()])
    return None


def _key(call: Call, told: str = "") -> Document:
    """Find the key that a request names; AWS's own appear when they are asked for."""
    told = told or call.params["KeyId"]
    name = told.rpartition(":")[2] if told.startswith("arn:") else told
    if name.startswith("alias/"):
        found = call.server.documents.find(call.region, ALIAS, name)
        if found is None and OWN.fullmatch(name):
            return _own(call, name)
        name = _alias(call, name).content["key"]
    key = call.server.documents.find(call.region, KEY, name.removeprefix("key/"))
    if key is not None and key.content["deletion"] and key.content["deletion"] < call.server.clock():
        call.server.documents.delete(call.region, KEY, key.name)
        key = None
    if key is None:
        arn = call.arn("key", name.removeprefix("key/"), "kms")
        raise AwsError("NotFoundException", f"Key '{arn}' does not exist")
    return key


def _own(call: Call, alias: str) -> Document:
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{call.account}/{call.region}/{alias}"))
    words = f"Default key that protects my data when no other key is defined ({alias.rpartition('/')[2]})"
    content: Mapping[str, Any] = {
        "description": words, "state": "Enabled", "manager": "AWS", "deletion": None, "policy": None, "tags": [],
    }  # fmt: skip
    call.server.documents.put(call.region, ALIAS, alias, {"key": name})
    return call.server.documents.put(call.region, KEY, name, content)


def _alias(call: Call, name: str) -> Document:
    found = call.server.documents.find(call.region, ALIAS, name)
    if found is None:
        raise AwsError("NotFoundException", f"Alias arn:aws:kms:{call.region}:{call.account}:{name} is not found.")
    return found


def _change(call: Call, **facts: Any) -> Document:
    key = _key(call)
    if key.content["state"] == "PendingDeletion":
        raise _state(call, key)
    return _put(call, key, **facts)


def _put(call: Call, key: Document, **facts: Any) -> Document:
    return call.server.documents.put(call.region, KEY, key.name, {**key.content, **facts})


def _state(call: Call, key: Document) -> AwsError:
    words = "pending deletion" if key.content["state"] == "PendingDeletion" else "not pending deletion"
    return AwsError("KMSInvalidStateException", f"{call.arn('key', key.name, 'kms')} is {words}.")


def _metadata(call: Call, key: Document) -> Mapping[str, Any]:
    content = key.content
    return {
        "AWSAccountId": call.account, "KeyId": key.name, "Arn": call.arn("key", key.name, "kms"),
        "CreationDate": key.created, "Enabled": content["state"] == "Enabled", "Description": content["description"],
        "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": content["state"], "Origin": "AWS_KMS",
        "KeyManager": content["manager"], "CustomerMasterKeySpec": SYMMETRIC, "KeySpec": SYMMETRIC,
        "EncryptionAlgorithms": [SYMMETRIC], "MultiRegion": False, "DeletionDate": content["deletion"],
    }  # fmt: skip


def _page(member: str, items: Sequence[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    start = listing.place(params["Marker"]) if params.get("Marker") else 0
    end = start + int(params.get("Limit") or PAGE)
    more = end < len(items)
    return {member: list(items[start:end]), "Truncated": more, "NextMarker": listing.token(end) if more else None}
