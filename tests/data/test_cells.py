import polars as pl
import pytest

from tarragon.data.cells import cell_text, column, flat
from tarragon.errors import DataError


def test_columns_take_the_common_type():
    assert column("a", [1, None, 2], "t").dtype == pl.Int64
    assert column("a", [1, 2.5], "t").dtype == pl.Float64
    assert column("a", [True, None], "t").dtype == pl.Boolean
    assert column("a", [None, None], "t").dtype == pl.String


def test_mixed_types_become_text_without_losing_digits():
    made = column("a", [True, 1, 3.0, 2**70, "x", None], "t")
    assert made.to_list() == ["true", "1", "3", str(2**70), "x", None]


def test_whole_floats_and_integers_are_one_level():
    assert cell_text(3.0) == cell_text(3) == "3"
    assert cell_text(float("nan")) == ""


def test_nested_columns_are_refused_unless_unused():
    frame = pl.DataFrame({"a": [[1]], "b": [{"x": 1}], "c": [b"raw"], "d": [1]})
    with pytest.raises(DataError, match='"a", "b", "c"'):
        flat(frame, "t")
    assert flat(frame, "t", lambda name: name != "d")["d"].to_list() == [1]
