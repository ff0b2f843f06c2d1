"""Content types: bytes as a training channel or a request holds them, decoded into a matrix and labels.

Known are CSV, LIBSVM, Parquet, recordIO-protobuf, JSON, JSON Lines and NumPy's own format, each by the names that
SageMaker's containers take. Tables of numbers only, without a header: whoever has more than that has a native table.
"""

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp

from tarragon.data.arrays import Matrix, Vector
from tarragon.data.recordio import MAX_COLUMNS, Rows, read_rows
from tarragon.errors import DataError, near_miss

NAMES: Mapping[str, str] = {
    "text/csv": "csv", "csv": "csv", "text/libsvm": "libsvm", "text/x-libsvm": "libsvm", "libsvm": "libsvm",
    "application/x-parquet": "parquet", "parquet": "parquet", "application/x-recordio-protobuf": "recordio",
    "recordio-protobuf": "recordio", "application/json": "json", "json": "json", "application/jsonlines": "jsonlines",
    "application/x-jsonlines": "jsonlines", "application/x-npy": "npy",
}  # fmt: skip
SEPARATORS = (",", "\t", ";", "|", " ")
FEW_BYTES = 65_536  # text below this is read here: a parser for large tables costs more to start


@dataclass(frozen=True, slots=True)
class Media:
    """A content type, understood: one of our formats, and how many leading columns are the label (-1: not said)."""

    kind: str
    labels: int = -1


@lru_cache(maxsize=256)
def media(content_type: str) -> Media:
    """Read a content type with its parameters.

    Raises
    ------
    DataError
        It is not one of those known, or ``label_size`` is not a number.

    Examples
    --------
    >>> media("text/csv; label_size=0")
    Media(kind='csv', labels=0)
    """
    name, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if name not in NAMES:
        raise DataError(
            f"The content type {content_type[:80]!r} cannot be read here",
            why="It is not a table of numbers",
            fix=near_miss(name, NAMES),
        )
    given = next((p.partition("=")[2].strip() for p in parameters if p.partition("=")[0].strip() == "label_size"), "-1")
    if not re.fullmatch(r"-1|\d{1,3}", given):
        raise DataError(
            f"label_size={given[:20]} cannot be read", why="It is not a number", fix="Use label_size=0 or 1"
        )
    return Media(NAMES[name], int(given))


def read_body(body: bytes, content_type: str) -> "Matrix | sp.csr_matrix":
    """Decode the rows of a request, (n, d) float32, gaps as NaN; labels that came along are dropped.

    Raises
    ------
    DataError
        The content type is unknown, or the bytes are not what it says.
    """
    kind = media(content_type)
    if kind.kind == "csv" and kind.labels < 1 and len(body) < FEW_BYTES:
        quick = _few(body)
        if quick is not None:
            return quick
    return decode(body, kind, max(0, kind.labels)).X


def decode(content: bytes, kind: Media, labels: int) -> Rows:
    """Decode bytes.

    Parameters
    ----------
    content : bytes
    kind : Media
    labels : int
        How many leading columns are not features (CSV and Parquet); LIBSVM and recordIO say so themselves.

    Raises
    ------
    DataError
    """
    if not content.strip(b" \r\n\t") and kind.kind != "npy":
        raise DataError("There are no rows", why="The body or file is empty", fix="Send at least one row")
    if kind.kind == "recordio":
        return read_rows(content)
    if kind.kind == "libsvm":
        return _libsvm(content, labels)
    return _split(READERS[kind.kind](content), labels)


def _split(table: "Vector | Matrix", labels: int) -> Rows:
    if table.shape[1] <= labels:
        raise DataError(
            "There are no feature columns",
            why=f"The rows have {table.shape[1]} columns, of which {labels} are the label",
            fix="Put the label first and the features after it, or say label_size=0",
        )
    y = np.asarray(table[:, 0], np.float64) if labels else None
    return Rows(np.ascontiguousarray(table[:, labels:], dtype=np.float32), y)


# --- CSV -------------------------------------------------------------------------------------------------------------


