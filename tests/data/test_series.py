"""Series from JSON Lines, gzip and Parquet; what is none is refused by line."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tarragon.data import Series, SeriesSet, read_series, series_in, series_of
from tarragon.errors import DataError

RECORD = {
    "start": "2024-01-31 13:00:00",
    "target": [1, None, "NaN", 2.5],
    "cat": [0, 3],
    "dynamic_feat": [[1, 2, 3, 4]],
}


def test_a_record_is_read() -> None:
    one = series_of(RECORD, "here")
    assert one.start == np.datetime64("2024-01-31T13:00:00", "s")
    np.testing.assert_array_equal(one.target, [1, np.nan, np.nan, 2.5])
    assert (one.cat, one.n_dynamic, len(one)) == ((0, 3), 1, 4)
    assert len(one.head(2)) == 2
    assert series_of({"start": "2024-01-31", "target": [], "cat": 1}, "here").cat == (1,)


def test_files_of_every_dressing_in_subfolders(tmp_path: Path) -> None:
    line = json.dumps(RECORD).encode()
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.json").write_bytes(line + b"\n\n" + line)
    (tmp_path / "deep" / "b.json.gz").write_bytes(gzip.compress(line))
    (tmp_path / ".hidden").write_bytes(b"no series")
    (tmp_path / "_SUCCESS").write_bytes(b"")
    frame = pl.DataFrame({"start": [RECORD["start"]], "target": [[1.0, None]], "cat": [[0, 3]], "other": [1]})
    frame.write_parquet(tmp_path / "c.parquet")
    found = read_series(tmp_path)
    assert isinstance(found, SeriesSet)
    assert [len(one) for one in found] == [4, 4, 2, 4]


def test_parquet_with_moments_is_read() -> None:
    frame = pl.DataFrame({"start": ["2024-01-31 13:00:00"], "target": [[1.0]]}).with_columns(
        pl.col("start").str.to_datetime()
    )
    file = io.BytesIO()
    frame.write_parquet(file)
    assert series_in(file.getvalue())[0].start == np.datetime64("2024-01-31T13:00:00", "s")


@pytest.mark.parametrize(
    "more",
    [
        {"start": "2024-01-31T13:00:00+01:00"}, {"start": 5}, {"start": "NaT"}, {"start": "0001-01-01"}, {"target": 3},
        {"target": [True]}, {"target": [[1]]}, {"target": ["inf"]}, {"target": [1e999]}, {"cat": ["a"]},
        {"cat": [True]},
        {"dynamic_feat": 1}, {"dynamic_feat": [1]}, {"dynamic_feat": [[1], [1, 2]]}, {"dynamic_feat": [[None]]},
    ],
)  # fmt: skip
def test_records_that_are_no_series_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="line 7"):
        series_of({**RECORD, **more}, "line 7")


@pytest.mark.parametrize("content", [b"[]", b"3", b"{", b"\x1f\x8bzz", b"PAR1zz", b"\xff"])
def test_bytes_that_are_no_series_are_refused(content: bytes) -> None:
    with pytest.raises(DataError):
        series_in(content)
    with pytest.raises(DataError, match="image/png"):
        series_in(b"{}", "image/png")


def test_a_series_is_made_by_hand() -> None:
    assert Series(np.datetime64("2024-01-01", "s"), np.zeros(3)).n_dynamic == 0
