"""An error keeps all that is written of it, and its own copy of it."""

from tarragon.faces.aws.error import AwsError, invalid


def test_an_error_keeps_what_is_written_of_it() -> None:
    fields, headers = {"OriginalStatusCode": 500}, {"Retry-After": "1"}
    error = AwsError("ModelError", "it failed", status=424, fields=fields, headers=headers)
    fields.clear()
    headers.clear()
    assert (error.code, error.message, error.status, str(error)) == ("ModelError", "it failed", 424, "it failed")
    assert error.fields == {"OriginalStatusCode": 500}
    assert error.headers == {"Retry-After": "1"}


def test_what_is_invalid_is_a_bad_request() -> None:
    error = invalid("no such name")
    assert (error.code, error.status, error.message) == ("ValidationException", 400, "no such name")
    assert error.fields == error.headers == {}
