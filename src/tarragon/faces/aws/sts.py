"""STS: who is calling, and temporary keys, which really sign and really end.

Nothing is issued to an unsigned request, so roles cannot be assumed by web identity or SAML.
"""

import hashlib
import re

from tarragon.engine import Key
from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.protocol import Answer, Call, Operations

operations = Operations("sts")
ROLE, SESSION = "TarragonRole", "tarragon"
ROLE_ARN = re.compile(r"arn:aws[a-z\-]*:iam::(\d{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})", re.ASCII)
ROLE_S, SESSION_S = 3_600, 43_200  # how long a role's keys work unless told otherwise, and a session's


def caller(call: Call) -> tuple[str, str]:
    """Name the caller: role and session. The SDK makes an execution role of it."""
    key = call.server.keys.find(call.principal)
    role, between, session = key.principal.partition("/") if key is not None else ("", "", "")
    return (role, session) if between else (ROLE, SESSION)


def role_id(role: str) -> str:
    """Make the id that AWS gives a role beside its name; IAM and STS agree on it.

    Examples
    --------
    >>> role_id("TarragonRole") == role_id("TarragonRole") != role_id("Other")
    True
    """
    return "AROA" + hashlib.sha256(role.encode()).hexdigest()[:17].upper()


@operations.answer
def get_caller_identity(call: Call) -> Answer:
    """Say who is calling, as an assumed role: a user's ARN would make ``get_execution_role`` fail."""
    role, session = caller(call)
    return {"UserId": f"{role_id(role)}:{session}", "Account": call.account, "Arn": _arn(call, role, session)}


@operations.answer
def assume_role(call: Call) -> Answer:
    """Make temporary keys for a role."""
    return _assumed(call)


@operations.answer
def get_session_token(call: Call) -> Answer:
    """Make temporary keys for the caller."""
    role, session = caller(call)
    made = call.server.keys.issue(f"{role}/{session}", call.params.get("DurationSeconds") or SESSION_S)
    return {"Credentials": _credentials(made)}


@operations.answer
def get_access_key_info(call: Call) -> Answer:
    """Say whose a key is."""
    if call.server.keys.find(call.params["AccessKeyId"]) is None:
        raise AwsError("ValidationError", "The access key is not known here")
    return {"Account": call.account}


def _assumed(call: Call) -> dict[str, object]:
    arn, session = call.params["RoleArn"], call.params["RoleSessionName"]
    found = ROLE_ARN.fullmatch(arn)
    if found is None:
        raise AwsError("ValidationError", f"{arn} is invalid")
    if found[1] != call.account:
        words = f"User: {_arn(call, *caller(call))} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        raise AwsError("AccessDenied", words, status=403)
    role = found[2]
    made = call.server.keys.issue(f"{role}/{session}", call.params.get("DurationSeconds") or ROLE_S)
    user = {"AssumedRoleId": f"{role_id(role)}:{session}", "Arn": _arn(call, role, session)}
    return {"Credentials": _credentials(made), "AssumedRoleUser": user}


def _arn(call: Call, role: str, session: str) -> str:
    return f"arn:aws:sts::{call.account}:assumed-role/{role}/{session}"


def _credentials(key: Key) -> dict[str, object]:
    return {
        "AccessKeyId": key.access_key, "SecretAccessKey": key.secret, "SessionToken": key.token,
        "Expiration": key.expires,
    }  # fmt: skip