def _few(body: bytes) -> Matrix | None:
    """Read a few comma-separated rows cell by cell, or return None for anything out of the ordinary."""
    if b"_" in body or b'"' in body:
        return None
    lines = body.split()
    if not lines or (len(lines) > 1 and (b" " in body.strip() or b"\t" in body)):
        return None
    try:
        return np.array([[float(cell) for cell in line.split(b",")] for line in lines], dtype=np.float32)
    except ValueError:
        pass
    try:
        return np.array([[float(cell or b"nan") for cell in line.split(b",")] for line in lines], dtype=np.float32)
    except ValueError:
        return None


def _csv(content: bytes) -> Vector:
    """Read a whole table, (n, d) float64; the separator is the one that cuts the first line most often."""
    first = content.lstrip(b"\r\n").partition(b"\n")[0].strip(b"\r")
    counts = {mark: first.count(mark.encode()) for mark in SEPARATORS}
    mark = next((m for m in SEPARATORS[:-1] if counts[m]), " " if counts[" "] and b" " in first.strip() else ",")
    width = first.count(mark.encode()) + 1
    for kind in (pl.Float64, pl.String):
        try:
            frame = pl.read_csv(
                io.BytesIO(content),
                has_header=False,
                separator=mark,
                schema={f"column {i}": kind for i in range(width)},
                truncate_ragged_lines=False,
            )
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
            if kind == pl.String:
                raise _not_csv(str(error).splitlines()[0]) from error
            continue
        _even(content, frame, mark)
        return np.asarray((frame if kind == pl.Float64 else _cells(frame)).to_numpy(), dtype=np.float64)
    raise AssertionError("one of the two readers answers")


def _even(content: bytes, frame: pl.DataFrame, mark: str) -> None:
    """Refuse rows that are shorter than the first, which the reader fills up."""
    expected = frame.height * (frame.width - 1)
    if mark != " " and b'"' not in content and content.count(mark.encode()) != expected:
        raise _not_csv(f"not all rows have {frame.width} columns as the first does")


def _cells(frame: pl.DataFrame) -> pl.DataFrame:
    """Read cells with blanks around them; name the first that is not a number."""
    trimmed = frame.select(pl.all().str.strip_chars().replace("", None))
    numbers = trimmed.select(pl.all().cast(pl.Float64, strict=False))
    for name in frame.columns:
        wrong = trimmed[name].filter(numbers[name].is_null() & trimmed[name].is_not_null())
        if len(wrong):
            raise _not_csv(f"{name} holds {wrong[0][:40]!r}, which is not a number")
    return numbers


def _not_csv(why: str) -> DataError:
    return DataError(
        "The CSV data cannot be read",
        why=why,
        fix="Send rows of numbers, equally many in each, without a header and with the label first",
    )


# --- other formats ---------------------------------------------------------------------------------------------------


def _libsvm(content: bytes, labels: int) -> Rows:
    """Read ``label[:weight] [qid:n] index:value …``; a request's rows may lack the label."""
    from sklearn.datasets import load_svmlight_file

    lines = [line for line in content.splitlines() if line.strip() and not line.lstrip().startswith(b"#")]
    pair = lines[0].split(None, 1)[0].partition(b":") if lines else (b"", b"", b"")
    weight = query = None
    try:
        if pair[1] and labels:
            heads = [line.split(None, 1) for line in lines]
            marks = [head[0].partition(b":") for head in heads]
            weight = np.array([float(mark[2]) for mark in marks])
            lines = [b" ".join([mark[0], *head[1:]]) for mark, head in zip(marks, heads, strict=True)]
        elif pair[1]:
            lines = [b"0 " + line for line in lines]
        file = io.BytesIO(b"\n".join(lines))
        if lines and b" qid:" in lines[0]:
            X, y, query = load_svmlight_file(file, dtype=np.float64, zero_based=True, query_id=True)
            query = np.cumsum(np.diff(query, prepend=query[:1]) != 0)  # rows side by side are one query
        else:
            X, y = load_svmlight_file(file, dtype=np.float64, zero_based=True)
    except (ValueError, IndexError, OverflowError, TypeError) as error:
        raise DataError(
            "The LIBSVM data cannot be read",
            why=str(error),
            fix='Write lines like "1 0:0.5 3:2", columns from 0 rising',
        ) from error
    if X.shape[1] > MAX_COLUMNS:
        raise DataError("The LIBSVM data are too wide", why=f"{X.shape[1]} columns", fix=f"At most {MAX_COLUMNS}")
    return Rows(sp.csr_matrix(X.astype(np.float32)), y if labels or not pair[1] else None, weight, query)


