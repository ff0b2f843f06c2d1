"""Answers as the containers write them: JSON, JSON Lines, CSV and recordIO-protobuf."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from tarragon.data import read_body, write_records
from tarragon.errors import DataError
from tarragon.serve.protocol import RefusalError

JSON, LINES, CSV, RECORDS = "application/json", "application/jsonlines", "text/csv", "application/x-recordio-protobuf"
SHORT = {
    "json": JSON, "jsonlines": LINES, "application/x-jsonlines": LINES, "csv": CSV, "recordio-protobuf": RECORDS,
}  # fmt: skip
KNOWN = (JSON, LINES, CSV, RECORDS)
Fields = Mapping[str, Any]


def rows_of(body: bytes, content_type: str) -> Any:
    """Decode a request's rows. Raises ``RefusalError`` 415 for what cannot be read."""
    try:
        return read_body(body, content_type or CSV)
    except DataError as error:
        raise RefusalError(415, str(error)) from error


def fitting(X: Any, width: int) -> Any:
    """Return rows with as many columns as a model has; sparse ones may name fewer. Raises ``RefusalError`` 400."""
    if X.shape[1] == width:
        return X
    if isinstance(X, np.ndarray) or X.shape[1] > width:
        raise RefusalError(
            400, f"Feature size of inference data {X.shape[1]} is not that of the trained model, {width}"
        )
    return sp.csr_matrix((X.data, X.indices, X.indptr), shape=(X.shape[0], width))


@lru_cache(maxsize=128)
def wanted(accept: str, default: str) -> tuple[str, bool]:
    """Choose the content type of an answer, and whether a verbose one was asked for.

    Raises
    ------
    RefusalError
        406: none of those asked for is known.

    Examples
    --------
    >>> wanted("application/jsonlines; verbose=true", "text/csv")
    ('application/jsonlines', True)
    >>> wanted("*/*", "text/csv")
    ('text/csv', False)
    """
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        name = SHORT.get(name, name)
        if name in ("", "*/*", "application/*", "application/octet-stream"):
            name = SHORT.get(default, default)
        if name in KNOWN:
            return name, any(p.replace(" ", "") in ("verbose", "verbose=true") for p in parameters)
    raise RefusalError(406, f"Accept type {accept[:100]} is not supported: use one of {', '.join(KNOWN)}")


def written(fields: Fields, kind: str, *, plural: str = "predictions") -> bytes:
    """Write named columns, each with one entry a row, as the content type asks.

    Parameters
    ----------
    fields : mapping of str to sequence
        Entries are numbers, texts or lists of them.
    kind : str
        One of ``KNOWN``.
    plural : str
        The list's name in JSON.
    """
    if kind == RECORDS:
        return write_records({}, {name: np.asarray(column, np.float32) for name, column in fields.items()})
    if kind == CSV:
        return table(list(fields.values()))
    rows = [dict(zip(fields, row, strict=True)) for row in zip(*fields.values(), strict=True)]
    if kind == JSON:
        return json.dumps({plural: rows}).encode()
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def table(columns: Sequence[Sequence[Any]]) -> bytes:
    """Write columns as CSV; a cell that is a list becomes its JSON in quotes."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for row in zip(*columns, strict=True):
        writer.writerow([json.dumps(cell) if isinstance(cell, list) else cell for cell in row])
    return file.getvalue().encode()
