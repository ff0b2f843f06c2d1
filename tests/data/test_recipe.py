import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarragon.data.recipe import Recipe, apply, few


@pytest.mark.parametrize(
    ("style", "cells", "expected"),
    [
        (
            "",
            ["1", " 2.5 ", "1e3", "-.5", "x", "inf", "nan", "1_000", None],
            [1, 2.5, 1000, -0.5, None, None, None, None, None],
        ),
        ("money", ["1,234.5", "$ 20", "€3", "45%", "-7", "?"], [1234.5, 20, 3, 45, -7, None]),
        ("comma", ["1.234,5", "0,25", "-7", "12.345.678,9", "x"], [1234.5, 0.25, -7, 12345678.9, None]),
        ("clock", ["00:00", "1:30", "23:59:30", "noon"], [0, 90, 1439.5, None]),
    ],
)
def test_numbers_in_every_writing(style, cells, expected):
    made = apply(pl.Series("a", cells, dtype=pl.String), Recipe("number", style))
    assert made.to_list() == expected
    assert made.dtype == pl.Float64


def test_typed_cells_are_brought_to_the_type():
    assert apply(pl.Series([1, None, 3]), Recipe("number")).to_list() == [1.0, None, 3.0]
    assert apply(pl.Series([1.0, float("nan"), float("inf")]), Recipe("number")).to_list() == [1.0, None, None]
    assert apply(pl.Series([1, 2]), Recipe("text")).to_list() == ["1", "2"]
    assert apply(pl.Series([1.0, 2.5, None]), Recipe("text")).to_list() == ["1", "2.5", None]
    assert apply(pl.Series([True, None]), Recipe("text")).to_list() == ["true", None]
    assert apply(pl.Series(["Yes", "no", "?"]), Recipe("boolean")).to_list() == [True, False, None]
    assert apply(pl.Series([1, 0, 2]), Recipe("boolean")).to_list() == [True, False, None]
    assert apply(pl.Series(["a", "b"], dtype=pl.Categorical), Recipe("text")).to_list() == ["a", "b"]


def test_na_is_a_level_among_codes_only():
    cells = pl.Series(["NA", "EU", " ", "?"])
    assert apply(cells, Recipe("text")).to_list() == [None, "EU", None, None]
    assert apply(cells, Recipe("text", "codes")).to_list() == ["NA", "EU", None, None]


CELLS = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "NA", "none", "?", "nan", "inf", "1_0", "0x1", "1.", ".5", "+3", "1e5", "--", "yes"]),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.text(max_size=8),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(CELLS, min_size=1, max_size=6),
    st.sampled_from([Recipe("number"), Recipe("text"), Recipe("text", "codes")]),
)
def test_few_cells_are_read_as_many_are(cells, recipe):
    series = pl.Series("a", cells, dtype=pl.String)
    quick = few(series, recipe)
    assert quick is not None
    assert quick.to_list() == apply(series, recipe).to_list()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats()), min_size=1, max_size=6))
def test_few_numbers_are_read_as_many_are(cells):
    series = pl.Series("a", cells, dtype=pl.Float64)
    assert few(series, Recipe("number")).to_list() == apply(series, Recipe("number")).to_list()