def _parquet(content: bytes) -> Vector:
    try:
        frame = pl.read_parquet(io.BytesIO(content))
        if any(not (kind.is_numeric() or kind == pl.Boolean) for kind in frame.dtypes):
            named = [n for n, k in frame.schema.items() if not (k.is_numeric() or k == pl.Boolean)]
            raise DataError(
                "The Parquet data cannot be read", why=f"{named[0]} is not a number", fix="Encode it, or leave it out"
            )
        return np.asarray(frame.cast(pl.Float64).to_numpy(), dtype=np.float64)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError("The Parquet data cannot be read", why=str(error)[:200], fix="Write it again") from error


def _json(content: bytes) -> "Matrix | Vector":
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _not_json(str(error)) from error
    if isinstance(found, dict):
        found = found.get("instances", [found] if "features" in found or "data" in found else None)
    if isinstance(found, list) and found and not isinstance(found[0], list | dict):
        found = [found]
    if not isinstance(found, list) or not found:
        raise _not_json('there is no list "instances" of at least one row')
    return _instances(found)


def _jsonlines(content: bytes) -> "Matrix | Vector":
    try:
        found = [json.loads(line) for line in content.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise _not_json(str(error)) from error
    return _instances(found)


def _instances(rows: list[Any]) -> "Matrix | Vector":
    """Rows as lists, as ``{"features": […]}``, or as ``{"data": {"features": {"values": […], "keys": […], …}}}``."""
    plain = [_features(row) for row in rows]
    try:
        table = np.array([[np.nan if v is None else v for v in row] for row in plain], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise _not_json("the rows are not lists of equally many numbers") from error
    if table.ndim != 2:
        raise _not_json("the rows are not lists of equally many numbers")
    return table


def _features(row: Any) -> Sequence[Any]:
    while isinstance(row, dict):
        if "keys" in row and "values" in row:
            return _spread(row)
        inner = next((row[name] for name in ("features", "data", "values") if name in row), None)
        if inner is None:
            raise _not_json('a row has no "features"')
        row = inner
    if not isinstance(row, list):
        raise _not_json("a row is not a list of numbers")
    return row


def _spread(row: Mapping[str, Any]) -> Sequence[float]:
    """Lay a sparse row out in full."""
    try:
        width = int(row["shape"][0] if isinstance(row["shape"], list) else row["shape"])
        keys, values = np.asarray(row["keys"], np.int64), np.asarray(row["values"], np.float64)
        if not 0 < width <= 1 << 20 or keys.shape != values.shape or keys.ndim != 1:
            raise ValueError("keys, values and shape disagree")
        if len(keys) and (keys.min() < 0 or keys.max() >= width):
            raise ValueError("a key lies outside the shape")
    except (KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise _not_json(f"a sparse row cannot be read: {error}") from error
    full = np.zeros(width)
    full[keys] = values
    return full.tolist()


def _not_json(why: str) -> DataError:
    return DataError(
        "The JSON data cannot be read", why=why, fix='Send {"instances": [{"features": [1, 2]}]} or [[1, 2]]'
    )


def _npy(content: bytes) -> "Matrix | Vector":
    """Read the header, hold its claims against the bytes that are there, then take the numbers."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_column, dtype = reader(file)
        count = 1
        for side in shape:
            count *= int(side)
        if dtype.kind not in "fiub" or count * dtype.itemsize != len(content) - file.tell() or not 1 <= len(shape) <= 2:
            raise ValueError(f"an array {shape} of {dtype} does not fit the bytes, or is not a table of numbers")
        flat = np.frombuffer(content, dtype, count, file.tell())
    except (ValueError, TypeError, EOFError, SyntaxError, OverflowError) as error:
        raise DataError("The npy data cannot be read", why=str(error)[:200], fix="Write it with numpy.save") from error
    table = flat.reshape(shape, order="F" if by_column else "C").astype(np.float64)
    return table if table.ndim == 2 else table.reshape(1, -1)


READERS: Mapping[str, Callable[[bytes], Any]] = {
    "csv": _csv, "parquet": _parquet, "json": _json, "jsonlines": _jsonlines, "npy": _npy,
}  # fmt: skip
