"""A model of the catalogue that answers one picture a request, as SageMaker's vision containers do."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tarragon.algorithms import get
from tarragon.data import Pictures, read_picture
from tarragon.errors import DataError
from tarragon.serve.builtin import reply
from tarragon.serve.protocol import RefusalError

TYPES = ("image/jpeg", "image/png", "application/x-image", "image/jpg", "image/*", "application/octet-stream", "")
Told = Mapping[str, str]
"""An answer's type's parameters: {"annotation": "1"}, {"verbose": ""}."""
Write = Callable[[Any, Pictures, str, Told], bytes]


class Pictured:
    """Answers requests with a model of the catalogue.

    Parameters
    ----------
    folder : Path
        What ``save`` wrote.
    algorithm : str
        The catalogue's name.
    accepted : tuple of str
        Types of answers, the default first.
    write : callable
        (model, one picture, type of answer, its parameters) -> the answer's bytes.
    environment : mapping of str to str
    """

    def __init__(
        self, folder: Path, algorithm: str, accepted: tuple[str, ...], write: Write, environment: Mapping[str, str]
    ) -> None:
        kind: Any = get(algorithm)
        self._model, self._accepted, self._write = kind.load(folder), accepted, write
        default = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "")
        self._default = default if default in accepted else accepted[0]

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """Answer one picture. Raises ``RefusalError``: 415 another type, 400 no picture, 406 unknown answer type."""
        kind, told = wanted(accept, self._accepted, self._default)
        if content_type.partition(";")[0].strip().lower() not in TYPES:
            raise RefusalError(415, f"Content type {content_type[:100]} is not supported: send a JPEG or PNG")
        try:
            pixels = read_picture(body)
            return self._write(self._model, Pictures.of([pixels]), kind, told), kind
        except DataError as error:
            raise RefusalError(400, str(error)) from error


def wanted(accept: str, accepted: tuple[str, ...], default: str) -> tuple[str, Told]:
    """Choose the type of an answer among those that can be given.

    Raises
    ------
    RefusalError
        406: none of those asked for can.

    Examples
    --------
    >>> wanted("application/json;annotation=1", ("application/json",), "application/json")
    ('application/json', {'annotation': '1'})
    """
    for part in accept.split(","):
        name, *rest = (piece.strip().lower() for piece in part.split(";"))
        told = {p.partition("=")[0].strip(): p.partition("=")[2].strip() for p in rest}
        name = reply.SHORT.get(name, name)
        if name in ("", "*/*", "application/*", "application/octet-stream"):
            name = default
        if name in accepted:
            return name, told
    raise RefusalError(406, f"Accept type {accept[:100]} is not supported: use one of {', '.join(accepted)}")
