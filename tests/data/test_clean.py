import datetime as dt

import polars as pl
import pytest

from tarragon.data.clean import clean


def column(*cells):
    return pl.Series("a", list(cells), dtype=pl.String)


def test_blank_cells_are_missing_and_told():
    made = clean(column("1", " ", "", "2", *["3"] * 20))
    assert made.series.to_list()[:4] == [1, None, None, 2]
    assert made.series.dtype == pl.Int64
    assert made.notes == ("2 blank cells read as missing",)


def test_nearly_all_numbers_is_a_column_of_numbers():
    made = clean(column(*["1.5"] * 40, "n.a.", "oops"))
    assert made.series.dtype == pl.Float64
    assert made.series.null_count() == 2
    assert '"oops"' in made.notes[0]
    assert clean(column(*["1.5"] * 8, "low", "high")).series.dtype == pl.String


def test_markers_do_not_count_against_numbers():
    made = clean(column(*["7"] * 10, *["?"] * 30))
    assert made.series.dtype == pl.Int64
    assert made.series.null_count() == 30


def test_clear_markers_are_missing_among_words_and_plain_words_stay():
    made = clean(column("red", "?", "N/A", "None", "unknown", "null", "-", "NA"))
    assert made.series.to_list() == ["red", None, None, "None", "unknown", None, None, None]


def test_namibia_stays():
    made = clean(column("NA", "DE", "FR", "IT", "US", "NA"))
    assert made.series.to_list() == ["NA", "DE", "FR", "IT", "US", "NA"]


def test_codes_padded_with_zeros_stay_words():
    assert clean(column("00123", "04567", "99999")).series.to_list() == ["00123", "04567", "99999"]


def test_numbers_too_long_for_floats_stay_words_when_they_would_blur():
    near = [str(10**20 + i) for i in range(5)]
    assert clean(column(*near)).series.to_list() == near
    assert clean(column(str(10**20), str(10**25))).series.to_list() == [1e20, 1e25]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1,234.50", "12.00", "1,000"], [1234.5, 12.0, 1000.0]),
        (["$1,200", "$30", "$4.5"], [1200.0, 30.0, 4.5]),
        (["12%", "3.5%", "40%"], [12.0, 3.5, 40.0]),
        (["1,5", "2,25", "1.000,75"], [1.5, 2.25, 1000.75]),
        (["08:30", "17:45", "00:15"], [510.0, 1065.0, 15.0]),
    ],
)
def test_numbers_in_other_writing(cells, expected):
    assert clean(column(*cells)).series.to_list() == expected


def test_true_and_false_become_booleans_yes_and_no_stay_words():
    assert clean(column("True", "false", "TRUE", None)).series.to_list() == [True, False, True, None]
    assert clean(column("yes", "no", "yes")).series.to_list() == ["yes", "no", "yes"]


def test_dates_become_datetimes():
    made = clean(column("2020-02-03", "2020-11-30", "?", "2021-01-01 06:07:08"))
    assert made.series.to_list() == [
        dt.datetime(2020, 2, 3), dt.datetime(2020, 11, 30), None, dt.datetime(2021, 1, 1, 6, 7, 8),
    ]  # fmt: skip


def test_infinities_of_frames_are_missing_with_a_note():
    made = clean(pl.Series("a", [1.0, float("inf"), float("nan"), None]))
    assert made.series.to_list() == [1.0, None, None, None]
    assert made.notes == ("1 infinite values read as missing",)


def test_huge_unsigned_integers_become_floats():
    assert clean(pl.Series("a", [2**64 - 1, 0], dtype=pl.UInt64)).series.to_list() == [float(2**64), 0.0]


def test_times_and_durations_become_minutes():
    assert clean(pl.Series("a", [dt.time(1, 30), None])).series.to_list() == [90.0, None]
    assert clean(pl.Series("a", [dt.timedelta(hours=2)])).series.to_list() == [120.0]


def test_asked_types_win():
    assert clean(column("1", "2", "x"), "number").series.to_list() == [1, 2, None]
    assert clean(column("1", "02", "3"), "text").series.to_list() == ["1", "02", "3"]
    assert clean(column("1", "0", "1"), "boolean").series.to_list() == [True, False, True]
    assert clean(pl.Series("a", [1.0, 2.0]), "text").series.to_list() == ["1", "2"]


def test_empty_columns_stay_empty():
    assert clean(column(None, " ", "")).series.null_count() == 3
    assert clean(pl.Series("a", [None, None])).series.null_count() == 2
