"""Why a signature is refused, in the words of the service that was asked: S3, the query protocol and JSON differ."""

from collections.abc import Mapping

from tarragon.faces.aws.error import AwsError

QUERY_SERVICES = frozenset({"sts", "iam"})


def incomplete(service: str, message: str) -> AwsError:
    """Make the error of a signature that lacks a part."""
    if service in ("s3", ""):
        return AwsError("AuthorizationHeaderMalformed", f"The authorization header is malformed; {message}")
    return AwsError(
        "IncompleteSignature" if service in QUERY_SERVICES else "IncompleteSignatureException", message, status=403
    )


_WRONG = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your {what} and signing method."
)
_INVALID = "The security token included in the request is invalid"
# reason → (code, message, status) for S3, for the query protocol, for JSON
_REASONS: Mapping[str, tuple[tuple[str, str, int], tuple[str, str, int], tuple[str, str, int]]] = {
    "missing": (
        ("AccessDenied", "Access Denied", 403),
        ("MissingAuthenticationToken", "Request is missing Authentication Token", 403),
        ("MissingAuthenticationTokenException", "Missing Authentication Token", 403),
    ),
    "unknown": (
        ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
        ("InvalidClientTokenId", f"{_INVALID}.", 403),
        ("UnrecognizedClientException", f"{_INVALID}.", 403),
    ),
    "token": (
        ("InvalidToken", "The provided token is malformed or otherwise invalid.", 400),
        ("InvalidClientTokenId", f"{_INVALID}.", 403),
        ("UnrecognizedClientException", f"{_INVALID}.", 403),
    ),
    "expired": (
        ("ExpiredToken", "The provided token has expired.", 400),
        ("ExpiredToken", f"{_INVALID.rpartition(' ')[0]} expired", 403),
        ("ExpiredTokenException", f"{_INVALID.rpartition(' ')[0]} expired", 403),
    ),
    "wrong": (
        ("SignatureDoesNotMatch", _WRONG.format(what="key"), 403),
        ("SignatureDoesNotMatch", _WRONG.format(what="AWS Secret Access Key"), 403),
        ("InvalidSignatureException", _WRONG.format(what="AWS Secret Access Key"), 403),
    ),
    "skewed": (
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", 403),
        ("SignatureDoesNotMatch", "Signature expired: {date} is more than 15 minutes from the server's time", 403),
        ("InvalidSignatureException", "Signature expired: {date} is more than 15 minutes from the server's time", 403),
    ),
}


def refusal(service: str, reason: str, date: str = "") -> AwsError:
    """Make the error for a reason: "missing", "unknown", "token", "expired", "wrong", "skewed".

    Parameters
    ----------
    service : str
        The signing name; "" counts as S3, where requests without a name go.
    reason : str
    date : str
        The request's own, for "skewed".
    """
    kind = 0 if service in ("s3", "") else 1 if service in QUERY_SERVICES else 2
    code, message, status = _REASONS[reason][kind]
    return AwsError(code, message.replace("{date}", date[:40]), status=status)


def query_error(message: str) -> AwsError:
    """Make the error of a presigned URL that lacks a part."""
    return AwsError("AuthorizationQueryParametersError", message)
