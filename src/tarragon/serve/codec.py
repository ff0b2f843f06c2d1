"""The encodings every framework's container reads and writes by default: JSON, CSV and NumPy's own two."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tarragon.serve.protocol import RefusalError

JSON, CSV, NPY, NPZ = "application/json", "text/csv", "application/x-npy", "application/x-npz"
ANY = frozenset({"*/*", "", "application/*"})


def media(content_type: str) -> str:
    """Strip a content type of its parameters.

    Examples
    --------
    >>> media("text/CSV; charset=utf-8")
    'text/csv'
    """
    return content_type.partition(";")[0].strip().lower()


def decode(body: bytes, content_type: str) -> Any:
    """Make an array of a request. Raises ``RefusalError``: 415 for a type that is not known, 400 for nonsense."""
    reader = READERS.get(media(content_type))
    if reader is None:
        raise unsupported(content_type)
    try:
        return reader(body)
    except (ValueError, OSError, KeyError, EOFError) as error:
        raise RefusalError(400, f"The body is not {media(content_type)}: {error}") from error


def encode(value: Any, accept: str) -> tuple[bytes, str]:
    """Write a prediction as asked. Raises ``RefusalError`` with status 406 for a type that is not known."""
    for wanted in accept.split(","):
        kind = JSON if media(wanted) in ANY else media(wanted)
        if kind in WRITERS:
            return WRITERS[kind](value), kind
    raise RefusalError(406, f"Accept type {accept} is not supported: {', '.join(WRITERS)}")


def unsupported(content_type: str) -> RefusalError:
    """Make the refusal of a content type nobody here reads."""
    return RefusalError(415, f"Content type {content_type} is not supported by this framework: {', '.join(READERS)}")


def _from_json(body: bytes) -> Any:
    return np.asarray(json.loads(body))


def _from_csv(body: bytes) -> Any:
    text = body.decode("utf-8")
    return np.genfromtxt(io.StringIO(text), dtype=np.float32, delimiter=",")


def _from_npz(body: bytes) -> Any:
    with np.load(io.BytesIO(body), allow_pickle=False) as held:
        return held[held.files[0]]


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else _listed(value)


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _to_csv(value: Any) -> bytes:
    if isinstance(value, str | bytes):
        return value if isinstance(value, bytes) else value.encode()
    rows = np.asarray(value)
    rows = rows.reshape(-1, 1) if rows.ndim < 2 else rows.reshape(len(rows), -1)
    return "".join(",".join(map(str, row.tolist())) + "\n" for row in rows).encode()


def _to_npy(value: Any) -> bytes:
    held = io.BytesIO()
    np.save(held, np.asarray(value), allow_pickle=False)
    return held.getvalue()


def _to_npz(value: Any) -> bytes:
    held = io.BytesIO()
    np.savez(held, np.asarray(value))
    return held.getvalue()


READERS: Mapping[str, Callable[[bytes], Any]] = {
    JSON: _from_json,
    CSV: _from_csv,
    NPY: lambda body: np.load(io.BytesIO(body), allow_pickle=False),
    NPZ: _from_npz,
}
WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    JSON: lambda value: json.dumps(_plain(value)).encode(),
    CSV: _to_csv,
    NPY: _to_npy,
    NPZ: _to_npz,
}
