"""Time series as forecasting channels hold them: JSON Lines (plain or gzipped) and Parquet, one series a record.

A record has ``start``, ``target``, and possibly ``cat`` (whole numbers from 0) and ``dynamic_feat`` (one list per
feature, known beforehand for the time to be forecast).
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tarragon.data.arrays import Vector
from tarragon.data.channel import files
from tarragon.errors import DataError

EARLIEST, LATEST = np.datetime64("1000-01-01", "s"), np.datetime64("3000-01-01", "s")
SKIPPED = "_SUCCESS"  # left by cluster jobs beside what they wrote
FIELDS = ("start", "target", "cat", "dynamic_feat")


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One series.

    Parameters
    ----------
    start : datetime64[s]
        When the first observation was made.
    target : ndarray of shape (t,), float64
        NaN is missing.
    cat : tuple of int
        Its categories.
    dynamic : ndarray of shape (k, t or more), float64
        Features along time, without gaps; longer than the target where the future is to be forecast.
    """

    start: np.datetime64
    target: Vector
    cat: tuple[int, ...] = ()
    dynamic: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.target)

    @property
    def n_dynamic(self) -> int:
        """Features along time."""
        return 0 if self.dynamic is None else len(self.dynamic)

    def head(self, n: int) -> "Series":
        """Return the first ``n`` observations, with all that is known of the features."""
        return Series(self.start, self.target[:n], self.cat, self.dynamic)


@dataclass(frozen=True, slots=True, eq=False)
class SeriesSet:
    """Series that are learnt from, or forecast, together."""

    items: tuple[Series, ...]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Series]:
        return iter(self.items)


def read_series(folders: Path | Sequence[Path], content_type: str = "") -> SeriesSet:
    """Read every file of a channel, subfolders too.

    Parameters
    ----------
    folders : Path or sequence of Path
    content_type : str
        Of JSON Lines or Parquet; "" lets each file's own bytes say.

    Raises
    ------
    DataError
        A file cannot be read, or a record is not a series; it says which.
    """
    found: list[Series] = []
    for path in files([folders] if isinstance(folders, Path) else folders):
        if path.name.startswith(SKIPPED):
            continue
        try:
            found += series_in(path.read_bytes(), content_type)
        except DataError as error:
            raise DataError(f"{path.name}: {error.what}", why=error.why, fix=error.fix) from error
    if not found:
        raise DataError("The channel has no series", why="All its files are empty", fix="Give at least one series")
    return SeriesSet(tuple(found))


def series_in(content: bytes, content_type: str = "") -> list[Series]:
    """Decode one file's bytes. Raises ``DataError``."""
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise _bad(f"it is not whole gzip ({error})") from error
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("", "json", "application/json", "jsonlines", "application/jsonlines", "application/x-jsonlines",
                    "parquet", "application/x-parquet", "auto"):  # fmt: skip
        raise DataError(
            f"The content type {content_type[:80]!r} cannot be read here",
            why="It is not one of series",
            fix="Use application/jsonlines or application/x-parquet",
        )
    if content[:4] == b"PAR1" or "parquet" in kind:
        return _parquet(content)
    return [series_of(record, f"line {n}") for n, record in _lines(content)]


def _lines(content: bytes) -> Iterator[tuple[int, Any]]:
    for n, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                yield n, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _bad(f"line {n} is not JSON ({str(error)[:100]})") from error


def _parquet(content: bytes) -> list[Series]:
    try:
        frame = pl.read_parquet(io.BytesIO(content))
        kept = frame.select([name for name in FIELDS if name in frame.columns])
        if "start" in kept.columns and kept["start"].dtype != pl.String:
            kept = kept.with_columns(pl.col("start").dt.strftime("%Y-%m-%d %H:%M:%S"))
        rows = kept.to_dicts()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, AttributeError) as error:
        raise _bad(f"it is not Parquet of series ({str(error).splitlines()[0][:100]})") from error
    return [series_of({k: v for k, v in row.items() if v is not None}, f"row {n}") for n, row in enumerate(rows, 1)]


def series_of(record: Any, where: str) -> Series:
    """Make a series of a record.

    Parameters
    ----------
    record : mapping
        With "start" and "target".
    where : str
        How to call it when it cannot be used.

    Raises
    ------
    DataError
    """
    if not isinstance(record, Mapping):
        raise _bad(f"{where} is not an object")
    for name in ("start", "target"):
        if name not in record:
            raise _bad(f'{where} has no "{name}"')
    start = _start(record["start"], where)
    target = _numbers(record["target"], f"{where}: target")
    cat = record.get("cat", [])
    cat = cat if isinstance(cat, list) else [cat]
    if any(isinstance(c, bool) or not isinstance(c, int) or not 0 <= c < 1 << 31 for c in cat):
        raise _bad(f"{where}: cat holds something else than whole numbers from 0: {str(cat)[:60]}")
    return Series(start, target, tuple(cat), _dynamic(record.get("dynamic_feat"), where))


def _start(raw: object, where: str) -> np.datetime64:
    words = str(raw).strip()
    try:
        if not isinstance(raw, str) or words.endswith("Z") or "+" in words:
            raise ValueError("it is not a text, or names a time zone")
        start = np.datetime64(words, "s")
        if np.isnat(start) or not EARLIEST <= start < LATEST:
            raise ValueError("it is not a date between the years 1000 and 3000")
    except (ValueError, OverflowError) as error:
        raise _bad(f"{where}: start {words[:40]!r} is not like 2024-01-31 13:00:00 without a zone ({error})") from error
    return start


def _numbers(raw: object, where: str) -> Vector:
    """Read a list of numbers; null and "NaN" are missing."""
    if not isinstance(raw, list) or any(isinstance(v, bool) or (isinstance(v, str) and v != "NaN") for v in raw):
        raise _bad(f'{where} is not a list of numbers, null or "NaN"')
    try:
        values = np.array([np.nan if v is None else v for v in raw], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise _bad(f"{where} is not a list of numbers") from error
    if values.ndim != 1 or np.isinf(values).any():
        raise _bad(f"{where} holds infinity or lists")
    return values


def _dynamic(raw: object, where: str) -> NDArray[np.float64] | None:
    if raw is None or raw == []:
        return None
    if not isinstance(raw, list):
        raise _bad(f"{where}: dynamic_feat is not a list of lists")
    rows = [_numbers(row, f"{where}: dynamic_feat {i}") for i, row in enumerate(raw)]
    if len({len(row) for row in rows}) > 1:
        raise _bad(f"{where}: the features of dynamic_feat differ in length")
    found = np.stack(rows)
    if np.isnan(found).any():
        raise _bad(f"{where}: dynamic_feat has gaps, which are not allowed")
    return found


def _bad(why: str) -> DataError:
    return DataError(
        "The series cannot be read", why=why, fix='Write {"start": "2024-01-01 00:00:00", "target": [1, 2, null]}'
    )
