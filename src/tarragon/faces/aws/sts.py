"""STS: who is calling, and temporary keys, which really sign and really end."""

from tarragon.engine import Key
from tarragon.faces.aws.protocol import Answer, AwsError, Call, Operations

operations = Operations("sts")
ROLE = "TarragonRole"
SESSION_S = 3600


def caller(call: Call) -> tuple[str, str]:
    """Name the caller: role and session. The SDK makes an execution role of it."""
    key = call.server.keys.find(call.principal)
    principal = key.principal if key is not None and "/" in key.principal else f"{ROLE}/tarragon"
    role, _, session = principal.partition("/")
    return role, session


@operations.answer
def get_caller_identity(call: Call) -> Answer:
    """Say who is calling, as an assumed role: a user's ARN would make ``get_execution_role`` fail."""
    role, session = caller(call)
    arn = f"arn:aws:sts::{call.account}:assumed-role/{role}/{session}"
    return {"UserId": f"{call.principal}:{session}", "Account": call.account, "Arn": arn}


@operations.answer
def assume_role(call: Call) -> Answer:
    """Make temporary keys for a role."""
    role = call.params["RoleArn"].rpartition("/")[2]
    return _assumed(call, role, call.params["RoleSessionName"])


@operations.answer
def get_session_token(call: Call) -> Answer:
    """Make temporary keys for the caller."""
    role, session = caller(call)
    made = call.server.keys.issue(f"{role}/{session}", call.params.get("DurationSeconds", SESSION_S))
    return {"Credentials": _credentials(made)}


@operations.answer
def get_access_key_info(call: Call) -> Answer:
    """Say whose a key is."""
    if call.server.keys.find(call.params["AccessKeyId"]) is None:
        raise AwsError("ValidationError", "The access key is not known here")
    return {"Account": call.account}


def _assumed(call: Call, role: str, session: str) -> Answer:
    made = call.server.keys.issue(f"{role}/{session}", call.params.get("DurationSeconds", SESSION_S))
    arn = f"arn:aws:sts::{call.account}:assumed-role/{role}/{session}"
    user = {"AssumedRoleId": f"AROA{made.access_key[4:]}:{session}", "Arn": arn}
    return {"Credentials": _credentials(made), "AssumedRoleUser": user}


def _credentials(key: Key) -> dict[str, object]:
    return {
        "AccessKeyId": key.access_key, "SecretAccessKey": key.secret, "SessionToken": key.token,
        "Expiration": key.expires,
    }  # fmt: skip
