"""IAM as far as clients ask: roles and policies are kept, and every role name is one.

Nothing is enforced with them: whoever holds this server's keys may do everything it can, and that is what a simulation
answers. IAM has no regions.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tarragon.engine import Document
from tarragon.errors import ConflictError, NotFoundError
from tarragon.faces.aws import listing
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Call, Operations
from tarragon.faces.aws.sts import ROLE_ARN, caller, role_id

operations = Operations("iam")
REALM, ROLE, POLICY = "aws-global", "iam-role", "iam-policy"
SESSION_S = 3_600
PAGE = 100
NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["sagemaker.amazonaws.com", "bedrock.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}
"""Whom a role trusts that was never made, so that any execution role's name will do."""


@operations.answer
def create_role(call: Call) -> Answer:
    """Keep a role."""
    params = call.params
    _document(params["AssumeRolePolicyDocument"])
    content = {
        "path": params.get("Path") or "/", "trust": params["AssumeRolePolicyDocument"], "attached": [], "inline": {},
        "description": params.get("Description"), "seconds": params.get("MaxSessionDuration") or SESSION_S,
        "tags": [dict(tag) for tag in params.get("Tags") or ()],
    }  # fmt: skip
    try:
        made = call.server.documents.create(REALM, ROLE, params["RoleName"], content)
    except ConflictError:
        raise _exists(f"Role with name {params['RoleName']} already exists.") from None
    return {"Role": _role(call, made)}


@operations.answer
def get_role(call: Call) -> Answer:
    """Describe a role: as it was made, or a plain one of that name."""
    return {"Role": _role(call, _found(call, call.params["RoleName"]))}


@operations.answer
def delete_role(call: Call) -> Answer:
    """Forget a role that was made and has no policies left."""
    name = call.params["RoleName"]
    content = _made(call, name).content
    if content["attached"] or content["inline"]:
        raise AwsError("DeleteConflict", "Cannot delete entity, must detach all policies first.", status=409)
    call.server.documents.delete(REALM, ROLE, name)
    return None


@operations.answer
def list_roles(call: Call) -> Answer:
    """List the roles that were made, and the caller's."""
    prefix = call.params.get("PathPrefix") or "/"
    made = {document.name: document for document in call.server.documents.list(REALM, ROLE)}
    mine = caller(call)[0]
    made.setdefault(mine, _default(call, mine))
    chosen = [_role(call, made[name]) for name in sorted(made) if made[name].content["path"].startswith(prefix)]
    return _page("Roles", chosen, call.params)


@operations.answer
def update_assume_role_policy(call: Call) -> Answer:
    """Replace whom a role trusts."""
    _document(call.params["PolicyDocument"])
    _change(call, trust=call.params["PolicyDocument"])
    return None


@operations.answer
def attach_role_policy(call: Call) -> Answer:
    """Note that a role has a managed policy."""
    arn = call.params["PolicyArn"]
    if not arn.startswith("arn:aws:iam::aws:policy/"):
        _policy_made(call, arn)
    held = _found(call, call.params["RoleName"]).content["attached"]
    _change(call, attached=[*(each for each in held if each != arn), arn])
    return None


@operations.answer
def detach_role_policy(call: Call) -> Answer:
    """Take a managed policy from a role."""
    name, arn = call.params["RoleName"], call.params["PolicyArn"]
    held = _found(call, name).content["attached"]
    if arn not in held:
        raise _missing(f"Policy {arn} was not found.")
    _change(call, attached=[each for each in held if each != arn])
    return None


@operations.answer
def list_attached_role_policies(call: Call) -> Answer:
    """List a role's managed policies."""
    held = _found(call, call.params["RoleName"]).content["attached"]
    return _page("AttachedPolicies", [{"PolicyName": a.rpartition("/")[2], "PolicyArn": a} for a in held], call.params)


@operations.answer
def put_role_policy(call: Call) -> Answer:
    """Keep a policy inside a role."""
    _document(call.params["PolicyDocument"])
    held = _found(call, call.params["RoleName"]).content["inline"]
    _change(call, inline={**held, call.params["PolicyName"]: call.params["PolicyDocument"]})
    return None


@operations.answer
def get_role_policy(call: Call) -> Answer:
    """Read a policy inside a role."""
    role, name = call.params["RoleName"], call.params["PolicyName"]
    return {"RoleName": role, "PolicyName": name, "PolicyDocument": quote(_inline(call)[name], safe="")}


@operations.answer
def list_role_policies(call: Call) -> Answer:
    """Name the policies inside a role."""
    return _page("PolicyNames", sorted(_found(call, call.params["RoleName"]).content["inline"]), call.params)


@operations.answer
def delete_role_policy(call: Call) -> Answer:
    """Remove a policy from inside a role."""
    held = _inline(call)
    _change(call, inline={name: text for name, text in held.items() if name != call.params["PolicyName"]})
    return None


@operations.answer
def create_policy(call: Call) -> Answer:
    """Keep a managed policy."""
    _document(call.params["PolicyDocument"])
    path = call.params.get("Path") or "/"
    arn = f"arn:aws:iam::{call.account}:policy{path}{call.params['PolicyName']}"
    content = {"path": path, "document": call.params["PolicyDocument"], "description": call.params.get("Description")}
    try:
        made = call.server.documents.create(REALM, POLICY, arn, content)
    except ConflictError:
        raise _exists(f"A policy called {call.params['PolicyName']} already exists.") from None
    return {"Policy": _policy(call, made)}


@operations.answer
def get_policy(call: Call) -> Answer:
    """Describe a managed policy."""
    return {"Policy": _policy(call, _policy_made(call, call.params["PolicyArn"]))}


