import datetime as dt

import numpy as np
import polars as pl
import pytest

from tarragon.data.frames import from_frame
from tarragon.errors import DataError

pd = pytest.importorskip("pandas")


def convert(frame):
    return from_frame(frame, lambda name: False)


def test_pandas_types_arrive_as_plain_columns():
    frame = pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [0.5, np.nan, np.inf],
            "s": ["a", None, "c"],
            "cat": pd.Categorical(["u", "v", None]),
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "when": pd.to_datetime(["2020-01-01 00:00:00", None, "2020-01-03 05:06:07"]),
        },
        index=[10, 20, 30],
    )
    made = convert(frame)
    assert made.columns == list(frame.columns)
    assert made["i"].to_list() == [1, 2, 3]
    assert made["f"].to_list()[0] == 0.5
    assert made["s"].to_list() == ["a", None, "c"]
    assert made["cat"].to_list() == ["u", "v", None]
    assert made["nullable"].to_list() == [1, None, 3]
    assert made["flag"].to_list() == [True, None, False]
    assert made["when"].to_list() == [dt.datetime(2020, 1, 1), None, dt.datetime(2020, 1, 3, 5, 6, 7)]


def test_mixed_objects_become_text_and_column_numbers_names():
    frame = pd.DataFrame({0: [1, "x", 2.0, None, True], 1: [10**30, 5, 6, 7, 8]}, dtype=object)
    made = convert(frame)
    assert made.columns == ["0", "1"]
    assert made["0"].to_list() == ["1", "x", "2", None, "true"]
    assert made["1"].to_list()[0] == str(10**30)


def test_arrow_tables():
    pa = pytest.importorskip("pyarrow")
    made = convert(pa.table({"a": [1, None, 3], "b": ["x", "y", None]}))
    assert made.to_dict(as_series=False) == {"a": [1, None, 3], "b": ["x", "y", None]}


def test_names_that_occur_twice_are_an_error():
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    with pytest.raises(DataError, match='More than once: "a"'):
        convert(frame)


def test_lists_in_cells_are_named():
    with pytest.raises(DataError, match='"a"'):
        convert(pd.DataFrame({"a": [[1], [2, 3]]}))


def test_things_that_are_no_frame():
    with pytest.raises(DataError, match="Cannot read a table from int"):
        convert(5)


def test_polars_lazy_frames_are_not_eager():
    with pytest.raises(DataError, match="LazyFrame"):
        convert(pl.LazyFrame({"a": [1]}))
