import datetime as dt

import polars as pl
import pytest

from tarragon.data.moments import find_formats, parse

DAYS = [dt.datetime(2021, 1, 5, 14, 30, 15) + dt.timedelta(days=9 * i, minutes=i) for i in range(60)]


@pytest.mark.parametrize(
    "fmt",
    [
        "%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y",
        "%d-%b-%y",         "%b %d, %Y", "%B %d, %Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%dT%H:%M:%S+02:00",
        "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p",
    ],
)  # fmt: skip
def test_formats_are_found_by_evidence(fmt):
    cells = pl.Series("a", [d.strftime(fmt) for d in DAYS])
    found = find_formats(cells, 0.95)
    assert found
    kept = [d.replace(second=0) if "%S" not in fmt else d for d in DAYS]
    expected = [d if "%H" in fmt or "%I" in fmt else dt.datetime(d.year, d.month, d.day) for d in kept]
    assert parse(cells, found).to_list() == expected


@pytest.mark.parametrize("fmt", ["%d/%m/%Y", "%m/%d/%Y"])
def test_days_up_to_twelve_are_settled_by_the_smoother_order(fmt):
    days = [dt.datetime(2021, m, d) for m in range(1, 13) for d in (1, 4, 8, 12)]
    cells = pl.Series("a", [d.strftime(fmt) for d in days])
    assert parse(cells, find_formats(cells, 0.95)).to_list() == days


def test_mixed_dates_and_times():
    cells = pl.Series("a", ["2020-01-01", "2020-01-02 03:04", "2020-01-05 06:07:08.5", "2020-02-01"] * 5)
    made = parse(cells, find_formats(cells, 0.95))
    assert made.null_count() == 0
    assert made[2] == dt.datetime(2020, 1, 5, 6, 7, 8, 500_000)


@pytest.mark.parametrize(
    "cells", [["a", "b"], ["1.2.3", "4.5.6"], ["12-34", "56-78"], ["hello 2020", "world 2021"], ["555-1234"]]
)
def test_other_words_are_no_dates(cells):
    assert find_formats(pl.Series("a", cells), 0.95) == ()


def test_cells_that_do_not_fit_are_null_and_zones_are_left_out():
    assert parse(pl.Series("a", ["2020-01-01", "x", None]), ("%Y-%m-%d",)).to_list() == [
        dt.datetime(2020, 1, 1),
        None,
        None,
    ]
    zoned = pl.Series("a", [dt.datetime(2020, 1, 1, 5)]).dt.replace_time_zone("Europe/Rome")
    assert parse(zoned, ()).to_list() == [dt.datetime(2020, 1, 1, 5)]
    assert parse(pl.Series("a", [dt.date(2020, 1, 1)]), ()).to_list() == [dt.datetime(2020, 1, 1)]
    assert parse(pl.Series("a", [5]), ()).to_list() == [None]