@operations.answer
def get_policy_version(call: Call) -> Answer:
    """Read a managed policy; there is one version of each."""
    made = _policy_made(call, call.params["PolicyArn"])
    if call.params["VersionId"] != "v1":
        raise _missing(f"Policy {made.name} version {call.params['VersionId']} does not exist or is not attachable.")
    version = {"Document": quote(made.content["document"], safe=""), "VersionId": "v1", "IsDefaultVersion": True}
    return {"PolicyVersion": {**version, "CreateDate": made.created}}


@operations.answer
def list_policies(call: Call) -> Answer:
    """List the managed policies that were made."""
    if call.params.get("Scope") == "AWS":
        return _page("Policies", [], call.params)
    return _page("Policies", [_policy(call, each) for each in call.server.documents.list(REALM, POLICY)], call.params)


@operations.answer
def delete_policy(call: Call) -> Answer:
    """Forget a managed policy that no role has."""
    made = _policy_made(call, call.params["PolicyArn"])
    if _attachments(call, made.name):
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", status=409)
    call.server.documents.delete(REALM, POLICY, made.name)
    return None


@operations.answer
def simulate_principal_policy(call: Call) -> Answer:
    """Say what this server lets a role of its account do: everything."""
    arn = call.params["PolicySourceArn"]
    found = ROLE_ARN.fullmatch(arn)
    if found is None:
        raise AwsError("InvalidInput", f"Invalid Entity Arn: {arn}; only roles are simulated here")
    if found[1] != call.account:
        raise _missing(f"The role {arn} cannot be found.")
    results = [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed", "MatchedStatements": []}
        for action in call.params["ActionNames"]
        for resource in call.params.get("ResourceArns") or ("*",)
    ]
    return _page("EvaluationResults", results, call.params)


@operations.answer
def get_user(call: Call) -> Answer:
    """There are no users; the caller is a role."""
    if name := call.params.get("UserName"):
        raise _missing(f"The user with name {name} cannot be found.")
    raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")


def _found(call: Call, name: str) -> Document:
    return call.server.documents.find(REALM, ROLE, name) or _default(call, name)


def _default(call: Call, name: str) -> Document:
    """Imagine a role: clients look up names that nobody made, in code written for another account."""
    if not NAME.fullmatch(name):
        raise _missing(f"The role with name {name[:128]} cannot be found.")
    content: Mapping[str, Any] = {
        "path": "/", "trust": json.dumps(TRUST), "attached": [], "inline": {}, "description": None,
        "seconds": SESSION_S, "tags": [],
    }  # fmt: skip
    return Document(REALM, ROLE, name, content, 0.0, 0.0, 1)


def _made(call: Call, name: str) -> Document:
    found = call.server.documents.find(REALM, ROLE, name)
    if found is None:
        raise _missing(f"The role with name {name} cannot be found.")
    return found


def _change(call: Call, **facts: Any) -> None:
    """Change a role; one that was only imagined is made."""
    name = call.params["RoleName"]
    call.server.documents.put(REALM, ROLE, name, {**_found(call, name).content, **facts})


def _inline(call: Call) -> Mapping[str, str]:
    held: Mapping[str, str] = _found(call, call.params["RoleName"]).content["inline"]
    if call.params["PolicyName"] not in held:
        raise _missing(f"The role policy with name {call.params['PolicyName']} cannot be found.")
    return held


def _policy_made(call: Call, arn: str) -> Document:
    try:
        return call.server.documents.get(REALM, POLICY, arn)
    except NotFoundError:
        raise _missing(f"Policy {arn} does not exist or is not attachable.") from None


def _attachments(call: Call, arn: str) -> int:
    return sum(arn in document.content["attached"] for document in call.server.documents.list(REALM, ROLE))


def _role(call: Call, document: Document) -> Mapping[str, Any]:
    content = document.content
    return {
        "Path": content["path"], "RoleName": document.name, "RoleId": role_id(document.name),
        "Arn": f"arn:aws:iam::{call.account}:role{content['path']}{document.name}", "CreateDate": document.created,
        "AssumeRolePolicyDocument": quote(content["trust"], safe=""), "Description": content["description"],
        "MaxSessionDuration": content["seconds"], "Tags": content["tags"] or None,
    }  # fmt: skip


def _policy(call: Call, document: Document) -> Mapping[str, Any]:
    return {
        "PolicyName": document.name.rpartition("/")[2], "Arn": document.name, "Path": document.content["path"],
        "PolicyId": "ANPA" + hashlib.sha256(document.name.encode()).hexdigest()[:17].upper(), "DefaultVersionId": "v1",
        "AttachmentCount": _attachments(call, document.name), "PermissionsBoundaryUsageCount": 0, "IsAttachable": True,
        "Description": document.content["description"], "CreateDate": document.created, "UpdateDate": document.updated,
    }  # fmt: skip


def _document(text: str) -> None:
    """Refuse what is no policy document."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or "Statement" not in content:
        raise AwsError("MalformedPolicyDocument", "This policy contains invalid Json, or has no Statement")


def _page(member: str, items: Sequence[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    start = listing.place(params["Marker"]) if params.get("Marker") else 0
    end = start + int(params.get("MaxItems") or PAGE)
    more = end < len(items)
    return {member: list(items[start:end]), "IsTruncated": more, "Marker": listing.token(end) if more else None}


def _exists(message: str) -> AwsError:
    return AwsError("EntityAlreadyExists", message, status=409)


def _missing(message: str) -> AwsError:
    return AwsError("NoSuchEntity", message, status=404)
