"""An error as a client of AWS sees it."""

from collections.abc import Mapping
from typing import Any


class AwsError(Exception):
    """An error as a client of AWS sees it.

    Parameters
    ----------
    code : str
        "ValidationException", "ResourceNotFound".
    message : str
    status : int
        The HTTP status.
    fields : mapping
        Further members of the error's shape, such as ``OriginalStatusCode``.
    headers : mapping
        Further response headers.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
        self.fields, self.headers = dict(fields or {}), dict(headers or {})


def invalid(message: str) -> AwsError:
    """Make the error SageMaker answers most often."""
    return AwsError("ValidationException", message)
