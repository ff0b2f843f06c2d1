"""The toolkit's errors: each is a status of HTTP and a message."""


class GenericInferenceToolkitError(Exception):
    """An answer that is an error."""

    def __init__(self, status_code: int, message: str = "", phrase: str = "") -> None:
        super().__init__(message)
        self.status_code, self.message, self.phrase = status_code, message, phrase


class BaseInferenceToolkitError(GenericInferenceToolkitError):
    """The older name."""


class UnsupportedFormatError(GenericInferenceToolkitError):
    """A content type nobody here reads or writes."""

    def __init__(self, content_type: str, **_: object) -> None:
        super().__init__(415, f"Content type {content_type} is not supported by this framework.")
